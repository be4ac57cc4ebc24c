// Streamed lists (Kubernetes 1.36): every backend's messages go on as they come. A backend without the RPC is asked
// with the unary list, whose bytes are the same records; one that is absent or late is represented by its snapshot.
// The stream ends OK only when every backend's part is complete.
import type { Backend } from '../../backends/backend.ts';
import { isList } from '../../backends/snapshot.ts';
import type { ListStart } from '../../backends/snapshot-list.ts';
import type { Timer } from '../../clock.ts';
import { type ListMethod, methodNamed, type StreamListMethod } from '../../cri/methods.ts';
import { STATUS, statusName } from '../../grpc/status.ts';
import { learnList } from '../../ledger/learn.ts';
import { cutList, withoutRecords } from '../../merge/lists.ts';
import type { Call } from '../call.ts';
import { LOOK_AGAIN_MS } from '../hang-watch.ts';
import { askLeg, fromSnapshot, isTrusted } from '../list-leg.ts';
import { narrow } from '../narrow.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { endReply, startReply } from '../replies.ts';
import { StreamPart } from '../stream-part.ts';
import { streamImages } from './image-stream.ts';
import { incomplete } from './list.ts';

export function streamListHandler(parts: ProxyParts): Handler<StreamListMethod> {
  return (call, method) => {
    const list = methodNamed(method.unary) as ListMethod;
    const { backends, isFull } = narrow(parts, list, call.message);
    call.backendName = backends.length === 1 ? (backends[0]?.name ?? 'none') : 'several';
    if (list.object === 'image' && backends.length > 1) return streamImages(parts, call, backends, isFull);
    const streamed = new StreamedList(parts, call, list, isFull);
    if (!list.relabels) streamed.start(backends);
    else
      return parts.metricLabels
        .prepare(backends.filter((backend) => !backend.isAbsent))
        .then(() => streamed.start(backends));
  };
}

class StreamedList {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly list: ListMethod;
  private readonly isFull: boolean;
  private readonly open = new Set<StreamPart>();
  private left = 0;

  constructor(parts: ProxyParts, call: Call, list: ListMethod, isFull: boolean) {
    this.parts = parts;
    this.call = call;
    this.list = list;
    this.isFull = isFull;
  }

  start(backends: readonly Backend[]): void {
    const { call } = this;
    this.left = backends.length;
    call.onLeave(() => {
      for (const part of this.open) part.cancel();
    });
    call.onReplyDrained = () => {
      for (const part of this.open) part.release();
    };
    for (const backend of backends) {
      if (!backend.isAbsent) this.stream(backend);
      else if (!this.replace(backend)) this.lack(backend.absenceError().message);
    }
  }

  private stream(backend: Backend): void {
    const { call, parts } = this;
    const { route } = call;
    if (route === undefined) throw new Error('only calls of CRI services are streamed');
    const start = backend.snapshot.begin(parts.clock.now());
    const received: Buffer[] = [];
    /** The snapshot has stood in: what still comes makes only that younger. */
    let isReplaced = false;
    let timer: Timer | undefined;
    const leave = () => {
      timer?.cancel();
      this.open.delete(part);
    };
    /** What was sent already can't be taken back; a part that sent nothing can be replaced whole. */
    const broke = (why: string) => {
      leave();
      if (isReplaced) return;
      if (received.length > 0 || !this.replace(backend)) this.lack(why);
    };
    const part = new StreamPart(backend, parts.config.limits.messageSizeBytes, {
      onMessage: (message) => {
        received.push(Buffer.from(message));
        const records = this.learn(backend, message);
        if (!isReplaced) this.send(records);
      },
      onStatus: (code, text) => {
        if (code === STATUS.OK) {
          leave();
          this.keep(backend, received, start);
          if (!isReplaced) this.finishOne();
        } else if (code === STATUS.UNIMPLEMENTED && received.length === 0) {
          leave();
          if (!isReplaced) this.askUnary(backend);
        } else broke(`backend ${backend.name} ends it ${statusName(code)}: ${text}`);
      },
      onFailure: (error) => broke(error.message),
      hasRoom: () => isReplaced || call.stream.queuedBytes === 0,
    });
    this.open.add(part);
    const { listMs } = backend.config.timeouts;
    const look = () => {
      if (received.length > 0 || call.isOver) return;
      if (backend.isAbsent) {
        part.cancel();
        broke(backend.absenceError().message);
      } else if (isTrusted(parts, backend, this.list) && this.replace(backend)) isReplaced = true;
      else timer = parts.clock.after(LOOK_AGAIN_MS, look);
    };
    timer = parts.clock.after(listMs / 2, () => {
      backend.suspect(listMs / 2);
      timer = parts.clock.after(listMs / 2, look);
    });
    const { metadata, deadlineAtMs, body } = call;
    const { service, rpc } = route;
    backend.call(part, { service, rpc, metadata, deadlineAtMs, body, start: 0, end: body.length });
  }

  private askUnary(backend: Backend): void {
    const { list, isFull, call } = this;
    askLeg(this.parts, call, backend, { method: list, isFull, body: call.body, rpc: list.name }, (result) => {
      if (result.kind === 'records') {
        for (const records of result.parts) this.send(records);
        this.finishOne();
        return;
      }
      const isUnimplemented =
        result.outcome.kind === 'status' && result.outcome.code === STATUS.UNIMPLEMENTED;
      if (isUnimplemented && list.whenUnimplemented === 'skip') this.finishOne();
      else this.lack(result.why);
    });
  }

  /** The snapshot in place of an absent backend; false when there is none. */
  private replace(backend: Backend): boolean {
    const records = fromSnapshot(this.parts, backend, this.list, this.call.message);
    if (records === undefined) return false;
    for (const part of records) this.send(part);
    this.finishOne();
    return true;
  }

  /** Learns from a message; gives what of it the client may see, in bytes of its own. */
  private learn(backend: Backend, received: Buffer): Buffer {
    const { parts } = this;
    const message = this.list.relabels ? parts.metricLabels.relabel(backend, received) : received;
    // One message is not the whole list, so nothing that it lacks is forgotten.
    const extent = this.isFull ? 'part' : 'filtered';
    const foreign = learnList(parts.ledger, this.list, backend, message, extent);
    if (foreign.length > 0) parts.onForeignIds(backend, foreign.length);
    return Buffer.concat(withoutRecords(message, foreign));
  }

  /** An empty message is not sent: the stream's contract is at least one item in each. */
  private send(records: Buffer): void {
    const { call } = this;
    if (call.isOver) return;
    for (const message of cutList(records, this.list.recordField)) {
      startReply(call);
      call.sendMessage([message]);
    }
  }

  /** All of an unfiltered stream is a complete list. */
  private keep(backend: Backend, received: readonly Buffer[], start: ListStart): void {
    if (this.isFull && isList(this.list.name))
      backend.snapshot.refresh(this.list.name, Buffer.concat(received), start);
  }

  private finishOne(): void {
    this.left--;
    if (this.left > 0 || this.call.isOver) return;
    startReply(this.call);
    endReply(this.call);
  }

  private lack(why: string): void {
    if (this.list.whenBackendAbsent === 'partial') this.finishOne();
    else this.call.fail(incomplete(this.list.name, why));
  }
}
