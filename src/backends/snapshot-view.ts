// A list cut into its records by id, with changes applied: how a snapshot looks once it must answer. Made only then,
// because cutting thousands of records every second, for lists that are replaced unread, would cost for nothing.
import type { ListMethod } from '../cri/methods.ts';
import { forEachRecord, readString } from '../cri/wire.ts';
import { hasStateAndLabels, type ListFilter, wholeId } from './list-filter.ts';
import type { SnapshotChange } from './snapshot-change.ts';
import { CONTAINER_STATE, SANDBOX_STATE, stateOf, withState } from './snapshot-record.ts';

interface ListRecord {
  /** The record with tag and length. */
  readonly bytes: Buffer;
  /** Where its body starts; it ends with the bytes. */
  readonly bodyStart: number;
  /** '' for what is not a container. */
  readonly sandboxId: string;
  readonly end: RecordEnd;
  /** Nothing is started there any more, for its sandbox was stopped or the machine started anew since it was listed. */
  readonly isClosed: boolean;
}

/**
 * What calls did to a container since it was listed: it was ended while it ran, or nobody knows whether it ran. Not to one
 * that had ended before: how that ended its owner knows. A sandbox has ended when its status has shown that since.
 */
export type RecordEnd = 'none' | 'ended' | 'ended if it ran';

const { created, running, exited, unknown } = CONTAINER_STATE;

export class SnapshotView {
  private readonly method: ListMethod;
  private readonly stateField: number;
  private readonly records = new Map<string, ListRecord>();
  /** Sandbox id to the ids of its containers. */
  private readonly children = new Map<string, Set<string>>();

  /** Cuts a list reply, which is kept by reference. Throws MalformedMessageError when it does not parse. */
  constructor(method: ListMethod, message: Buffer) {
    this.method = method;
    this.stateField = method.record?.state?.[0] ?? 0;
    this.addAll(message, true);
  }

  /** The ids of the records. */
  get ids(): { has(id: string): boolean; keys(): Iterable<string> } {
    return this.records;
  }

  /** The ids of the sandboxes that the containers are in. */
  get sandboxIds(): { has(id: string): boolean; keys(): Iterable<string> } {
    return this.children;
  }

  /** The body of a record, with what has become of it. */
  find(
    id: string,
  ): { readonly body: Buffer; readonly end: RecordEnd; readonly isClosed: boolean } | undefined {
    const record = this.records.get(id);
    if (record === undefined) return undefined;
    const { bytes, bodyStart, end, isClosed } = record;
    return { body: bytes.subarray(bodyStart), end, isClosed };
  }

  /** The ids of the containers in a sandbox. */
  inside(sandboxId: string): Iterable<string> {
    return this.children.get(sandboxId) ?? [];
  }

  /** Applies a change. States only move on, since a record of the list may already show more than the change says. */
  apply(change: SnapshotChange): void {
    const isOfSandboxes = this.method.object === 'sandbox';
    switch (change.kind) {
      case 'run-sandbox':
        if (isOfSandboxes) this.addAll(change.record, false);
        return;
      case 'create-container':
        if (!isOfSandboxes) this.addAll(change.record, false);
        return;
      case 'start-container':
        if (!isOfSandboxes) this.turn(change.id, created, running);
        return;
      case 'stop-container':
        if (!isOfSandboxes) this.end(change.id);
        return;
      case 'remove-container':
        if (!isOfSandboxes) this.remove(change.id);
        return;
      case 'stop-sandbox':
        if (isOfSandboxes) this.turn(change.id, SANDBOX_STATE.ready, SANDBOX_STATE.notReady);
        else for (const id of this.inside(change.id)) this.end(id, true);
        return;
      case 'remove-sandbox':
        if (isOfSandboxes) this.remove(change.id);
        else for (const id of [...this.inside(change.id)]) this.remove(id);
        return;
      case 'exit-sandbox':
        if (isOfSandboxes && this.turn(change.id, SANDBOX_STATE.ready, SANDBOX_STATE.notReady))
          this.mark(change.id, { end: 'ended' });
        return;
      case 'exit-container':
        if (!isOfSandboxes)
          for (const from of [created, running, unknown]) this.turn(change.id, from, exited);
        return;
      case 'end-all':
        for (const id of this.records.keys()) {
          if (isOfSandboxes) this.turn(id, SANDBOX_STATE.ready, SANDBOX_STATE.notReady);
          else this.end(id, true);
        }
        return;
      case 'lose':
        return;
      default:
        change satisfies never;
    }
  }

