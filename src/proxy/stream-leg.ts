// One backend's part in a streamed list: its own stream; where it lacks that, its unary list, whose bytes are the same
// records; where it is absent or late, its snapshot. What was sent cannot be taken back, so only a part that has sent
// nothing yet is replaced.
import type { Backend } from '../backends/backend.ts';
import type { Endpoint } from '../backends/endpoint.ts';
import { isList } from '../backends/snapshot.ts';
import type { Timer } from '../clock.ts';
import type { ListMethod } from '../cri/methods.ts';
import { PREFIX_BYTES } from '../grpc/message.ts';
import { STATUS, statusName } from '../grpc/status.ts';
import { learnList } from '../ledger/learn.ts';
import { withoutRecords } from '../merge/lists.ts';
import { excerpt } from '../quote.ts';
import type { Call } from './call.ts';
import { callTimer } from './call-timer.ts';
import { LOOK_AGAIN_MS, patienceMs } from './hang-watch.ts';
import { mayBeRefusal } from './list-refusal.ts';
import type { ProxyParts } from './parts.ts';
import { presented } from './presented.ts';
import { fromSnapshot, isTrusted } from './snapshot-answer.ts';
import type { StreamLegHost } from './stream-leg-host.ts';
import { StreamPart, type StreamPartEvents } from './stream-part.ts';
import { askWithoutStream } from './streamless-part.ts';

export class StreamLeg {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly backend: Backend;
  private readonly endpoint: Endpoint;
  private readonly list: ListMethod;
  private readonly isFull: boolean;
  private readonly host: StreamLegHost;
  private stream: StreamPart | undefined;
  private cancelUnary: (() => void) | undefined;
  private timer: Timer | undefined;
  /** All of an unfiltered stream, to become the new snapshot. */
  private received: Buffer[] | undefined;
  private hasSent = false;
  /** The snapshot has stood in: what still comes makes only that younger. */
  private isReplaced = false;
  private isDone = false;
  /** The stream for which a snapshot has stood in has ended. */
  private onLateEnd: (() => void) | undefined;
  private progressAtMs = 0;

  constructor(
    parts: ProxyParts,
    call: Call,
    backend: Backend,
    list: ListMethod,
    isFull: boolean,
    host: StreamLegHost,
  ) {
    this.parts = parts;
    this.call = call;
    this.backend = backend;
    this.endpoint = backend.endpointOf(list.service);
    this.list = list;
    this.isFull = isFull;
    this.host = host;
  }

  start(): void {
    const { call, backend, endpoint, parts, list } = this;
    const { route } = call;
    if (route === undefined) throw new Error('only calls of CRI services are streamed');
    if (endpoint.isAbsent) {
      this.breakOff(endpoint.absenceError().message);
      return;
    }
    const nowMs = parts.clock.now();
    const start = backend.snapshot.begin(nowMs);
    this.progressAtMs = nowMs;
    if (this.isFull && isList(list.name)) this.received = [];
    const events: StreamPartEvents = {
      onMessage: (message) => this.take(message),
      onStatus: (code, text) => {
        this.onLateEnd?.();
        endpoint.lists.endedWith(list.name, code);
        if (code === STATUS.OK) {
          // All of an unfiltered stream is a complete list.
          if (this.received !== undefined && isList(list.name))
            backend.snapshot.refresh(list.name, Buffer.concat(this.received), start);
          if (this.isFull && list.setsMode) parts.statistics.podStatsAlarm.given(backend);
          this.complete();
        } else if (this.mayAskWithoutStream(code)) this.askWithoutStream();
        else this.breakOff(`backend ${backend.name} ends it ${statusName(code)}: ${excerpt(text)}`);
      },
      onFailure: (error) => {
        this.onLateEnd?.();
        this.breakOff(error.message);
      },
      endsOnHang: true,
      hasRoom: () => this.isReplaced || this.host.hasRoom(),
    };
    const stream = new StreamPart(backend, parts.config.limits.messageSizeBytes, events, call);
    this.stream = stream;
    this.watch();
    const { metadata, deadlineAtMs, body } = call;
    const message = { body, start: 0, end: body.length, clientCalls: call.client.calls.used };
    backend.call(stream, { service: route.service, rpc: route.rpc, metadata, deadlineAtMs, ...message });
  }

  /** The client has room again. */
  release(): void {
    this.stream?.release();
  }

  /** Nobody wants it any more. */
  cancel(): void {
    this.isDone = true;
    this.timer?.cancel();
    this.hangUp();
  }

  private hangUp(): void {
    this.onLateEnd?.();
    this.stream?.cancel();
    this.cancelUnary?.();
  }

