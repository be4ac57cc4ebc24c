// Reads ids out of what backends answer and records them. A record that another backend owns already is reported back.
import type { Backend } from '../backends/backend.ts';
import type { ListMethod } from '../cri/methods.ts';
import { readString } from '../cri/wire.ts';
import { forEachRecordWithId, type IdVisitor, passPlainRecords } from '../cri/wire-ids.ts';
import { MalformedMessageError } from '../errors.ts';
import type { ByteRange } from '../merge/lists.ts';
import type { Ledger, ObjectKind } from './ledger.ts';

/**
 * What a list reply is: a whole unfiltered list, by its number from Ledger.beginList; a `part` of such a list, that of a
 * stream; or the answer to a filter.
 */
export type ListExtent = number | 'part' | 'filtered';

/**
 * Records in one reply. Those of real pods and containers have 300 bytes and more, so no more of them go into the 16 MiB
 * that a kubelet takes; to learn a million ids holds up all calls for seconds.
 */
const RECORDS_LIMIT = 50_000;
/** Bytes of an id; those of all runtimes have 64. Ids are kept in memory and on disk. */
export const ID_LIMIT_BYTES = 1_024;
/** What has not been counted while it came is counted before anything of it is learnt, if it is longer than this. */
const COUNTED_FIRST_BYTES = 256 * 1024;

/** Reading begins anew when so much more of a message has come. */
const STEP_BYTES = 64 * 1024;

/**
 * Learns the ids of one backend's list reply and returns the records that must not be shown, because another backend
 * owns their ids (two endpoints of one runtime do that; a kubelet that sees an id twice kills the pod for ever).
 * Throws MalformedMessageError, naming the backend, when the reply does not parse.
 */
export function learnList(
  ledger: Ledger,
  method: ListMethod,
  backend: Backend,
  message: Uint8Array,
  extent: ListExtent,
): ByteRange[] {
  return new ListLearner(ledger, method, backend, extent).finish(message);
}

/**
 * As learnList, for a reply that comes in pieces: nearly all ids of a list are known, and those are looked up while the
 * backend still writes. Nothing new is learnt before the reply is whole, for until then it may prove to be no answer.
 */
export class ListLearner {
  private readonly ledger: Ledger;
  private readonly method: ListMethod;
  private readonly backend: Backend;
  private readonly extent: ListExtent;
  /** The number of the full list, or 0. */
  private readonly list: number;
  private readonly foreign: ByteRange[] = [];
  /** Where records lie whose ids the ledger does not find by their bytes: record, body and end of each. */
  private readonly later: number[] = [];
  private readBytes = 0;
  private records = 0;

  constructor(ledger: Ledger, method: ListMethod, backend: Backend, extent: ListExtent) {
    this.ledger = ledger;
    this.method = method;
    this.backend = backend;
    this.extent = extent;
    this.list = typeof extent === 'number' ? extent : 0;
  }

  /** So much of the message is there. It may lie in other memory each time. Never throws. */
  readonly advance = (message: Uint8Array, sizeBytes: number): void => {
    const { object, recordField, recordIdPath, relabels } = this.method;
    // What is relabelled comes to finish() as another message.
    if (sizeBytes - this.readBytes < STEP_BYTES || object === 'image' || relabels) return;
    if (this.records > RECORDS_LIMIT) return;
    const visit: IdVisitor = (recordStart, bodyStart, bodyEnd, idStart, idEnd) => {
      this.records++;
      if (idStart < 0) return;
      const isItsOwn = this.ledger.seeBytes(object, view, idStart, idEnd, this.backend, this.list);
      if (isItsOwn === undefined) this.later.push(recordStart, bodyStart, bodyEnd);
      else if (!isItsOwn) this.foreign.push({ start: recordStart, end: bodyEnd });
    };
    const view = viewOf(message);
    this.readBytes = passPlainRecords(message, this.readBytes, sizeBytes, recordField, recordIdPath, visit);
  };

