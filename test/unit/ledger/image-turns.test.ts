import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { HOLD_MS, ImageTurns, WAIT_MS } from '../../../src/ledger/image-turns.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const main = { name: 'main' } as Backend;
const side = { name: 'side' } as Backend;
const third = { name: 'third' } as Backend;

describe('ImageTurns', () => {
  /** Records whose turn it has become, in order. */
  function setUp() {
    const clock = new FakeClock();
    const turns = new ImageTurns(clock);
    const entered: string[] = [];
    const enter = (
      pod: string,
      backend: Backend,
      user: string | undefined,
      image = 'app',
      waitMs = WAIT_MS,
    ) => {
      const waiting = turns.enter(image, { pod, backend, user }, waitMs);
      if (waiting === undefined) entered.push(pod);
      else void waiting.over.then(() => entered.push(pod));
      return waiting;
    };
    /** What promises have to do is done. */
    const settled = async () => {
      for (let round = 0; round < 5; round++) await undefined;
      return [...entered];
    };
    return { clock, turns, enter, settled };
  }

  it('lets nobody wait whose images have the same user, on however many backends', async () => {
    const { enter, settled } = setUp();
    enter('a', main, '1000');
    enter('b', side, '1000');
    enter('c', main, '1000');
    expect(await settled()).toEqual(['a', 'b', 'c']);
  });

  it('lets nobody wait for a container of another image', async () => {
    const { enter, settled } = setUp();
    enter('a', main, '1000');
    enter('b', side, '0', 'app:2');
    expect(await settled()).toEqual(['a', 'b']);
  });

  it('lets one with another user wait until the containers before it are created', async () => {
    const { turns, enter, settled } = setUp();
    enter('a', main, '1000');
    enter('b', main, '1000');
    enter('c', side, '0', 'app:latest');
    turns.leave('app:latest', 'a');
    expect(await settled()).toEqual(['a', 'b']);
    turns.leave('app', 'b');
    expect(await settled()).toEqual(['a', 'b', 'c']);
  });

  it('gives the turn to all that may have it together, and lets nobody overtake those that wait', async () => {
    const { turns, enter, settled } = setUp();
    enter('a', main, '1000');
    enter('b', side, '0');
    enter('late', main, '1000');
    enter('c', third, '0');
    expect(await settled()).toEqual(['a']);
    turns.leave('app', 'a');
    expect(await settled()).toEqual(['a', 'b', 'c']);
    turns.leave('app', 'b');
    turns.leave('app', 'c');
    expect(await settled()).toEqual(['a', 'b', 'c', 'late']);
  });

  it('waits no longer than two seconds for a container that is never created', async () => {
    const { clock, enter, settled } = setUp();
    enter('a', main, '1000');
    clock.advance(500);
    enter('b', side, '0');
    clock.advance(HOLD_MS - 501);
    expect(await settled()).toEqual(['a']);
    clock.advance(1);
    expect(await settled()).toEqual(['a', 'b']);
  });

  it('keeps nobody waiting any longer for one that looks its image up again and again', async () => {
    const { clock, enter, settled } = setUp();
    enter('a', main, '1000');
    enter('b', side, '0');
    clock.advance(HOLD_MS - 1);
    enter('a', main, '1000');
    clock.advance(1);
    expect(await settled()).toEqual(['a', 'a', 'b']);
  });

  it('does not let a new one wait for one that had its time', async () => {
    const { clock, enter, settled } = setUp();
    enter('a', main, '1000');
    clock.advance(HOLD_MS);
    enter('b', side, '0');
    expect(await settled()).toEqual(['a', 'b']);
  });

  it('keeps the turn of a pod whose image was pulled first, when the user was not known, and is found then', async () => {
    const { enter, settled } = setUp();
    enter('a', main, undefined);
    enter('b', side, '0');
    enter('a', main, '1000');
    expect(await settled()).toEqual(['a', 'a']);
  });

  it('lets one pass that has waited as long as its client can, or as long as anybody may', async () => {
    const { clock, enter, settled } = setUp();
    enter('a', main, '1000');
    enter('short', side, '0', 'app', 300);
    clock.advance(300);
    expect(await settled()).toEqual(['a', 'short']);
    for (const user of ['1', '2', '3', '4', '5', '6', '7', '8']) enter(user, third, user);
    enter('long', side, '0');
    enter('longer', main, '9');
    clock.advance(WAIT_MS);
    expect(await settled()).toContain('longer');
  });

  it('forgets one whose client has left: it is passed over', async () => {
    const { turns, enter, settled } = setUp();
    enter('a', main, '1000');
    const left = enter('b', side, '0');
    enter('c', third, '5');
    left?.cancel();
    turns.leave('app', 'a');
    expect((await settled()).filter((pod) => pod !== 'b')).toEqual(['a', 'c']);
    enter('d', side, '0');
    turns.leave('app', 'c');
    expect(await settled()).toContain('d');
  });

  it('lets at most 256 wait; the next pass at once', async () => {
    const { enter, settled } = setUp();
    enter('a', main, '1000');
    for (let number = 0; number < 300; number++) enter(`b${number}`, side, '0');
    expect(await settled()).toHaveLength(1 + 300 - 256);
  });

  it('holds nothing for names whose containers have come', () => {
    const { turns, enter } = setUp();
    for (let number = 0; number < 5_000; number++) {
      enter('a', main, '1000', `app:${number}`);
      if (number % 2 === 0) turns.leave(`app:${number}`, 'a');
    }
    expect(turns.size).toBe(1_000);
  });
});
