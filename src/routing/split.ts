// Divides pods over backends by weight: the same pod always goes the same way, and a changed weight moves the fewest.
// Weighted rendezvous hashing: each backend draws a number for the pod, alone, and the highest wins.
import type { SplitShare } from '../config/config.ts';

/** The backend for the pod with this `key` (its UID). Some weight must be over 0. The order of the shares means nothing. */
export function chooseShare(shares: readonly SplitShare[], key: string): string {
  let chosen = '';
  let highest = Number.NEGATIVE_INFINITY;
  for (const { backend, weight } of shares) {
    if (weight === 0) continue;
    // With a uniform draw u in (0, 1), log(u) / weight is the highest with a chance of weight / sum of weights.
    const score = Math.log(draw(`${backend}\n${key}`)) / weight;
    if (score > highest) {
      highest = score;
      chosen = backend;
    }
  }
  return chosen;
}

/** A number in (0, 1) that depends on `text` alone: FNV-1a, then the finisher of MurmurHash3 so that all bits count. */
function draw(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= hash >>> 16;
  return ((hash >>> 0) + 0.5) / 2 ** 32;
}
