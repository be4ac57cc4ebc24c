import { describe, expect, it } from 'vitest';
import { LogThrottle, PeerLines } from '../../../src/telemetry/log-throttle.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function throttle(linesPerSecond?: number) {
  const clock = new FakeClock();
  const leftOut: number[] = [];
  const options = { clock, onLeftOut: (count: number) => leftOut.push(count) };
  const log = new LogThrottle(linesPerSecond === undefined ? options : { ...options, linesPerSecond });
  return { clock, leftOut, burst: (count: number) => Array.from({ length: count }, () => log.allows()) };
}

describe('a throttle of log lines', () => {
  it('lets the first of a second through, and then says once how many it left out', () => {
    const { clock, leftOut, burst } = throttle(2);
    expect(burst(5)).toEqual([true, true, false, false, false]);
    clock.advance(999);
    expect(burst(1)).toEqual([false]);
    expect(leftOut).toEqual([]);
    clock.advance(1);
    expect(leftOut).toEqual([4]);
    clock.advance(10_000);
    expect(leftOut).toEqual([4]);
  });

  it('says nothing when all lines were written, and begins anew with each burst', () => {
    const { clock, leftOut, burst } = throttle();
    for (let second = 0; second < 3; second++) {
      expect(burst(5)).toEqual([true, true, true, true, true]);
      clock.advance(1500);
    }
    expect(leftOut).toEqual([]);
  });

  it('keeps a peer to its own part, counts what is left out of all, and begins anew with each second', () => {
    const clock = new FakeClock();
    const leftOut: number[] = [];
    const options = { clock, linesPerSecond: 5, linesOfPeer: 3, onLeftOut: (n: number) => leftOut.push(n) };
    const log = new LogThrottle(options);
    const peers = [new PeerLines(), new PeerLines()];
    const written = () =>
      peers.map((peer) => Array.from({ length: 4 }, () => log.allows(peer)).filter(Boolean).length);
    expect(written()).toEqual([3, 2]);
    clock.advance(1000);
    expect(written()).toEqual([3, 2]);
    clock.advance(1000);
    expect(leftOut).toEqual([3, 3]);
  });
});
