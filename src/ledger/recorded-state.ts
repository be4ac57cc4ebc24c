// What an earlier run had on record, as plain values: see journal-replay.ts.
import type { BackendSnapshot } from '../backends/snapshot.ts';
import type { LedgerEntry, NoteName } from './journal-entries.ts';
import type { ObjectKind } from './ledger.ts';

/** An object as it was on record. */
export interface RecordedObject {
  readonly backend: string;
  /** UID of the pod, or id of the sandbox; '' when not known. */
  readonly parent: string;
}

/** An object that was on record, and was removed, or missing from the full list of its backend. */
export interface RecordedDeparture {
  readonly object: ObjectKind;
  readonly id: string;
  readonly backend: string;
}

export interface RecordedState {
  /** By id. */
  readonly sandboxes: ReadonlyMap<string, RecordedObject>;
  readonly containers: ReadonlyMap<string, RecordedObject>;
  /** What was on record and is gone; the newest last. */
  readonly gone: readonly RecordedDeparture[];
  /** By backend name; one for every backend of the config. */
  readonly snapshots: ReadonlyMap<string, BackendSnapshot>;
  /** UIDs of pods that were being placed, with the backend that may have got them. */
  readonly pins: ReadonlyMap<string, string>;
  readonly notes: ReadonlyMap<NoteName, Buffer>;
  /** Names of backends that may have pods, or be about to get some, that are not on record. */
  readonly doubtful: readonly string[];
  /** Paths of checkpoints, with the backend that wrote each; the newest last. */
  readonly checkpoints: ReadonlyMap<string, string>;
  /** What the last run said of the machine and its backends; undefined when there was none. */
  readonly origin: Origin | undefined;
  /** The machine was started anew since. */
  readonly isOfAnotherBoot: boolean;
  /** False when there are entries that are not understood here. */
  readonly isUnderstood: boolean;
  /** What people should know, as sentences without a full stop. */
  readonly remarks: readonly string[];
}

/** What the last run said of the machine and its backends. */
export type Origin = Extract<LedgerEntry, { kind: 'origin' }>;
