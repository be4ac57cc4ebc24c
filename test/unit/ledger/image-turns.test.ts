import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { ImageTurns, REFUSED_WAIT_MS, WAIT_MS } from '../../../src/ledger/image-turns.ts';
import { HOLD_MS, MOST_HOLD_MS } from '../../../src/ledger/turn-holds.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const main = { name: 'main' } as Backend;
const side = { name: 'side' } as Backend;
const third = { name: 'third' } as Backend;

describe('ImageTurns', () => {
  /** Records whose turn it has become, in order, and with a "-" who has gone on without one. */
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
      const note = (isTurn: boolean) => entered.push(isTurn ? pod : `-${pod}`);
      const entry = turns.enter(image, { pod, backend, user }, waitMs);
      if (typeof entry === 'boolean') note(entry);
      else void entry.over.then(note);
      return typeof entry === 'boolean' ? undefined : entry;
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

  it('lets one go on without its turn that has waited as long as its client can, or as long as anybody may', async () => {
    const { clock, enter, settled } = setUp();
    enter('a', main, '1000');
    enter('short', side, '0', 'app', 300);
    clock.advance(300);
    expect(await settled()).toEqual(['a', '-short']);
    for (const user of ['1', '2', '3', '4', '5', '6', '7', '8']) enter(user, { name: user } as Backend, user);
    enter('longer', side, '0');
    clock.advance(WAIT_MS);
    expect(await settled()).toContain('-longer');
  });

  it('gives a refused pod its turn before others, and twice the time with each refusal', async () => {
    const { clock, turns, enter, settled } = setUp();
    turns.noteRefusal('app', 'refused');
    enter('a', main, '1000');
    enter('b', third, '5');
    enter('refused', side, '0');
    clock.advance(HOLD_MS);
    expect(await settled()).toEqual(['a', 'refused']);
    clock.advance(2 * HOLD_MS - 1);
    expect(await settled()).toEqual(['a', 'refused']);
    clock.advance(1);
    expect(await settled()).toEqual(['a', 'refused', 'b']);
  });

  it('lets a refused pod take the turn when its own time to wait is over', async () => {
    const { clock, turns, enter, settled } = setUp();
    turns.noteRefusal('app', 'refused');
    turns.noteRefusal('app', 'refused too');
    enter('a', main, '1000');
    enter('refused', side, '0', 'app', 200);
    clock.advance(200);
    expect(await settled()).toEqual(['a', 'refused']);
    // Not from one that was refused as often.
    enter('refused too', main, '1000', 'app', 200);
    clock.advance(200);
    expect(await settled()).toEqual(['a', 'refused', '-refused too']);
    turns.noteRefusal('app', 'refused too');
    enter('refused too', main, '1000', 'app', 200);
    clock.advance(200);
    expect((await settled()).at(-1)).toBe('refused too');
  });

  it('lets a refused pod outlast any turn before it', async () => {
    const { clock, turns, enter, settled } = setUp();
    for (let refusals = 0; refusals < 9; refusals++) turns.noteRefusal('app', 'a');
    turns.noteRefusal('app', 'b');
    enter('a', main, '1000');
    enter('b', side, '0', 'app', REFUSED_WAIT_MS);
    enter('c', side, '0');
    clock.advance(MOST_HOLD_MS);
    expect(await settled()).toEqual(['a', '-c', 'b']);
  });

  it('ends the turn of one whose container has not come when those have come that may take longer', async () => {
    const { clock, turns, enter, settled } = setUp();
    turns.noteRefusal('app', 'slow');
    enter('slow', main, '1000');
    enter('quick', main, '1000');
    enter('b', side, '0');
    turns.leave('app', 'slow');
    clock.advance(HOLD_MS);
    expect(await settled()).toEqual(['slow', 'quick', 'b']);
  });

  it('costs others less with each container that never comes, until one is asked for', async () => {
    const { clock, turns, enter, settled } = setUp();
    const waitedMs = async (round: number): Promise<number> => {
      enter('never', main, '1000');
      enter(`b${round}`, side, '0');
      let spanMs = 0;
      for (; !(await settled()).includes(`b${round}`); spanMs += 50) clock.advance(50);
      turns.leave('app', `b${round}`);
      return spanMs;
    };
    const spans: number[] = [];
    for (let round = 0; round < 8; round++) spans.push(await waitedMs(round));
    expect(spans).toEqual([2_000, 1_000, 500, 250, 150, 100, 50, 50]);
    turns.leave('app', 'never');
    expect(await waitedMs(8)).toBe(HOLD_MS);
  });

  it('says whether a call of no pod may lead look-ups to a backend: if it disturbs no turn', () => {
    const { clock, turns, enter } = setUp();
    expect(turns.isFree('app', side, undefined)).toBe(true);
    enter('a', main, '1000');
    expect(turns.isFree('app:latest', side, '0')).toBe(false);
    expect(turns.isFree('app', side, '1000')).toBe(true);
    expect(turns.isFree('app', main, undefined)).toBe(true);
    clock.advance(HOLD_MS);
    expect(turns.isFree('app', side, '0')).toBe(true);
  });

  it('passes over one whose client has left', async () => {
    const { turns, enter, settled } = setUp();
    enter('a', main, '1000');
    const left = enter('b', side, '0');
    enter('c', third, '5');
    left?.cancel();
    turns.leave('app', 'a');
    expect((await settled()).filter((pod) => pod !== '-b')).toEqual(['a', 'c']);
    enter('d', side, '0');
    turns.leave('app', 'c');
    expect(await settled()).toContain('d');
  });

  it('lets at most 256 wait for each backend, and as many again that were refused', async () => {
    const { turns, enter, settled } = setUp();
    enter('a', main, '1000');
    for (let number = 0; number < 300; number++) enter(`b${number}`, side, '0');
    expect(await settled()).toHaveLength(1 + 300 - 256);
    expect((await settled()).at(-1)).toBe('-b299');
    enter('c', third, '7');
    turns.noteRefusal('app', 'refused');
    enter('refused', side, '0');
    expect(await settled()).toHaveLength(1 + 300 - 256);
    turns.leave('app', 'a');
    expect(await settled()).toContain('refused');
    expect(await settled()).toContain('b0');
    enter('d', side, '0');
    for (let number = 0; number < 300; number++) turns.leave('app', `b${number}`);
    turns.leave('app', 'refused');
    expect((await settled()).slice(-1)).toEqual(['c']);
  });

  it('has no turns for names that are longer than any', async () => {
    const { turns, enter, settled } = setUp();
    const long = 'x'.repeat(1_001);
    enter('a', main, '1000', long);
    enter('b', side, '0', long);
    expect([await settled(), turns.size]).toEqual([['a', 'b'], 0]);
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
