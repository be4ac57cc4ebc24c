// What one backend's part in a streamed list (stream-leg.ts) asks of the list, and reports to it.
import type { Backend } from '../backends/backend.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';

/** The list that a part belongs to. */
export interface StreamLegHost {
  /** All that have a part in it. */
  readonly backends: readonly Backend[];
  /** Records for the client; they become the stream's. */
  send(records: Buffer): void;
  /** The part is complete. */
  onComplete(): void;
  /** There is no part, or not all of it. */
  onLack(backend: Backend, why: string, isUnimplemented: boolean): void;
  /** The backend refuses what the list asks for: with this it ends. */
  onRefusal(backend: Backend, refusal: UnaryOutcome): void;
  /** True when the client has room for more. */
  hasRoom(): boolean;
  /** True when the list may be ended without a part that does not get on. */
  mayGiveUp(): boolean;
}