  /** The message is whole, and the backend's answer. Returns and throws what learnList does. */
  finish(message: Uint8Array): ByteRange[] {
    try {
      return this.learnRest(message);
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      const { backend, method } = this;
      throw new MalformedMessageError(
        `backend ${backend.name} sent a ${method.name} reply that is broken: ${error.message}`,
        { from: 'backend', cause: error },
      );
    }
  }

  private learnRest(message: Uint8Array): ByteRange[] {
    const { ledger, backend, extent, list, foreign, later, readBytes } = this;
    const { object, recordField, recordIdPath, learns } = this.method;
    if (object === 'image') {
      // Nobody owns an image; but what does not parse must be found out here.
      forEachRecordWithId(message, 0, message.length, recordField, recordIdPath, () => {});
      return [];
    }
    this.checkCount(message);
    for (let at = 0; at < later.length; at += 3) {
      const [start, bodyStart, end] = later.slice(at, at + 3) as [number, number, number];
      if (!this.seeText(object, message, start, bodyStart, end)) foreign.push({ start, end });
    }
    const view = viewOf(message);
    const visit: IdVisitor = (recordStart, bodyStart, bodyEnd, idStart, idEnd) => {
      if (idStart < 0) return;
      const isItsOwn =
        ledger.seeBytes(object, view, idStart, idEnd, backend, list) ??
        this.seeText(object, message, recordStart, bodyStart, bodyEnd);
      if (!isItsOwn) foreign.push({ start: recordStart, end: bodyEnd });
    };
    forEachRecordWithId(message, readBytes, message.length, recordField, recordIdPath, visit);
    if (learns && typeof extent === 'number') ledger.endList(object, backend, extent);
    return later.length === 0 ? foreign : foreign.sort((a, b) => a.start - b.start);
  }

  /** Throws before anything new is learnt when there are too many records. */
  private checkCount(message: Uint8Array): void {
    const { recordField, recordIdPath } = this.method;
    if (message.length - this.readBytes > COUNTED_FIRST_BYTES) {
      forEachRecordWithId(message, this.readBytes, message.length, recordField, recordIdPath, () => {
        this.records++;
      });
    }
    if (this.records > RECORDS_LIMIT)
      throw new MalformedMessageError(`it has over ${RECORDS_LIMIT} records`, { from: 'backend' });
  }

  /** For ids that the ledger cannot find by their bytes: mostly those that are new. */
  private seeText(
    object: ObjectKind,
    message: Uint8Array,
    recordStart: number,
    bodyStart: number,
    bodyEnd: number,
  ): boolean {
    const { ledger, backend, extent, list } = this;
    const { recordIdPath, record, learns } = this.method;
    const id = readString(message, bodyStart, bodyEnd, recordIdPath) ?? '';
    if (id.length > ID_LIMIT_BYTES)
      throw new MalformedMessageError(`an id has over ${ID_LIMIT_BYTES} characters`, { from: 'backend' });
    const owner = ledger.ownerOf(object, id);
    if (!learns) return (owner ?? backend) === backend;
    const parentPath = object === 'sandbox' ? record?.uid : record?.sandboxId;
    const parent = () => (parentPath && readString(message, bodyStart, bodyEnd, parentPath)) ?? '';
    const isItsOwn = ledger.see(object, id, backend, list, parent);
    // What the client has seen once must not be missing when the snapshot answers for the backend.
    if (extent === 'filtered' && owner === undefined && ledger.ownerOf(object, id) === backend) {
      noteFound(backend, object, id, parent(), message.subarray(recordStart, bodyEnd));
    }
    return isItsOwn;
  }
}

function viewOf(message: Uint8Array): DataView {
  return new DataView(message.buffer, message.byteOffset, message.length);
}

/** Gives the snapshot the list record of an object that was found by other means than a full list. */
export function noteFound(
  backend: Backend,
  object: ObjectKind,
  id: string,
  parent: string,
  bytes: Uint8Array,
): void {
  // The reply's memory is used again.
  const record = Buffer.from(bytes);
  backend.snapshot.change(
    object === 'sandbox'
      ? { kind: 'run-sandbox', id, record }
      : { kind: 'create-container', id, sandboxId: parent, record },
  );
}
