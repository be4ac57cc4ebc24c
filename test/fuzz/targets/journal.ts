// Bytes of a journal after damage: reading and replaying never fails, gives nothing that was not written, and names no
// owner that is not in the config.
import { crc32 } from 'node:zlib';
import { sandboxRecord } from '../../../src/backends/snapshot-record.ts';
import { decodeJournal } from '../../../src/ledger/journal-content.ts';
import { encodeEntry, type LedgerEntry } from '../../../src/ledger/journal-entries.ts';
import type { JournalEntry } from '../../../src/ledger/journal-format.ts';
import { replayJournal } from '../../../src/ledger/journal-replay.ts';
import { journalBytes } from '../../support/journal-bytes.ts';
import { formatOneFile } from '../../support/journal-format-one.ts';
import { damage, type Random } from '../random.ts';
import { type FuzzTarget, must } from '../target.ts';

const BACKENDS = ['red', 'green', 'blue'];
const SOCKETS = new Map([
  ['red', '/run/red.sock'],
  ['green', '/run/green.sock'],
]);
const IDS = ['a', 'b', 'c', 'd'.repeat(64)];
const EMPTY = new Uint8Array(0);

/**
 * The input: a kind, how many bytes the journal had, the journal, and what became of it. Kind 0: bytes were damaged, so
 * checksums tell. Other kinds: it was written so, by somebody who can make checksums.
 */
export const journal: FuzzTarget = {
  name: 'journal',
  make(random) {
    const payloads = Array.from({ length: 1 + random.below(12) }, () => encodeEntry(someEntry(random)));
    const fileOf = random.once(4) ? formatOneFile : journalBytes;
    const written = fileOf(payloads);
    const isForged = random.once(2);
    const forged = () =>
      fileOf(
        payloads.map(({ type, payload }) => ({
          type: random.once(9) ? random.below(256) : type,
          payload: random.once(3) ? damage(random, payload, 2) : payload,
        })),
      );
    const found = isForged ? forged() : damage(random, written, random.below(4));
    const head = Buffer.alloc(5);
    head[0] = isForged ? 1 : 0;
    head.writeUInt32BE(written.length, 1);
    return Buffer.concat([head, written, found]);
  },
  check(input) {
    if (input.length < 5) return;
    const writtenEnd = Math.min(input.length, 5 + input.readUInt32BE(1));
    const found = decodeJournal(input.subarray(writtenEnd));
    if (found.kind !== 'journal') return;
    const written = decodeJournal(input.subarray(5, writtenEnd));
    if (input[0] === 0 && written.kind === 'journal') {
      checkWritten(found.entries, written.entries);
      // The format before could not tell.
      const canTell = written.kind === 'journal' && written.key !== undefined && found.lacks === 'nothing';
      must(!canTell || found.entries.length === written.entries.length, 'records are missing unnoticed');
    }
    for (const lacks of ['nothing', 'end', 'records'] as const) checkReplay(found.entries, lacks);
  },
};

/** No record is there that was not written. */
function checkWritten(found: readonly JournalEntry[], written: readonly JournalEntry[]): void {
  const sums = new Set(written.map(sumOf));
  for (const entry of found) must(sums.has(sumOf(entry)), 'a record was read that nobody wrote');
}

function sumOf({ type, payload }: JournalEntry): string {
  return `${type} ${payload.length} ${payload.toString('latin1')}`;
}

function checkReplay(entries: readonly JournalEntry[], lacks: 'nothing' | 'end' | 'records'): void {
  const options = { sockets: SOCKETS, bootId: 'boot', lacks, nowMs: 0, wallMs: 1_000 };
  const state = replayJournal(entries, options);
  for (const objects of [state.sandboxes, state.containers]) {
    for (const { backend } of objects.values())
      must(SOCKETS.has(backend), `an owner ${backend} that is not in the config`);
  }
  for (const [name, snapshot] of state.snapshots) {
    must(SOCKETS.has(name), `a snapshot of ${name}`);
    const listed = snapshot.idsOf('ListPodSandbox') ?? [];
    for (const id of listed)
      must(state.sandboxes.get(id)?.backend === name, `${name} shows ${id}, which it does not own`);
    for (const list of ['ListPodSandbox', 'ListContainers', 'ListImages'] as const) {
      if (snapshot.has(list)) snapshot.answer(list, EMPTY);
      const isCut = lacks === 'end' && state.isOfAnotherBoot;
      must(
        lacks === 'nothing' || isCut || !snapshot.has(list),
        `${list} of ${name} is used though entries are missing`,
      );
    }
  }
}

function someEntry(random: Random): LedgerEntry {
  const backend = random.pick(BACKENDS);
  const id = random.pick(IDS);
  const object = random.once(2) ? 'sandbox' : 'container';
  const record = sandboxRecord({ id, createdAtMs: 1 }, EMPTY, '');
  const about = {
    backend,
    rpc: random.once(3) ? 'ListContainers' : 'ListPodSandbox',
    seq: random.below(9),
    wallMs: random.below(2_000),
  } as const;
  switch (random.below(9)) {
    case 0:
      return {
        kind: 'origin',
        bootId: 'boot',
        sockets: random.once(2) ? SOCKETS : new Map([['red', '/run/other.sock']]),
      };
    case 1:
    case 2:
      return { kind: 'added', object, id, backend, parent: random.pick(['', 'uid']) };
    case 3:
      return { kind: 'removed', object, id };
    case 4:
      return { kind: 'message', ...about, message: random.once(4) ? random.bytes(20) : record };
    case 5:
      return { kind: 'confirmed', ...about, checksum: crc32(record) };
    case 6:
      return {
        kind: 'change',
        backend,
        seq: random.below(9),
        change: random.once(2) ? { kind: 'run-sandbox', id, record } : { kind: 'remove-sandbox', id },
      };
    case 7:
      return random.once(2) ? { kind: 'pinned', uid: id, backend } : { kind: 'unpinned', uid: id };
    default:
      return { kind: 'note', name: 'runtime-name', value: random.bytes(5) };
  }
}
