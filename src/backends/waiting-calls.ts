// Calls that were handed to a backend and cannot be sent yet: it is being connected, or all its streams are in use.
import type { BackendCall, BackendRequest } from './backend-call.ts';
import { hasRoom } from './room.ts';

/** Calls that may wait for a connection or a free stream, but for what is kept beyond (room.ts); more are refused. */
const WAITING_CALLS_LIMIT = 1_000;

export class WaitingCalls {
  /** Request bytes that are held. */
  sizeBytes = 0;
  /** In the order in which they came. */
  private readonly requests = new Map<BackendCall, BackendRequest>();
  private first: { readonly call: BackendCall; readonly request: BackendRequest } | undefined;
  private readonly onError: (error: unknown) => void;

  /** `onError` gets what goes wrong when a call is sent or refused. */
  constructor(onError: (error: unknown) => void) {
    this.onError = onError;
  }

  get count(): number {
    return this.requests.size;
  }

  /** Whether one more may wait. */
  hasRoom(request: BackendRequest): boolean {
    return hasRoom(request, WAITING_CALLS_LIMIT, this.count);
  }

  /** Puts a call of Switchyard's own before all others, in the place of an earlier one. */
  pushFirst(call: BackendCall, request: BackendRequest): void {
    this.first = { call, request };
  }

  /** Adds a call to the end; its request is copied. A call that nobody wants any more leaves by itself. */
  push(call: BackendCall, request: BackendRequest): void {
    const body = Buffer.from(request.body.subarray(request.start, request.end));
    this.requests.set(call, { ...request, body, start: 0, end: body.length });
    this.sizeBytes += body.length;
    call.stopWaiting = () => this.remove(call, body.length);
  }

  /** Sends calls in their order while `canSend` says so. What goes wrong with one does not stop those behind it. */
  drain(canSend: () => boolean, send: (call: BackendCall, request: BackendRequest) => void): void {
    const { first } = this;
    if (first !== undefined && (first.call.isOver || canSend())) {
      this.first = undefined;
      if (!first.call.isOver) this.guard(() => send(first.call, first.request));
    }
    for (const [call, request] of this.requests) {
      if (!canSend()) return;
      this.remove(call, request.body.length);
      this.guard(() => send(call, request));
    }
  }

  /** Ends the wait of all with an error. Each hears of it, whatever goes wrong when another does. */
  refuse(error: () => Error): void {
    const { first } = this;
    this.first = undefined;
    if (first !== undefined && !first.call.isOver) this.guard(() => first.call.onRefused(error()));
    for (const [call, request] of [...this.requests]) {
      if (call.isOver) continue; // because of another that was refused
      this.remove(call, request.body.length);
      this.guard(() => call.onRefused(error()));
    }
  }

  private guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.onError(error);
    }
  }

  private remove(call: BackendCall, sizeBytes: number): void {
    this.requests.delete(call);
    this.sizeBytes -= sizeBytes;
    call.stopWaiting = undefined;
  }
}
