// Records of snapshots: what a backend's list will say of an object that was just created, made from the request's own
// bytes, and the change of an object's state. Everything else in a record stays as the client or the backend wrote it.
import { encodeField, forEachRecord, readString, readVarint } from '../cri/wire.ts';
import { field, readField, VARINT } from '../cri/wire-field.ts';
import { encodeNanoseconds, encodeNumber, encodeText } from '../cri/wire-writer.ts';

/** States in a PodSandbox; those of a container count on. */
export const SANDBOX_STATE = { ready: 0, notReady: 1 } as const;
/** States in a Container. */
export const CONTAINER_STATE = { created: 0, running: 1, exited: 2, unknown: 3 } as const;

/** Lists hold their records in field 1. */
const RECORD = 1;

const SANDBOX = { id: 1, state: 3, createdAt: 4, handler: 7 } as const;
/** PodSandboxConfig to PodSandbox: metadata, labels, annotations. */
const SANDBOX_FIELDS = [
  [1, 2],
  [6, 5],
  [7, 6],
] as const;

const CONTAINER = { id: 1, sandboxId: 2, metadata: 3, imageRef: 5, createdAt: 7, imageId: 10 } as const;
/** ContainerConfig to Container: metadata, image, labels, annotations. */
const CONTAINER_FIELDS = [
  [1, 3],
  [2, 4],
  [9, 8],
  [10, 9],
] as const;
/** In ContainerConfig: the name of the container, its image as asked for, and that image's id where it is known. */
const NAME = [1, 1];
const IMAGE = [2, 1];
const IMAGE_ID = [2, 20];

/** What is known of a new object beside its config. */
export interface Birth {
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs: number;
}

/** The list record of a new pod sandbox, READY. `handler` is the one the backend was sent. */
export function sandboxRecord(birth: Birth, config: Uint8Array, handler: string): Buffer {
  return record([
    encodeText(SANDBOX.id, birth.id),
    ...retagged(config, SANDBOX_FIELDS),
    encodeNanoseconds(SANDBOX.createdAt, birth.createdAtMs),
    encodeText(SANDBOX.handler, handler),
  ]);
}

/** The list record of a new container, CREATED. */
export function containerRecord(birth: Birth, sandboxId: string, config: Uint8Array): Buffer {
  const end = config.length;
  return record([
    encodeText(CONTAINER.id, birth.id),
    encodeText(CONTAINER.sandboxId, sandboxId),
    ...retagged(config, CONTAINER_FIELDS),
    // The kubelet asks for images by the reference its pull gave, which is what runtimes show here.
    encodeText(CONTAINER.imageRef, readString(config, 0, end, IMAGE) ?? ''),
    encodeNanoseconds(CONTAINER.createdAt, birth.createdAtMs),
    encodeText(CONTAINER.imageId, readString(config, 0, end, IMAGE_ID) ?? ''),
  ]);
}

/** A ContainerConfig that has a name and nothing else. */
export function nameOnlyConfig(name: string): Uint8Array {
  return encodeField(1, encodeField(1, Buffer.from(name)));
}

/** The name in a ContainerConfig. */
export function containerNameOf(config: Uint8Array): string {
  return readString(config, 0, config.length, NAME) ?? '';
}

/** The message in field `number`; one that comes in several parts is joined, which is how protobuf merges them. */
export function bodyOf(message: Uint8Array, number: number): Uint8Array {
  const parts: Uint8Array[] = [];
  forEachRecord(message, 0, message.length, number, (_, start, end) =>
    parts.push(message.subarray(start, end)),
  );
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

/** The state of the record whose body is bytes[bodyStart, end). */
export function stateOf(bytes: Buffer, bodyStart: number, stateField: number): number {
  return readVarint(bytes, bodyStart, bytes.length, [stateField]) ?? 0;
}

/** The record with another state, all else in its order; from the body bytes[bodyStart, end) a whole record again. */
export function withState(bytes: Buffer, bodyStart: number, stateField: number, state: number): Buffer {
  const kept: Uint8Array[] = [];
  for (let at = bodyStart; at < bytes.length; ) {
    const start = at;
    at = readField(bytes, at, bytes.length);
    if (field.number !== stateField || field.wireType !== VARINT) kept.push(bytes.subarray(start, at));
  }
  return record([...kept, encodeNumber(stateField, state)]);
}

function record(parts: readonly Uint8Array[]): Buffer {
  return Buffer.from(encodeField(RECORD, Buffer.concat(parts)));
}

/** The fields of a config under the numbers they have in a record. */
function retagged(
  config: Uint8Array,
  numbers: readonly (readonly [from: number, to: number])[],
): Uint8Array[] {
  const fields: Uint8Array[] = [];
  for (const [from, to] of numbers) {
    forEachRecord(config, 0, config.length, from, (_, start, end) => {
      fields.push(encodeField(to, config.subarray(start, end)));
    });
  }
  return fields;
}
