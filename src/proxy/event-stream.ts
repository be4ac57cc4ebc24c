// GetContainerEvents on one backend. One subscription, drained without end: containerd holds up its containers for a
// subscriber that does not read, and 1.7 deals its events out among several.
import type { Backend } from '../backends/backend.ts';
import { methodNamed } from '../cri/methods.ts';
import { hasRpc } from '../cri/versions.ts';
import { type NativeEvent, readEvent } from '../events/event-message.ts';
import { framed } from '../grpc/message.ts';
import { STATUS, statusName } from '../grpc/status.ts';
import { excerpt } from '../quote.ts';
import { BYTES_LIMIT, EVENTS_LIMIT } from './event-queue.ts';
import { StreamPart } from './stream-part.ts';

export interface EventStreamOptions {
  readonly backend: Backend;
  /** Longest message. */
  readonly limitBytes: number;
  onEvent(event: NativeEvent): void;
  /** It ended. `isLacking`: the backend has no events at all, so asking again is of no use while it is connected. */
  onEnd(reason: string, isLacking: boolean): void;
}

const METHOD = methodNamed('GetContainerEvents');
const REQUEST = framed(new Uint8Array(0));
/** Calls that the backend must take at once beside its events, which are never over. */
const CALLS_BESIDE = 1;

export class EventStream {
  private readonly options: EventStreamOptions;
  private part: StreamPart | undefined;
  private held: NativeEvent[] | undefined;
  private heldBytes = 0;

  constructor(options: EventStreamOptions) {
    this.options = options;
  }

  get isOpen(): boolean {
    return this.part !== undefined;
  }

  /** When the first of the events that are held back was made, in ms since the epoch; Infinity when there is none. */
  get heldFromMs(): number {
    return this.held?.[0]?.createdAtMs ?? Number.POSITIVE_INFINITY;
  }

  open(): void {
    const { backend, limitBytes, onEnd } = this.options;
    if (!hasRpc(backend.apiVersion, METHOD)) {
      onEnd(`it speaks ${backend.apiVersion}, which has no events`, true);
      return;
    }
    if (backend.maxCalls < CALLS_BESIDE + 1) {
      onEnd(`it takes no more than ${backend.maxCalls} calls at once, and this one never ends`, true);
      return;
    }
    let isFirst = true;
    const end = (reason: string, isLacking: boolean) => {
      if (this.part !== part) return;
      this.part = undefined;
      onEnd(reason, isLacking);
    };
    const part: StreamPart = new StreamPart(backend, limitBytes, {
      onMessage: (message) => {
        isFirst = false;
        this.take(readEvent(Buffer.from(message)));
      },
      // CRI-O ends it OK at once when its events are off.
      onStatus: (code, text) => {
        const isLacking = code === STATUS.UNIMPLEMENTED || (code === STATUS.OK && isFirst);
        const why = code === STATUS.OK ? '' : ` with ${statusName(code)}${text && `: ${excerpt(text)}`}`;
        end(`the runtime has ended the stream${why}`, isLacking);
      },
      onFailure: (error) => end(error.message, false),
      endsOnHang: false, // it goes on with what it has missed, and a new one would begin with a gap
      hasRoom: () => true,
    });
    this.part = part;
    const { service, name: rpc } = METHOD;
    const request = { body: REQUEST, start: 0, end: REQUEST.length };
    backend.call(part, { service, rpc, metadata: [], clientCalls: 0, deadlineAtMs: undefined, ...request });
  }

  /** Keeps events back until release(). */
  hold(): void {
    this.held ??= [];
  }

  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    this.heldBytes = 0;
    for (const event of held) this.options.onEvent(event);
  }

  /** The backend takes no call more: if that is for the stream's sake, the stream goes. */
  yieldPlace(): void {
    if (!this.isOpen || this.options.backend.maxCalls > CALLS_BESIDE) return;
    this.close();
    this.options.onEnd('the backend takes no other call while it is open', true);
  }

  close(): void {
    this.part?.cancel();
    this.part = undefined;
    this.held = undefined;
  }

  private take(event: NativeEvent): void {
    const { held } = this;
    if (held === undefined) {
      this.options.onEvent(event);
      return;
    }
    held.push(event);
    this.heldBytes += event.message.length;
    if (held.length <= EVENTS_LIMIT && this.heldBytes <= BYTES_LIMIT) return;
    // A gap is better than memory without end: it is closed by lists.
    this.close();
    this.hold();
    this.heldBytes = 0;
    this.options.onEnd('it sent more than could be held back while it was listed', false);
  }
}
