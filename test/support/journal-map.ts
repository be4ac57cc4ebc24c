// A map kept in a journal: the smallest thing that a journal can be for, and easy to compare with the truth.
import type { JournalEntry } from '../../src/ledger/journal-format.ts';

/** The entry that sets a key, or deletes it. */
export function mapEntry(key: string, value: string | undefined): JournalEntry {
  return value === undefined
    ? { type: 2, payload: Buffer.from(key) }
    : { type: 1, payload: Buffer.from(JSON.stringify([key, value])) };
}

/** The map that entries add up to. */
export function mapOf(entries: readonly JournalEntry[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const { type, payload } of entries) {
    if (type === 2) map.delete(payload.toString());
    else map.set(...(JSON.parse(payload.toString()) as [string, string]));
  }
  return map;
}

/** The entries that make a map. */
export function* liveEntries(map: ReadonlyMap<string, string>): Generator<JournalEntry> {
  for (const [key, value] of map) yield mapEntry(key, value);
}
