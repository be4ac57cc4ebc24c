import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/proxy/call.ts';
import { whoYields } from '../../../src/proxy/stream-places.ts';

/** Calls of one connection, for each of which so many bytes wait. */
function callsOf(...queuedBytes: readonly number[]): Call[] {
  const client = {};
  return queuedBytes.map((bytes) => ({ client, stream: { queuedBytes: bytes } }) as Call);
}

describe('a place among few streams', () => {
  it('is given up by the connection that has most of them', () => {
    const [many, few] = [callsOf(0, 0, 0), callsOf(9)];
    const [newcomer] = callsOf(0);
    expect(many).toContain(whoYields(newcomer as Call, [...few, ...many]));
  });

  it('is given up by the one that reads worst when all have as few as the newcomer', () => {
    const [reader, slow, slowest] = [callsOf(0), callsOf(5), callsOf(7)];
    const [newcomer] = callsOf(0);
    expect(whoYields(newcomer as Call, [...reader, ...slow, ...slowest])).toBe(slowest[0]);
    expect(whoYields(newcomer as Call, reader)).toBeUndefined();
  });

  it('is never given up for a connection that has more, whatever waits at this moment', () => {
    const [reader, other] = [callsOf(100), callsOf(0, 0, 0)];
    const [newcomer, ...its] = callsOf(0, 0, 0);
    expect(whoYields(newcomer as Call, [...reader, ...other, ...its])).toBeUndefined();
  });
});
