// Streamed lists (Kubernetes 1.36): every backend's messages go on as they come. A backend without the RPC is asked
// with the unary list, whose bytes are the same records. The stream ends OK only when every backend's did.
import type { Backend } from '../../backends/backend.ts';
import { type ListMethod, methodNamed, type StreamListMethod } from '../../cri/methods.ts';
import { forEachRecord } from '../../cri/wire.ts';
import { PartialListError } from '../../errors.ts';
import { STATUS, statusName } from '../../grpc/status.ts';
import { learnList } from '../../ledger/learn.ts';
import { withoutRecords } from '../../merge/lists.ts';
import type { Call } from '../call.ts';
import { collect } from '../collect.ts';
import { narrow } from '../narrow.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { endReply, startReply } from '../replies.ts';
import { StreamPart } from '../stream-part.ts';

/** A unary reply is cut into messages of about this size at record borders. */
const MESSAGE_BYTES = 256 * 1024;

export function streamListHandler(parts: ProxyParts): Handler<StreamListMethod> {
  return (call, method) => {
    const list = methodNamed(method.unary) as ListMethod;
    const { backends } = narrow(parts, list, call.message);
    const present = backends.filter((backend) => !backend.isAbsent);
    const absent = backends.find((backend) => backend.isAbsent);
    if (absent !== undefined && (list.whenBackendAbsent === 'fail' || present.length === 0)) {
      throw incomplete(method, absent.absenceError().message);
    }
    const streamed = new StreamedList(parts, call, list);
    if (!list.relabels) streamed.start(present);
    else return parts.metricLabels.prepare(present).then(() => streamed.start(present));
  };
}

class StreamedList {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly list: ListMethod;
  private readonly open = new Set<StreamPart>();
  private left = 0;

  constructor(parts: ProxyParts, call: Call, list: ListMethod) {
    this.parts = parts;
    this.call = call;
    this.list = list;
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
    for (const backend of backends) this.stream(backend);
  }

  private stream(backend: Backend): void {
    const { call, parts } = this;
    const { route } = call;
    if (route === undefined) throw new Error('only calls of CRI services are streamed');
    const part = new StreamPart(backend, parts.config.limits.messageSizeBytes, {
      onMessage: (message) => this.emit(backend, message),
      onStatus: (code, text) => {
        this.open.delete(part);
        if (code === STATUS.OK) this.finishOne();
        else if (code === STATUS.UNIMPLEMENTED) this.askUnary(backend);
        else this.lack(`backend ${backend.name} ends it ${statusName(code)}: ${text}`);
      },
      onFailure: (error) => {
        this.open.delete(part);
        this.lack(error.message);
      },
      hasRoom: () => call.stream.queuedBytes === 0,
    });
    this.open.add(part);
    const { metadata, deadlineAtMs, body } = call;
    const { service, rpc } = route;
    backend.call(part, { service, rpc, metadata, deadlineAtMs, body, start: 0, end: body.length });
  }

  private askUnary(backend: Backend): void {
    const options = {
      body: this.call.body,
      limitBytes: this.parts.config.limits.messageSizeBytes,
      isRetryable: true,
      rpc: this.list.name,
    };
    collect(this.call, backend, options, (outcome) => {
      if (outcome.kind === 'failed') this.lack(outcome.error.message);
      else if (outcome.kind === 'status') {
        if (outcome.code === STATUS.UNIMPLEMENTED && this.list.whenUnimplemented === 'skip') this.finishOne();
        else
          this.lack(
            `backend ${backend.name} ends ${this.list.name} ${statusName(outcome.code)}: ${outcome.text}`,
          );
      } else {
        for (const message of cut(outcome.message, this.list.recordField)) this.emit(backend, message);
        this.finishOne();
      }
    });
  }

  /** An empty message is not sent: the stream's contract is at least one item in each. */
  private emit(backend: Backend, received: Buffer): void {
    const { call, parts } = this;
    if (call.isOver) return;
    const message = this.list.relabels ? parts.metricLabels.relabel(backend, received) : received;
    // One message is not the whole list, so nothing that it lacks is forgotten.
    const foreign = learnList(parts.ledger, this.list, backend, message, undefined);
    if (foreign.length > 0) parts.onForeignIds(backend, foreign.length);
    const kept = withoutRecords(message, foreign).map((part) => Buffer.from(part));
    if (kept.length === 0) return;
    startReply(call);
    call.sendMessage(kept);
  }

  private finishOne(): void {
    this.left--;
    if (this.left > 0 || this.call.isOver) return;
    startReply(this.call);
    endReply(this.call);
  }

  private lack(why: string): void {
    if (this.list.whenBackendAbsent === 'partial') this.finishOne();
    else this.call.fail(incomplete(this.list, why));
  }
}

/** Cuts a list reply into messages of some records each. */
function* cut(message: Buffer, recordField: number): Generator<Buffer> {
  const borders: number[] = [];
  let from = 0;
  forEachRecord(message, 0, message.length, recordField, (recordStart, _, bodyEnd) => {
    if (bodyEnd - from < MESSAGE_BYTES || recordStart === from) return;
    borders.push(recordStart);
    from = recordStart;
  });
  let start = 0;
  for (const border of [...borders, message.length]) {
    if (border > start) yield message.subarray(start, border);
    start = border;
  }
}

function incomplete(method: StreamListMethod | ListMethod, why: string): PartialListError {
  return new PartialListError(`${method.name} would not be complete: ${why}`, {
    hint: 'The kubelet would take a short list for removed pods, so it gets none',
  });
}