  /** Learns from a message, and sends what of it the client may see. */
  private take(received: Buffer): void {
    const { parts, call, backend, list } = this;
    this.progressAtMs = parts.clock.now();
    const message = presented(parts, backend, list, received);
    // One message is not the whole list, so nothing that it lacks is forgotten.
    const foreign = learnList(parts.ledger, list, backend, message, this.isFull ? 'part' : 'filtered');
    if (foreign.length > 0) parts.onForeignIds(backend, foreign.length);
    // The bytes that came are valid only now.
    const records = Buffer.concat(withoutRecords(message, foreign));
    if (this.received === undefined) call.keep(-(PREFIX_BYTES + received.length));
    else this.received.push(records);
    if (this.isReplaced || this.isDone) return;
    this.hasSent ||= records.length > 0;
    this.host.send(records);
  }

  /**
   * It lacks the stream, or it may refuse the filter: then it refuses that of the unary list too, which finds it out. Or it
   * cannot give statistics of pods, which are made then.
   */
  private mayAskWithoutStream(code: number): boolean {
    if (this.hasSent) return false;
    return code === STATUS.UNIMPLEMENTED || this.list.setsMode || (!this.isFull && mayBeRefusal(code));
  }

  private askWithoutStream(): void {
    const { parts, call, backend, list, isFull } = this;
    this.stream = undefined;
    if (this.isReplaced || this.isDone) return;
    this.progressAtMs = parts.clock.now();
    const question = { list, isFull, backends: this.host.backends };
    this.cancelUnary = askWithoutStream(parts, call, backend, question, (part) => {
      this.cancelUnary = undefined;
      if (part.kind === 'lack') {
        this.lack(part.why, part.isUnimplemented);
        return;
      }
      if (part.kind === 'refused') {
        this.host.onRefusal(backend, part.outcome);
        return;
      }
      for (const records of part.records) this.host.send(records);
      this.complete();
    });
  }

  /** Half the budget: does it live? The whole budget: may its snapshot stand for it? And again as long as it is silent. */
  private watch(): void {
    const { backend, endpoint, parts, host, list, call } = this;
    const { clock } = parts;
    const { listMs } = backend.config.timeouts;
    const look = () => {
      if (this.isDone || this.isReplaced || call.isOver) return;
      // Not silent: it is the client that has no room.
      if (this.hasSent && !host.hasRoom()) this.progressAtMs = clock.now();
      const silentMs = clock.now() - this.progressAtMs;
      const limitMs = patienceMs(backend, parts.lateLists);
      if (silentMs >= limitMs && host.mayGiveUp()) {
        const why = `backend ${backend.name} sends nothing of ${call.rpc} for ${limitMs} ms`;
        this.hangUp();
        this.lack(why, false);
        return;
      }
      // A unary question looks after itself.
      if (this.stream !== undefined) {
        if (silentMs >= listMs / 2) endpoint.suspect(listMs / 2, list.name);
        if (endpoint.isAbsent) {
          this.stream.cancel();
          this.breakOff(endpoint.absenceError().message);
          return;
        }
        const isLate = !this.hasSent && silentMs >= listMs;
        if (isLate && isTrusted(parts, backend, list) && this.replace()) {
          this.awaitLate();
          return;
        }
      }
      this.timer = callTimer(clock, call, LOOK_AGAIN_MS, look);
    };
    this.timer = callTimer(clock, call, listMs / 2, () => {
      endpoint.suspect(listMs / 2);
      this.timer = callTimer(clock, call, listMs / 2, look);
    });
  }

  private breakOff(why: string): void {
    if (this.isDone || this.isReplaced) return;
    if (this.hasSent || !this.replace()) this.lack(why, false);
  }

  /** The snapshot in place of the backend; false when there is none. */
  private replace(): boolean {
    let records: Buffer[] | undefined;
    try {
      records = fromSnapshot(this.parts, this.backend, this.list, this.call.message);
    } catch (error) {
      // It is the request that cannot be read, but an answer of the backend may have brought us here.
      this.cancel();
      this.call.fail(error);
      return true;
    }
    if (records === undefined) return false;
    for (const part of records) this.host.send(part);
    this.isReplaced = true;
    this.host.onComplete();
    return true;
  }

  /** What still comes can only make the snapshot younger: for that one stream is enough, and not for ever. */
  private awaitLate(): void {
    if (this.received === undefined) this.hangUp();
    else this.onLateEnd = this.parts.lateLists.await(this.backend.name, this.call.rpc, () => this.hangUp());
  }

  private complete(): void {
    this.timer?.cancel();
    if (this.isDone || this.isReplaced) return;
    this.isDone = true;
    this.host.onComplete();
  }

  private lack(why: string, isUnimplemented: boolean): void {
    this.timer?.cancel();
    if (this.isDone) return;
    this.isDone = true;
    this.host.onLack(this.backend, why, isUnimplemented);
  }
}
