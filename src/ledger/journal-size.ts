// How long the journal's file may be: one bound for who reads it and who writes it, so that no start meets a file that was
// written here and is too long to be read.
import { totalmem } from 'node:os';
import { JOURNAL_LIMIT_BYTES } from './journal-format.ts';

/**
 * The longest file that a start reads, and that is written: it is read as a whole, so half of the memory at most. What is
 * in it takes less than itself, for it is views of it.
 */
export function longestFileBytes(): number {
  const limitBytes = process.constrainedMemory();
  const memoryBytes = limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem();
  return Math.min(JOURNAL_LIMIT_BYTES, Math.floor(memoryBytes / 2));
}

/**
 * The size above which a file that began with so many live bytes is written anew: twice that, but never nearer to the
 * longest file than to what lives, which leaves room for what comes while it is written, and time until the next.
 */
export function sizeToCompactAt(liveBytes: number, smallBytes: number): number {
  return Math.min(Math.max(smallBytes, 2 * liveBytes), (liveBytes + longestFileBytes()) / 2);
}

/** Throws for a file that would be longer than a start reads. */
export function refuseLongerThan(longestBytes: number, sizeBytes: number): void {
  if (sizeBytes <= longestBytes) return;
  throw new Error(
    `it would have ${sizeBytes} bytes, and a start reads no more than ${longestBytes} with the memory that there is; give Switchyard more memory`,
  );
}
