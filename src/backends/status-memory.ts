// The last status that a backend gave of each of its pod sandboxes and containers, to answer for it while it is absent.
// Kept without labels and annotations, which are most of it and stand in the lists of the snapshot too; where that is too
// long, or there is no room for it, a stub (status-stub.ts). What is older than a status that went by is never kept.
import { crc32 } from 'node:zlib';
import type { Moment } from '../clock.ts';
import type { OwnedMethod } from '../cri/methods.ts';
import { field, readField } from '../cri/wire-field.ts';
import { isStub, stubOf } from './status-stub.ts';

/** What statuses are of. */
export type StatusObject = OwnedMethod['object'];

/** A status with the moments at which the backend first and last said so. */
export interface KeptStatus {
  /** A PodSandboxStatus or ContainerStatus without labels and annotations, or a stub of it. */
  readonly status: Buffer;
  /** Of the status as it came. */
  readonly checksum: number;
  /** What is on record: it is the same after a restart. */
  readonly given: Moment;
  seen: Moment;
}

/** In the place of a status's checksum where what is kept is not a status as it came: none that comes has it. */
const NO_CHECKSUM = -1;

/** Its owner has said that there is no such object. */
export function isDenial({ status, checksum }: KeptStatus): boolean {
  return status.length === 0 && checksum === NO_CHECKSUM;
}

/** By object: labels and annotations, in PodSandboxStatus and ContainerStatus. */
const IN_LISTS: Readonly<Record<StatusObject, readonly number[]>> = { sandbox: [7, 8], container: [12, 13] };

/** Longest status that is kept whole; one has some 2 KiB, most of it mounts. */
const STATUS_BYTES = 32 * 1024;
/** Of one backend, of sandboxes as of containers. */
const STATUSES = 20_000;
const BACKEND_BYTES = 16 * 1024 * 1024;
/** Of one backend: what others cannot take from it, for some 1,000 statuses, and as much again for stubs alone. */
const OWN_BYTES = 2 * 1024 * 1024;
const STUBS_BYTES = 2 * 1024 * 1024;
/**
 * Of one backend: what the statuses of its containers cannot take from those of its sandboxes, again for some 1,000. A
 * container's can be made of the list, that of a sandbox that is ready cannot.
 */
const SANDBOX_BYTES = 2 * 1024 * 1024;
/** Of all backends, beyond what each has for itself. */
const SHARED_BYTES = 24 * 1024 * 1024;
/** What an entry takes beside the status. */
const ENTRY_BYTES = 256;

/** The memory that the backends share for their statuses, beyond what each has for itself. */
export class StatusBudget {
  private leftBytes: number;

  constructor(sizeBytes = SHARED_BYTES) {
    this.leftBytes = sizeBytes;
  }

  /** Takes so much, or gives it back when below zero; false when there is not so much left. */
  take(sizeBytes: number): boolean {
    if (sizeBytes > this.leftBytes) return false;
    this.leftBytes -= sizeBytes;
    return true;
  }
}

export class StatusMemory {
  private readonly budget: StatusBudget;
  private readonly kept = {
    sandbox: new Map<string, KeptStatus>(),
    container: new Map<string, KeptStatus>(),
  };
  /** Of whole statuses, and of stubs. */
  private readonly sizeBytes = { sandbox: 0, container: 0 };
  private readonly stubsBytes = { sandbox: 0, container: 0 };

  constructor(budget = new StatusBudget()) {
    this.budget = budget;
  }

  /** The last status of an object; undefined when there is none, or there was no room for it. */
  get(object: StatusObject, id: string): KeptStatus | undefined {
    return this.kept[object].get(id);
  }

  /**
   * The backend says of an object: bytes[start, end). They are only looked at; what is kept is a copy. True when
   * something else is kept than before, or nothing any more. Most statuses say what the last one said.
   */
  see(object: StatusObject, id: string, bytes: Buffer, start: number, end: number, seen: Moment): boolean {
    if (this.confirm(object, id, bytes, start, end, seen)) return false;
    const checksum = crc32(bytes.subarray(start, end));
    const wasKept = this.forget(object, id);
    const status = withoutFields(bytes, start, end, IN_LISTS[object]);
    if (!isStub(status) && this.keep(object, id, { status, checksum, given: seen, seen })) return true;
    const stub = stubOf(object, status, 0, status.length);
    return (
      (stub.length > 0 && this.keep(object, id, { status: stub, checksum, given: seen, seen })) || wasKept
    );
  }

