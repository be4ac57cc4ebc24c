// Calls that were handed to a backend and cannot be sent yet: it is being connected, or all its streams are in use.
import type { BackendCall, BackendRequest } from './backend-call.ts';

interface Waiting {
  readonly call: BackendCall;
  readonly request: BackendRequest;
}

export class WaitingCalls {
  /** Request bytes that are held. */
  sizeBytes = 0;
  private calls: Waiting[] = [];

  get count(): number {
    return this.calls.length;
  }

  /** Adds a call to the end; its request is copied. */
  push(call: BackendCall, request: BackendRequest): void {
    const body = Buffer.from(request.body.subarray(request.start, request.end));
    this.calls.push({ call, request: { ...request, body, start: 0, end: body.length } });
    this.sizeBytes += body.length;
  }

  /** Sends calls in their order while `canSend` says so; those that nobody wants any more are left out. */
  drain(canSend: () => boolean, send: (call: BackendCall, request: BackendRequest) => void): void {
    while (this.calls.length > 0 && canSend()) {
      const next = this.calls.shift();
      if (next === undefined) return;
      this.sizeBytes -= next.request.body.length;
      if (!next.call.isOver) send(next.call, next.request);
    }
  }

  /** Ends the wait of all with an error. */
  refuse(error: () => Error): void {
    const refused = this.calls;
    this.calls = [];
    this.sizeBytes = 0;
    for (const { call } of refused) if (!call.isOver) call.onRefused(error());
  }
}
