// Protobuf bytes as Switchyard reads and edits them where they lie. Any bytes: read, or refused as malformed. Bytes that
// mean something: read and edited as an independent decoder reads and edits them.
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { hasStateAndLabels, readListFilter } from '../../../src/backends/list-filter.ts';
import { type ListMethod, METHODS } from '../../../src/cri/methods.ts';
import {
  forEachField,
  forEachRecord,
  hasOnlyField,
  readMap,
  readString,
  readUint64,
  readVarint,
  replaceString,
} from '../../../src/cri/wire.ts';
import { forEachRecordWithId } from '../../../src/cri/wire-ids.ts';
import { rewriteRecords } from '../../../src/cri/wire-writer.ts';
import { MalformedMessageError } from '../../../src/errors.ts';
import { filesystemsOf, withKnownMountpoints } from '../../../src/merge/container-filesystems.ts';
import { madePodStats } from '../../../src/merge/pod-stats.ts';
import { arbitraryMessage } from '../../support/arbitrary-message.ts';
import { CRI_RPCS } from '../../support/cri-descriptors.ts';
import { checkLeaf, isStringEdited, leavesOf } from '../../support/message-leaves.ts';
import { scrambleMessage } from '../../support/scramble-message.ts';
import { damage } from '../random.ts';
import { type FuzzTarget, must } from '../target.ts';

const TYPES = [...new Set(CRI_RPCS.flatMap((rpc) => [rpc.input, rpc.output]))];
const SOME_FILESYSTEMS = { known: [Buffer.from('/images')], mountpoint: Buffer.from('/images') };
const LISTS = METHODS.filter((row) => row.kind === 'list') as unknown as readonly ListMethod[];

/** The input: which type, whether it is damaged (then nobody says what it means), a number, and the message. */
export const protobuf: FuzzTarget = {
  name: 'protobuf',
  make(random) {
    const type = random.below(TYPES.length);
    const desc = TYPES[type] as (typeof TYPES)[number];
    const [message] = fc.sample(arbitraryMessage(desc, 3), { seed: random.below(2 ** 31), numRuns: 1 });
    const plain = toBinary(desc, message as NonNullable<typeof message>);
    const bytes = Buffer.from(random.once(2) ? scrambleMessage(desc, plain, random.below(2 ** 31)) : plain);
    const isDamaged = random.once(2);
    const head = Buffer.from([type, isDamaged ? 1 : 0, random.below(256)]);
    return Buffer.concat([head, isDamaged ? damage(random, bytes, 1 + random.below(4)) : bytes]);
  },
  check(input) {
    const [type = 0, isDamaged = 0, number = 0] = input;
    const bytes = input.subarray(3);
    for (const read of readers(bytes, 1 + (number % 4))) refusesOrReads(read);
    checkIds(bytes, 1 + (number % 3));
    if (isDamaged === 0) checkMeaning(type, number, bytes);
  },
};

function readers(bytes: Buffer, number: number): (() => unknown)[] {
  const end = bytes.length;
  return [
    () => readString(bytes, 0, end, [number, 1]),
    () => readVarint(bytes, 0, end, [number, 2]),
    () => readMap(bytes, 0, end, [number]),
    () => hasOnlyField(bytes, 0, end, number),
    () =>
      forEachField(bytes, (_, start, to) => must(start >= 0 && start < to && to <= end, 'a field outside')),
    () => replaceString(bytes, [number, 1], 'x'),
    () => readUint64(bytes, 0, end, [number, 2]),
    () => withKnownMountpoints(bytes, [number], filesystemsOf(bytes) ?? SOME_FILESYSTEMS),
    () => madePodStats(bytes, bytes, (id) => id),
    () => rewriteRecords(bytes, number, (body) => (body.length % 2 === 0 ? undefined : body)),
    ...LISTS.map((method) => () => {
      const filter = readListFilter(method, bytes);
      if (filter !== undefined) hasStateAndLabels(method, filter, bytes, 0, end);
    }),
  ];
}

function refusesOrReads(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    return undefined;
  }
}

/** The quick look at the ids of a list finds what looking at each record finds. */
function checkIds(bytes: Buffer, number: number): void {
  const quick = refusesOrReads(() => {
    const ids: string[] = [];
    forEachRecordWithId(bytes, 0, bytes.length, number, [1], (_, start, end, idStart, idEnd) => {
      ids.push(`${start} ${end} ${idStart < 0 ? '-' : bytes.toString('utf8', idStart, idEnd)}`);
    });
    return ids.join();
  });
  const careful = refusesOrReads(() => {
    const ids: string[] = [];
    forEachRecord(bytes, 0, bytes.length, number, (_, start, end) => {
      ids.push(`${start} ${end} ${readString(bytes, start, end, [1]) ?? '-'}`);
    });
    return ids.join();
  });
  must(quick === careful, `the ids of field ${number}: ${String(quick)} and ${String(careful)}`);
}

function checkMeaning(type: number, number: number, bytes: Buffer): void {
  const desc = TYPES[type % TYPES.length] as (typeof TYPES)[number];
  const decoded = decode(() => fromBinary(desc, bytes));
  if (decoded === undefined) return;
  const leaves = leavesOf(desc);
  for (const leaf of leaves) checkLeaf(bytes, 0, bytes.length, leaf, decoded);
  const texts = leaves.filter((leaf) => leaf.kind === 'string' && leaf.isSingular);
  const leaf = texts[number % texts.length];
  if (leaf === undefined) return;
  for (const value of ['', 'edited']) {
    const edited = fromBinary(desc, replaceString(bytes, leaf.path, value));
    must(isStringEdited(desc, decoded, leaf, value, edited), `replaced [${leaf.path}] by "${value}" wrongly`);
  }
}

function decode<Message>(read: () => Message): Message | undefined {
  try {
    return read();
  } catch {
    return undefined; // the decoder refuses it, and so may we
  }
}