  /** Whether the backend says what it said last; then it was seen now. */
  confirm(
    object: StatusObject,
    id: string,
    bytes: Buffer,
    start: number,
    end: number,
    seen: Moment,
  ): boolean {
    const last = this.kept[object].get(id);
    if (last === undefined || last.checksum !== crc32(bytes.subarray(start, end))) return false;
    last.seen = seen;
    return true;
  }

  /** Keeps that its owner has said that there is no such object, as long as there is room for stubs. */
  deny(object: StatusObject, id: string, seen: Moment): void {
    this.forget(object, id);
    this.keep(object, id, { status: Buffer.alloc(0), checksum: NO_CHECKSUM, given: seen, seen });
  }

  /** Leaves a field out of what is kept, as it may have changed since. False when it was not there. */
  leaveOut(object: StatusObject, id: string, number: number): boolean {
    const last = this.kept[object].get(id);
    if (last === undefined) return false;
    const status = withoutFields(last.status, 0, last.status.length, [number]);
    if (status.length === last.status.length) return false;
    this.forget(object, id);
    this.keep(object, id, { ...last, status, checksum: NO_CHECKSUM });
    return true;
  }

  /** Keeps a status that is not here yet, by reference; false when there is no room for it. */
  keep(object: StatusObject, id: string, kept: KeptStatus): boolean {
    if (kept.status.length > STATUS_BYTES || this.kept[object].size >= STATUSES) return false;
    if (!this.take(object, kept.status, 1)) return false;
    this.kept[object].set(id, kept);
    return true;
  }

  /** The object is gone, or what is kept of it is not its last status. False when nothing was kept. */
  forget(object: StatusObject, id: string): boolean {
    const last = this.kept[object].get(id);
    if (last === undefined) return false;
    this.take(object, last.status, -1);
    return this.kept[object].delete(id);
  }

  /** Takes the room for a status, or gives it back; false when there is none. */
  private take(object: StatusObject, status: Buffer, sign: 1 | -1): boolean {
    const changeBytes = sign * (status.length + ENTRY_BYTES);
    if (isStub(status)) {
      if (this.stubsBytes[object] + changeBytes > STUBS_BYTES) return false;
      this.stubsBytes[object] += changeBytes;
      return true;
    }
    const before = sharedBytes(this.sizeBytes);
    const after = sharedBytes({ ...this.sizeBytes, [object]: this.sizeBytes[object] + changeBytes });
    if (sign > 0 && after > BACKEND_BYTES) return false;
    if (!this.budget.take(beyondOwn(after) - beyondOwn(before))) return false;
    this.sizeBytes[object] += changeBytes;
    return true;
  }

  /** All that is kept. May be read while it changes. */
  *entries(): Generator<readonly [object: StatusObject, id: string, kept: KeptStatus]> {
    for (const object of ['sandbox', 'container'] as const) {
      for (const [id, kept] of this.kept[object]) yield [object, id, kept];
    }
  }
}

/** What counts of all whole statuses of a backend, beside those that have room of their own. */
function sharedBytes({ sandbox, container }: Readonly<Record<StatusObject, number>>): number {
  return container + Math.max(0, sandbox - SANDBOX_BYTES);
}

function beyondOwn(sizeBytes: number): number {
  return Math.max(0, sizeBytes - OWN_BYTES);
}

/** A copy of its own memory, so that none stays behind that is many times as long. */
function withoutFields(bytes: Buffer, start: number, end: number, left: readonly number[]): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  let size = 0;
  for (let at = start; at < end; ) {
    const fieldStart = at;
    at = readField(bytes, at, end);
    if (!left.includes(field.number)) size += bytes.copy(copy, size, fieldStart, at);
  }
  if (size === copy.length) return copy;
  const kept = Buffer.allocUnsafeSlow(size);
  copy.copy(kept, 0, 0, size);
  return kept;
}
