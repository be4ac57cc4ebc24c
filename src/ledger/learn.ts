// Reads ids out of what backends answer and records them. A record that another backend owns already is reported back.
import type { Backend } from '../backends/backend.ts';
import type { ListMethod } from '../cri/methods.ts';
import { forEachRecordWithId, type IdVisitor, readString } from '../cri/wire.ts';
import { MalformedMessageError } from '../errors.ts';
import type { ByteRange } from '../merge/lists.ts';
import type { Ledger } from './ledger.ts';

/**
 * Learns the ids of one backend's list reply and returns the records that must not be shown, because another backend
 * owns their ids (two endpoints of one runtime do that; a kubelet that sees an id twice kills the pod for ever).
 * `fullList` is the number from Ledger.beginList when the list was unfiltered. Throws MalformedMessageError, naming the
 * backend, when the reply does not parse.
 */
export function learnList(
  ledger: Ledger,
  method: ListMethod,
  backend: Backend,
  message: Uint8Array,
  fullList: number | undefined,
): ByteRange[] {
  try {
    return learnRecords(ledger, method, backend, message, fullList);
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
  fullList: number | undefined,
): ByteRange[] {
  const { object, recordIdPath, record } = method;
  if (object === 'image') return [];
  const parentPath = object === 'sandbox' ? record?.uid : record?.sandboxId;
  const list = fullList ?? 0;
  const foreign: ByteRange[] = [];
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  // For ids that the ledger cannot find by their bytes: mostly those that are new.
  const seeText = (bodyStart: number, bodyEnd: number): boolean => {
    const id = readString(message, bodyStart, bodyEnd, recordIdPath) ?? '';
    if (!method.learns) return (ledger.ownerOf(object, id) ?? backend) === backend;
    const parent = () => (parentPath && readString(message, bodyStart, bodyEnd, parentPath)) ?? '';
    return ledger.see(object, id, backend, list, parent);
  };
  const visit: IdVisitor = (recordStart, bodyStart, bodyEnd, idStart, idEnd) => {
    if (idStart < 0) return;
    const isItsOwn =
      ledger.seeBytes(object, view, idStart, idEnd, backend, list) ?? seeText(bodyStart, bodyEnd);
    if (!isItsOwn) foreign.push({ start: recordStart, end: bodyEnd });
  };
  forEachRecordWithId(message, 0, message.length, method.recordField, recordIdPath, visit);
  if (method.learns && fullList !== undefined) ledger.endList(object, backend, fullList);
  return foreign;
}