  /** All records as one list reply. */
  join(): Buffer {
    return Buffer.concat(Array.from(this.records.values(), ({ bytes }) => bytes));
  }

  /** The records that a filter lets through, as one list reply. `sandboxId` is a whole id, or '' for any. */
  select(filter: ListFilter, sandboxId: string): Buffer {
    const id = wholeId(filter.id, this.records);
    const selected: Buffer[] = [];
    for (const candidate of id === '' ? this.candidates(sandboxId) : [id]) {
      const record = this.records.get(candidate);
      if (record === undefined || (sandboxId !== '' && record.sandboxId !== sandboxId)) continue;
      const { bytes, bodyStart } = record;
      if (hasStateAndLabels(this.method, filter, bytes, bodyStart, bytes.length)) selected.push(bytes);
    }
    return Buffer.concat(selected);
  }

  private candidates(sandboxId: string): Iterable<string> {
    return sandboxId === '' ? this.records.keys() : this.inside(sandboxId);
  }

  /** Adds the records of a message. One of an id that is there already replaces it only `over` it. */
  private addAll(message: Buffer, over: boolean): void {
    const { recordField, recordIdPath, record } = this.method;
    const sandboxPath = this.method.object === 'container' ? record?.sandboxId : undefined;
    forEachRecord(message, 0, message.length, recordField, (recordStart, bodyStart, bodyEnd) => {
      const id = readString(message, bodyStart, bodyEnd, recordIdPath) ?? '';
      if (!over && this.records.has(id)) return;
      const sandboxId = (sandboxPath && readString(message, bodyStart, bodyEnd, sandboxPath)) ?? '';
      const bytes = message.subarray(recordStart, bodyEnd);
      this.records.set(id, {
        bytes,
        bodyStart: bodyStart - recordStart,
        sandboxId,
        end: 'none',
        isClosed: false,
      });
      if (sandboxPath === undefined) return;
      const siblings = this.children.get(sandboxId);
      if (siblings === undefined) this.children.set(sandboxId, new Set([id]));
      else siblings.add(id);
    });
  }

  private remove(id: string): void {
    const record = this.records.get(id);
    if (record === undefined) return;
    this.records.delete(id);
    const siblings = this.children.get(record.sandboxId);
    siblings?.delete(id);
    if (siblings?.size === 0) this.children.delete(record.sandboxId);
  }

  /** A container stops. One that was never started stays CREATED: runtimes have nothing to stop there. */
  private end(id: string, isClosed = false): void {
    const hadEnded = this.stateOf(id) === exited;
    const isEnded = this.turn(id, running, exited) || this.turn(id, unknown, exited);
    const record = this.records.get(id);
    if (record === undefined) return;
    const end = hadEnded ? 'none' : isEnded ? 'ended' : 'ended if it ran';
    this.mark(id, {
      end: record.end === 'none' ? end : record.end,
      isClosed: record.isClosed || isClosed,
    });
  }

  private mark(id: string, marks: Partial<Pick<ListRecord, 'end' | 'isClosed'>>): void {
    const record = this.records.get(id);
    if (record !== undefined) this.records.set(id, { ...record, ...marks });
  }

  private stateOf(id: string): number | undefined {
    const record = this.records.get(id);
    return record && stateOf(record.bytes, record.bodyStart, this.stateField);
  }

  private turn(id: string, from: number, to: number): boolean {
    const record = this.records.get(id);
    if (record === undefined || this.stateOf(id) !== from) return false;
    const bytes = withState(record.bytes, record.bodyStart, this.stateField, to);
    let bodyStart = 0;
    forEachRecord(bytes, 0, bytes.length, this.method.recordField, (_, start) => {
      bodyStart = start;
    });
    this.records.set(id, { ...record, bytes, bodyStart });
    return true;
  }
}
