// What is left of a status that is too long to be kept: its state and end, which a list does not say. All else is taken
// from the record in the list. Pure.
import { field, LENGTH_DELIMITED, readField, VARINT } from '../cri/wire-field.ts';
import { encodeText } from '../cri/wire-writer.ts';

/** In both statuses. Every status has it (a kubelet takes one without for broken), and no stub has. */
const METADATA = 2;
/** In ContainerStatus: state, started_at, finished_at and exit_code; of them PodSandboxStatus has the state. */
const NUMBERS: Readonly<Record<'sandbox' | 'container', readonly number[]>> = {
  sandbox: [3],
  container: [3, 5, 6, 7],
};
/** In ContainerStatus. */
const REASON = 10;
/** One word in CamelCase, as Kubernetes has them. */
const REASON_BYTES = 64;
/** Longest stub: much more than fields that are written once take. Of a status that repeats them nothing is kept. */
const STUB_BYTES = 256;

/** The stub of the status in bytes[start, end): nothing where that says no more than a list. Throws MalformedMessageError. */
export function stubOf(object: 'sandbox' | 'container', bytes: Buffer, start: number, end: number): Buffer {
  const kept: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const fieldStart = at;
    at = readField(bytes, at, end);
    const { number, wireType, bodyStart, bodyEnd } = field;
    if (wireType === VARINT && NUMBERS[object].includes(number)) kept.push(bytes.subarray(fieldStart, at));
    else if (wireType === LENGTH_DELIMITED && number === REASON && object === 'container')
      kept.push(encodeText(REASON, cutReason(bytes, bodyStart, bodyEnd)));
  }
  const size = kept.reduce((sum, { length }) => sum + length, 0);
  return size > STUB_BYTES ? Buffer.alloc(0) : Buffer.concat(kept);
}

/** Whether a status is a stub. Throws MalformedMessageError. */
export function isStub(status: Uint8Array): boolean {
  for (let at = 0; at < status.length; ) {
    at = readField(status, at, status.length);
    if (field.number === METADATA) return false;
  }
  return true;
}

function cutReason(bytes: Buffer, start: number, end: number): string {
  if (end - start <= REASON_BYTES) return bytes.toString('utf8', start, end);
  let size = REASON_BYTES;
  while (size > 0 && ((bytes[start + size] ?? 0) & 0xc0) === 0x80) size--;
  return bytes.toString('utf8', start, start + size);
}
