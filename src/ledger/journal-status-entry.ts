// The entry of the journal that holds the last status a backend gave of a pod sandbox or container.
import type { StatusObject } from '../backends/status-memory.ts';
import { readBytes, readString } from '../cri/wire.ts';
import { fields } from './journal-fields.ts';

export interface StatusEntry {
  readonly kind: 'status';
  readonly backend: string;
  readonly object: StatusObject;
  readonly id: string;
  /** When it was given, in milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** CRC-32 of the status as it came; what is here lacks what the lists have. */
  readonly checksum: number;
  /** Of no bytes: what was written before is not its last status, and the last one was not kept. */
  readonly status: Buffer;
}

/** Its payload. */
export function encodeStatus({ backend, object, id, wallMs, checksum, status }: StatusEntry): Buffer {
  return fields(backend, object, id, String(Math.round(wallMs)), String(checksum), status);
}

/** Reads a payload; undefined for a kind of object that is not known here. Throws MalformedMessageError. */
export function decodeStatus(payload: Buffer): StatusEntry | undefined {
  const text = (number: number) => readString(payload, 0, payload.length, [number]) ?? '';
  const object = text(2);
  if (object !== 'sandbox' && object !== 'container') return undefined;
  const numbers = { wallMs: Number(text(4)), checksum: Number(text(5)) };
  // A copy, for the bytes are a view on the whole file, in memory of its own, as it stays for long.
  const found = readBytes(payload, 0, payload.length, [6]) ?? new Uint8Array(0);
  const status = Buffer.allocUnsafeSlow(found.length);
  status.set(found);
  return { kind: 'status', backend: text(1), object, id: text(3), ...numbers, status };
}
