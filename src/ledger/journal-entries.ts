// The entries of the journal: what the ledger and the snapshots learn, one by one. Their payloads are protobuf messages
// of strings, so that a field can be added without a new version of the file.
import { isList, type KeptReply } from '../backends/snapshot.ts';
import type { SnapshotChange, SnapshotList } from '../backends/snapshot-change.ts';
import { readBytes, readString } from '../cri/wire.ts';
import { changeFields, toChange } from './journal-change.ts';
import { fieldHead, fields, notUnderstood } from './journal-fields.ts';
import type { JournalEntry, NewEntry } from './journal-format.ts';
import { decodeStatus, encodeStatus, type StatusEntry } from './journal-status-entry.ts';
import type { ObjectKind } from './ledger.ts';

/**
 * What is kept beside the ledger: the last UpdateRuntimeConfig, the name the node's runtime goes by, the backend whose
 * cgroup driver is the node's, the metric descriptors that clients were told, and the backends that may have unknown pods.
 */
export type NoteName =
  | 'runtime-config'
  | 'runtime-name'
  | 'cgroup-leader'
  | 'metric-descriptors'
  | 'doubtful-backends';

export type LedgerEntry =
  /** Written at each start that differs from the one before. */
  | {
      readonly kind: 'origin';
      /** Of the machine; '' when not known. */
      readonly bootId: string;
      /** Name to socket of all backends. */
      readonly sockets: ReadonlyMap<string, string>;
    }
  | {
      readonly kind: 'added';
      readonly object: ObjectKind;
      readonly id: string;
      readonly backend: string;
      /** UID of the pod, or id of the sandbox; '' when not known. */
      readonly parent: string;
    }
  | { readonly kind: 'removed'; readonly object: ObjectKind; readonly id: string }
  | {
      readonly kind: 'message';
      readonly backend: string;
      readonly rpc: SnapshotList | KeptReply;
      /** After which change the list was asked for; 0 for other replies. */
      readonly seq: number;
      /** When, in milliseconds since the Unix epoch. */
      readonly wallMs: number;
      readonly message: Buffer;
    }
  /** The last such message is still what the backend says. */
  | {
      readonly kind: 'confirmed';
      readonly backend: string;
      readonly rpc: SnapshotList | KeptReply;
      readonly seq: number;
      readonly wallMs: number;
      /** CRC-32 of the message that is meant. */
      readonly checksum: number;
    }
  | {
      readonly kind: 'change';
      readonly backend: string;
      readonly seq: number;
      readonly change: SnapshotChange;
    }
  /** A pod is being placed there: until `unpinned` it may have a sandbox that no list shows yet. */
  | { readonly kind: 'pinned'; readonly uid: string; readonly backend: string }
  | { readonly kind: 'unpinned'; readonly uid: string }
  | { readonly kind: 'note'; readonly name: NoteName; readonly value: Buffer }
  /** A backend has written a checkpoint of a pod there; '': it is not known any more which. */
  | { readonly kind: 'checkpoint'; readonly path: string; readonly backend: string }
  | StatusEntry;

/**
 * The number of each kind, for ever. A Switchyard that does not know a kind passes over its entries if their number is
 * below 128: then such entries may only tell of something that nothing else is made of. From 128 on it uses no list of the
 * file, as if entries were missing: for kinds that change what pods or containers there are. A new kind also has its
 * place in JournalReplay.apply, and in LedgerJournal.content, or the next new file lacks it.
 */
const TYPE = {
  origin: 1,
  added: 2,
  removed: 3,
  message: 4,
  change: 5,
  pinned: 6,
  unpinned: 7,
  note: 8,
  confirmed: 9,
  status: 12,
  checkpoint: 20,
} as const satisfies Record<LedgerEntry['kind'], number>;

const FIRST_ESSENTIAL = 128;

const REPLIES: ReadonlySet<string> = new Set<KeptReply>([
  'Status',
  'RuntimeConfig',
  'ImageFsInfo',
  'Version',
  'ListMetricDescriptors',
  'ListPodSandboxStats',
]);
const NOTES: ReadonlySet<string> = new Set<NoteName>([
  'runtime-config',
  'runtime-name',
  'cgroup-leader',
  'metric-descriptors',
  'doubtful-backends',
]);

/** An entry as it is written. A message of some length is not copied. */
export function encodeEntry(entry: LedgerEntry): NewEntry {
  const encoded = { type: TYPE[entry.kind], payload: payloadOf(entry) };
  return entry.kind === 'message' && isLong(entry.message) ? { ...encoded, message: entry.message } : encoded;
}

