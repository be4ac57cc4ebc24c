// The last status that a backend gave of each of its pod sandboxes and containers, to answer for it while it is absent.
// Kept without labels and annotations, which are most of it and stand in the lists of the snapshot too.
import { crc32 } from 'node:zlib';
import type { Moment } from '../clock.ts';
import type { OwnedMethod } from '../cri/methods.ts';
import { field, readField } from '../cri/wire-field.ts';

/** What statuses are of. */
export type StatusObject = OwnedMethod['object'];

/** A status with the moment at which the backend last said so. */
export interface KeptStatus {
  /** A PodSandboxStatus or ContainerStatus without labels and annotations. */
  readonly status: Buffer;
  /** Of the status as it came. */
  readonly checksum: number;
  seen: Moment;
}

/** By object: labels and annotations, in PodSandboxStatus and ContainerStatus. */
const IN_LISTS: Readonly<Record<StatusObject, readonly number[]>> = { sandbox: [7, 8], container: [12, 13] };

/** Longest status that is kept; one has some 2 KiB, most of it mounts. */
const STATUS_BYTES = 32 * 1024;
/** Of one backend. */
const STATUSES = 20_000;
const BACKEND_BYTES = 16 * 1024 * 1024;
/** Of all backends. */
const ALL_BYTES = 32 * 1024 * 1024;
/** What an entry takes beside the status. */
const ENTRY_BYTES = 256;

/** The memory for the statuses of all backends together. */
export class StatusBudget {
  private leftBytes: number;

  constructor(sizeBytes = ALL_BYTES) {
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
  private sizeBytes = 0;

  constructor(budget = new StatusBudget()) {
    this.budget = budget;
  }

  /** The last status of an object; undefined when there is none, or there was no room for it. */
  get(object: StatusObject, id: string): KeptStatus | undefined {
    return this.kept[object].get(id);
  }

  /**
   * The backend says of an object: bytes[start, end). They are only looked at; what is kept is a copy. True when that is
   * news. Most statuses say what the last one said.
   */
  see(object: StatusObject, id: string, bytes: Buffer, start: number, end: number, seen: Moment): boolean {
    if (this.confirm(object, id, bytes, start, end, seen)) return false;
    const checksum = crc32(bytes.subarray(start, end));
    this.forget(object, id);
    return this.keep(object, id, { status: withoutLists(object, bytes, start, end), checksum, seen });
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

  /** Keeps a status that is not here yet, by reference; false when there is no room for it. */
  keep(object: StatusObject, id: string, kept: KeptStatus): boolean {
    const { sandbox, container } = this.kept;
    const sizeBytes = kept.status.length + ENTRY_BYTES;
    if (kept.status.length > STATUS_BYTES || this.sizeBytes + sizeBytes > BACKEND_BYTES) return false;
    if (sandbox.size + container.size >= STATUSES || !this.budget.take(sizeBytes)) return false;
    this.sizeBytes += sizeBytes;
    this.kept[object].set(id, kept);
    return true;
  }

  /** The object is gone. */
  forget(object: StatusObject, id: string): void {
    const last = this.kept[object].get(id);
    if (last === undefined) return;
    const sizeBytes = last.status.length + ENTRY_BYTES;
    this.sizeBytes -= sizeBytes;
    this.budget.take(-sizeBytes);
    this.kept[object].delete(id);
  }

  /** None of them can be believed. */
  clear(): void {
    for (const [object, id] of this.entries()) this.forget(object, id);
  }

  /** All that is kept. May be read while it changes. */
  *entries(): Generator<readonly [object: StatusObject, id: string, kept: KeptStatus]> {
    for (const object of ['sandbox', 'container'] as const) {
      for (const [id, kept] of this.kept[object]) yield [object, id, kept];
    }
  }
}

/** A copy of its own memory, so that none stays behind that is many times as long. */
function withoutLists(object: StatusObject, bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  const left = IN_LISTS[object];
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
