// What reached a simulated runtime: each RPC with its bytes and metadata, for the tests of whoever stands before it.

import type { Metadata } from '@grpc/grpc-js';
import type { StatusName } from '../errors.ts';

/** One RPC as it arrived. */
export interface JournalEntry {
  /** The RPC's name, such as RunPodSandbox; also of RPCs the runtime does not have. */
  readonly method: string;
  /** `runtime.v1.RuntimeService`. */
  readonly service: string;
  readonly path: string;
  readonly requestBytes: Buffer;
  readonly metadata: Metadata;
  /** The :authority the client sent. */
  readonly host: string;
  /** Milliseconds since the epoch at which the client's deadline passes; undefined without a deadline. */
  readonly deadlineMs: number | undefined;
  /** How the call ended: its status, `lost` when the answer was cut off; undefined while it runs. */
  ended: StatusName | 'lost' | undefined;
}

/** The newest entries, in the order of arrival. */
export class Journal {
  readonly #limit: number;
  readonly entries: JournalEntry[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(entry: JournalEntry): void {
    if (this.#limit === 0) return;
    this.entries.push(entry);
    // In large steps, because the start of an array is dear to cut.
    if (this.entries.length >= 2 * this.#limit) this.entries.splice(0, this.entries.length - this.#limit);
  }
}
