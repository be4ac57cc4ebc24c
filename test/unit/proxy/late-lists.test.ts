import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { patienceMs } from '../../../src/proxy/hang-watch.ts';
import { LateLists } from '../../../src/proxy/late-lists.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function lateLists() {
  const clock = new FakeClock();
  const late = new LateLists(clock);
  const givenUp: string[] = [];
  const wait = (backend: string, rpc: string, name: string) =>
    late.await(backend, rpc, () => givenUp.push(name));
  const patienceWith = (name: string) =>
    patienceMs({ name, config: { timeouts: { listMs: 2_000 } } } as Backend, late);
  return { clock, givenUp, wait, patienceWith };
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

  it('leave a scrape less patience with their backend, so that three lists of it end within ten seconds', () => {
    const { clock, wait, patienceWith } = lateLists();
    expect(patienceWith('red')).toBe(8_000);
    const arrived = wait('red', 'ListPodSandbox', 'first');
    wait('red', 'ListContainers', 'second');
    expect(2_000 + 2_000 + patienceWith('red')).toBeLessThan(10_000);
    expect(patienceWith('redder')).toBe(8_000);
    arrived();
    expect(patienceWith('red')).toBe(4_000);
    clock.advance(30_000);
    expect(patienceWith('red')).toBe(8_000);
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
