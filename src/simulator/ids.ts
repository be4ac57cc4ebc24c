// Where the simulated runtimes get their randomness from: ids, tokens, load figures.

import { randomBytes } from 'node:crypto';

/** A source of random bytes, handed in so that tests can repeat a run. */
export interface IdSource {
  /** A new container or sandbox id: 64 hexadecimal digits, as every runtime measured makes them. */
  newId(): string;
  /** A new token of a streaming URL: 8 characters that need no escaping. */
  newToken(): string;
}

/**
 * Ids from the machine's randomness, or, with a seed, the same ids in the same order on every run.
 * Two simulators that live side by side need different seeds, else they make the same ids.
 */
export function createIdSource(seed?: number): IdSource {
  const bytes = seed === undefined ? (count: number) => randomBytes(count) : seededBytes(seed);
  return {
    newId: () => bytes(32).toString('hex'),
    newToken: () => bytes(6).toString('base64url'),
  };
}

/** A small generator of 32-bit words (xorshift with a mixed start); good enough for ids, never for secrets. */
function seededBytes(seed: number): (count: number) => Buffer {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ 0x6c078965) | 0;
  if (state === 0) state = 1;
  return (count) => {
    const bytes = Buffer.alloc(count);
    for (let at = 0; at < count; at++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      bytes[at] = (state >>> 11) & 0xff;
    }
    return bytes;
  };
}
