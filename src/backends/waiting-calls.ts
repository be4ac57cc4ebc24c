// Calls that were handed to a backend and cannot be sent yet: it is being connected, or all its streams are in use.
import type { BackendCall, BackendRequest } from './backend-call.ts';

interface Waiting {
  readonly call: BackendCall;
  readonly request: BackendRequest;
}

/** Calls that may wait for a connection or a free stream; more are refused. */
export const WAITING_CALLS_LIMIT = 1_000;

export class WaitingCalls {
  /** Request bytes that are held. */
  sizeBytes = 0;
  private calls: Waiting[] = [];
  private first: Waiting | undefined;

  get count(): number {
    return this.calls.length;
  }

  /** Whether one more may wait. Those that nobody wants any more make room. */
  hasRoom(): boolean {
    if (this.count < WAITING_CALLS_LIMIT) return true;
    this.calls = this.calls.filter(({ call }) => !call.isOver);
    this.sizeBytes = this.calls.reduce((sum, { request }) => sum + request.body.length, 0);
    return this.count < WAITING_CALLS_LIMIT;
  }

  /** Puts a call of Switchyard's own before all others, in the place of an earlier one. */
  pushFirst(call: BackendCall, request: BackendRequest): void {
    this.first = { call, request };
  }

  /** Adds a call to the end; its request is copied. */
  push(call: BackendCall, request: BackendRequest): void {
    const body = Buffer.from(request.body.subarray(request.start, request.end));
    this.calls.push({ call, request: { ...request, body, start: 0, end: body.length } });
    this.sizeBytes += body.length;
  }

  /** Sends calls in their order while `canSend` says so; those that nobody wants any more are left out. */
  drain(canSend: () => boolean, send: (call: BackendCall, request: BackendRequest) => void): void {
    const { first } = this;
    if (first !== undefined && (first.call.isOver || canSend())) {
      this.first = undefined;
      if (!first.call.isOver) send(first.call, first.request);
    }
    while (this.calls.length > 0 && canSend()) {
      const next = this.calls.shift();
      if (next === undefined) return;
      this.sizeBytes -= next.request.body.length;
      if (!next.call.isOver) send(next.call, next.request);
    }
  }

  /** Ends the wait of all with an error. */
  refuse(error: () => Error): void {
    const refused = this.first === undefined ? this.calls : [this.first, ...this.calls];
    this.first = undefined;
    this.calls = [];
    this.sizeBytes = 0;
    for (const { call } of refused) if (!call.isOver) call.onRefused(error());
  }
}
