import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/backends/backend.ts';
import { Placements } from '../../../src/ledger/placements.ts';

const red = { name: 'red' } as Backend;
const blue = { name: 'blue' } as Backend;

describe('Placements', () => {
  it('pins a pod until every call that places it has let go', () => {
    const placements = new Placements();
    const first = placements.pin('uid', red);
    const second = placements.pin('uid', red);
    first();
    expect(placements.backendOf('uid')).toBe(red);
    second();
    expect(placements.backendOf('uid')).toBeUndefined();
  });

  it('lets go only once, however often it is told', () => {
    const placements = new Placements();
    const first = placements.pin('uid', red);
    placements.pin('uid', red);
    first();
    first();
    expect(placements.backendOf('uid')).toBe(red);
  });

  it('does not let an older pin undo a newer one on another backend', () => {
    const placements = new Placements();
    const first = placements.pin('uid', red);
    placements.pin('uid', blue);
    first();
    expect(placements.backendOf('uid')).toBe(blue);
  });

  it('pins nothing for a pod without a UID', () => {
    const placements = new Placements();
    placements.pin('', red);
    expect(placements.backendOf('')).toBeUndefined();
  });

  it('knows which backends may have unknown pods until each was listed, and tells it to the journal', () => {
    const placements = new Placements();
    const told: (readonly string[])[] = [];
    placements.watch({ pinned() {}, unpinned() {}, doubted: (names) => told.push(names) });
    expect(placements.doubtBeside(red)).toBeUndefined();
    const trustRed = placements.doubt(red);
    const trustBlue = placements.doubt(blue);
    expect([placements.doubtBeside(red), placements.doubtBeside(blue)]).toEqual([blue, red]);
    trustBlue();
    trustBlue();
    expect([placements.doubtBeside(red), placements.doubtBeside(blue)]).toEqual([undefined, red]);
    expect([placements.isInDoubt(red), placements.isInDoubt(blue)]).toEqual([true, false]);
    trustRed();
    expect(told).toEqual([['red'], ['red', 'blue'], ['red'], []]);
  });
});
