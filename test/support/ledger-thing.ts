// A pod or container as its backend has it, as a list shows it, and as a snapshot has it.
import type { BackendSnapshot } from '../../src/backends/snapshot.ts';
import { containerRecord, sandboxRecord } from '../../src/backends/snapshot-record.ts';
import { forEachRecord, readString, readVarint } from '../../src/cri/wire.ts';
import type { ObjectKind } from '../../src/ledger/ledger.ts';

const EMPTY = new Uint8Array(0);
export const OBJECTS = ['sandbox', 'container'] as const;
export const LIST = { sandbox: 'ListPodSandbox', container: 'ListContainers' } as const;

/** An object as its backend has it. */
export interface Thing {
  readonly object: ObjectKind;
  readonly backend: string;
  readonly id: string;
  readonly parent: string;
}

/** Its record in a list. */
export function recordOf({ object, id, parent }: Thing): Buffer {
  const config = Buffer.concat([
    Buffer.from([0x0a, parent.length + 2, 0x12, parent.length]),
    Buffer.from(parent),
  ]);
  return object === 'sandbox'
    ? sandboxRecord({ id, createdAtMs: 1 }, config, '')
    : containerRecord({ id, createdAtMs: 1 }, parent, EMPTY);
}

/** Ids with states in the list that a snapshot gives; undefined when it gives none. */
export function statesIn(
  object: ObjectKind,
  snapshot: BackendSnapshot | undefined,
): Map<string, number> | undefined {
  const message = snapshot?.answer(LIST[object], EMPTY);
  if (message === undefined) return undefined;
  const states = new Map<string, number>();
  forEachRecord(message, 0, message.length, 1, (_, start, end) => {
    const state = readVarint(message, start, end, [object === 'sandbox' ? 3 : 6]) ?? 0;
    states.set(readString(message, start, end, [1]) ?? '', state);
  });
  return states;
}
