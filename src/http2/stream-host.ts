// What a stream needs of its connection. It stands apart so that stream.ts need not know connections.
import type { Field } from './field.ts';
import type { Output } from './output.ts';
import type { SendWindows } from './send-windows.ts';
import type { Stream } from './stream.ts';

/** The connection, as its streams see it. */
export interface StreamHost {
  readonly output: Output;
  /** What the peer lets us send. */
  readonly windows: SendWindows;
  /** Counts DATA that a stream has to let wait; below zero what waits no longer. */
  addQueued(sizeBytes: number): void;
  /** What we let the peer send on one stream. */
  readonly receiveWindowBytes: number;
  /** The longest header list that the peer takes, or NO_LIST_LIMIT_BYTES. */
  readonly peerHeaderListBytes: number;
  /** Gives a stream its id and place in the connection before its first HEADERS. */
  register(stream: Stream): void;
  writeHeaders(streamId: number, fields: readonly Field[], endStream: boolean): void;
  /** END_STREAM has left; the stream ends if the peer's has come. */
  onEndSent(stream: Stream): void;
  /** The stream is closed; `wasReset` when by a RST_STREAM of ours. */
  forget(stream: Stream, wasReset: boolean): void;
  notifyDrained(stream: Stream): void;
}