/**
 * An entry as it was written; undefined for one of a kind that can be passed over. Throws MalformedMessageError, or what
 * JSON throws, for one that may change what others say and is not understood.
 */
export function decodeEntry({ type, payload }: JournalEntry): LedgerEntry | undefined {
  const text = (number: number) => readString(payload, 0, payload.length, [number]) ?? '';
  const bytes = (number: number) => toBuffer(readBytes(payload, 0, payload.length, [number]));
  switch (type) {
    case TYPE.origin: {
      const sockets = new Map<string, string>();
      for (const [name, socket] of pairsOf(text(2))) sockets.set(name, socket);
      return { kind: 'origin', bootId: text(1), sockets };
    }
    case TYPE.added:
      return { kind: 'added', object: toObject(text(1)), id: text(2), backend: text(3), parent: text(4) };
    case TYPE.removed:
      return { kind: 'removed', object: toObject(text(1)), id: text(2) };
    case TYPE.message:
    case TYPE.confirmed: {
      const rpc = text(2);
      if (!isList(rpc) && !isReply(rpc)) return undefined;
      const about = { backend: text(1), rpc, seq: toNumber(text(3)), wallMs: toNumber(text(4)) };
      if (type === TYPE.message) return { kind: 'message', ...about, message: bytes(5) };
      return { kind: 'confirmed', ...about, checksum: toNumber(text(6)) };
    }
    case TYPE.change: {
      const change = toChange(text(3), text(4), text(5), bytes(6), text(7));
      return { kind: 'change', backend: text(1), seq: toNumber(text(2)), change };
    }
    case TYPE.pinned:
      return { kind: 'pinned', uid: text(1), backend: text(2) };
    case TYPE.unpinned:
      return { kind: 'unpinned', uid: text(1) };
    case TYPE.note: {
      const name = text(1);
      return NOTES.has(name) ? { kind: 'note', name: name as NoteName, value: bytes(2) } : undefined;
    }
    case TYPE.status:
      return decodeStatus(payload);
    case TYPE.checkpoint:
      return { kind: 'checkpoint', path: text(1), backend: text(2) };
    default:
      if (type >= FIRST_ESSENTIAL) throw notUnderstood(`type ${type}`);
      return undefined;
  }
}

function payloadOf(entry: LedgerEntry): Buffer {
  switch (entry.kind) {
    case 'origin':
      return fields(entry.bootId, JSON.stringify([...entry.sockets]));
    case 'added':
      return fields(entry.object, entry.id, entry.backend, entry.parent);
    case 'removed':
      return fields(entry.object, entry.id);
    case 'message': {
      const { backend, rpc, seq, wallMs, message } = entry;
      const about = [backend, rpc, String(seq), String(wallMs)];
      if (!isLong(message)) return fields(...about, message);
      return Buffer.concat([fields(...about), fieldHead(about.length + 1, message.length)]);
    }
    case 'confirmed': {
      const { backend, rpc, seq, wallMs, checksum } = entry;
      return fields(backend, rpc, String(seq), String(wallMs), '', String(checksum));
    }
    case 'change':
      return fields(entry.backend, String(entry.seq), ...changeFields(entry.change));
    case 'pinned':
      return fields(entry.uid, entry.backend);
    case 'unpinned':
      return fields(entry.uid);
    case 'note':
      return fields(entry.name, entry.value);
    case 'status':
      return encodeStatus(entry);
    case 'checkpoint':
      return fields(entry.path, entry.backend);
    default:
      return entry satisfies never;
  }
}

/** Whether it is worth a part of its own. */
function isLong(message: Buffer): boolean {
  return message.length > LONG_BYTES;
}

const LONG_BYTES = 16 * 1024;
const EMPTY = Buffer.alloc(0);

function toObject(text: string): ObjectKind {
  return text === 'sandbox' ? 'sandbox' : 'container';
}

function toNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  throw notUnderstood(`a number ${text}`);
}

function isReply(rpc: string): rpc is KeptReply {
  return REPLIES.has(rpc);
}

function pairsOf(json: string): [string, string][] {
  return json === '' ? [] : (JSON.parse(json) as [string, string][]);
}

/** A copy, for the bytes are a view on the whole file, which need not stay in memory. */
function toBuffer(bytes: Uint8Array | undefined): Buffer {
  return Buffer.from(bytes ?? EMPTY);
}
