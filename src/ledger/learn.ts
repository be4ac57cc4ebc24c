// Reads ids out of what backends answer and records them. A record that another backend owns already is reported back.
import type { Backend } from '../backends/backend.ts';
import type { ListMethod } from '../cri/methods.ts';
import { readString } from '../cri/wire.ts';
import { forEachRecordWithId, type IdVisitor } from '../cri/wire-ids.ts';
import { MalformedMessageError } from '../errors.ts';
import type { ByteRange } from '../merge/lists.ts';
import type { Ledger, ObjectKind } from './ledger.ts';

/**
 * What a list reply is: a whole unfiltered list, by its number from Ledger.beginList; a `part` of such a list, that of a
 * stream; or the answer to a filter.
 */
export type ListExtent = number | 'part' | 'filtered';

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
  try {
    return learnRecords(ledger, method, backend, message, extent);
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    throw new MalformedMessageError(
      `backend ${backend.name} sent a ${method.name} reply that is broken: ${error.message}`,
      {
        from: 'backend',
        cause: error,
      },
    );
  }
}

function learnRecords(
  ledger: Ledger,
  method: ListMethod,
  backend: Backend,
  message: Uint8Array,
  extent: ListExtent,
): ByteRange[] {
  const { object, recordIdPath, record } = method;
  if (object === 'image') {
    // Nobody owns an image; but what does not parse must be found out here.
    forEachRecordWithId(message, 0, message.length, method.recordField, recordIdPath, () => {});
    return [];
  }
  const parentPath = object === 'sandbox' ? record?.uid : record?.sandboxId;
  const list = typeof extent === 'number' ? extent : 0;
  const foreign: ByteRange[] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  // For ids that the ledger cannot find by their bytes: mostly those that are new.
  const seeText = (recordStart: number, bodyStart: number, bodyEnd: number): boolean => {
    const id = readString(message, bodyStart, bodyEnd, recordIdPath) ?? '';
    const owner = ledger.ownerOf(object, id);
    if (!method.learns) return (owner ?? backend) === backend;
    const parent = () => (parentPath && readString(message, bodyStart, bodyEnd, parentPath)) ?? '';
    const isItsOwn = ledger.see(object, id, backend, list, parent);
    // What the client has seen once must not be missing when the snapshot answers for the backend.
    if (extent === 'filtered' && owner === undefined && ledger.ownerOf(object, id) === backend) {
      noteFound(backend, object, id, parent(), message.subarray(recordStart, bodyEnd));
    }
    return isItsOwn;
  };
  const visit: IdVisitor = (recordStart, bodyStart, bodyEnd, idStart, idEnd) => {
    if (idStart < 0) return;
    const isItsOwn =
      ledger.seeBytes(object, view, idStart, idEnd, backend, list) ??
      seeText(recordStart, bodyStart, bodyEnd);
    if (!isItsOwn) foreign.push({ start: recordStart, end: bodyEnd });
  };
  forEachRecordWithId(message, 0, message.length, method.recordField, recordIdPath, visit);
  if (method.learns && typeof extent === 'number') ledger.endList(object, backend, extent);
  return foreign;
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
