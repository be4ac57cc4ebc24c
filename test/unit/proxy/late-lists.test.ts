import { describe, expect, it } from 'vitest';
import { LateLists } from '../../../src/proxy/late-lists.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function lateLists() {
  const clock = new FakeClock();
  const late = new LateLists(clock);
  const givenUp: string[] = [];
  const wait = (backend: string, rpc: string, name: string) =>
    late.await(backend, rpc, () => givenUp.push(name));
  return { clock, givenUp, wait };
}

describe('lists that come too late for their client', () => {
  it('are awaited for 30 seconds', () => {
    const { clock, givenUp, wait } = lateLists();
    wait('red', 'ListImages', 'first');
    clock.advance(29_999);
    expect(givenUp).toEqual([]);
    clock.advance(1);
    expect(givenUp).toEqual(['first']);
    wait('red', 'ListImages', 'second');
    expect(givenUp).toEqual(['first']);
  });

  it('are awaited one at a time, of each kind and from each backend', () => {
    const { clock, givenUp, wait } = lateLists();
    const arrived = wait('red', 'ListImages', 'first');
    wait('red', 'ListContainers', 'other list');
    wait('blue', 'ListImages', 'other backend');
    wait('red', 'ListImages', 'second');
    expect(givenUp).toEqual(['second']);
    arrived();
    wait('red', 'ListImages', 'third');
    expect(givenUp).toEqual(['second']);
    clock.advance(30_000);
    expect(givenUp.sort()).toEqual(['other backend', 'other list', 'second', 'third']);
  });
});
