// The life of one call as its handler sees it: who asks, when it is over, and the metadata of its start.

import { Metadata, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import type { CallContext } from './handlers.ts';
import type { ServedVersion } from './profile.ts';

/** One call in flight. Its signal is made on first use, as most calls end before anyone asks. */
export class CallScope implements CallContext {
  readonly rpc: string;
  readonly version: ServedVersion;
  /** Goes out with the response headers. */
  readonly initial = new Metadata();
  readonly #call: ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;
  #controller: AbortController | undefined;
  #isClosed = false;

  constructor(
    rpc: string,
    version: ServedVersion,
    call: ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>,
  ) {
    this.rpc = rpc;
    this.version = version;
    this.#call = call;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.isOver) controller.abort();
      else this.#call.once('cancelled', () => controller.abort());
    }
    return this.#controller.signal;
  }

  /** True when this side ended it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** True when the client left, its deadline passed, or the runtime closes. */
  get isOver(): boolean {
    return this.#isClosed || this.#call.cancelled;
  }

  /** Resolves when the call is over. */
  get over(): Promise<void> {
    const { signal } = this;
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Sends the response headers now. */
  sendInitial(): void {
    this.#call.sendMetadata(this.initial);
  }

  /** Ends the call from this side: the runtime closes. */
  close(): void {
    this.#isClosed = true;
    this.#controller?.abort();
  }
}
