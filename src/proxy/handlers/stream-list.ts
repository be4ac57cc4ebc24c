// Streamed lists (Kubernetes 1.36): every backend's part goes on as it comes. The stream ends OK only when every part is
// complete; stats and metrics may lack some. It is never UNIMPLEMENTED (see StreamedList.onLack).
import type { Backend } from '../../backends/backend.ts';
import type { UnaryOutcome } from '../../backends/unary-call.ts';
import { type ListMethod, methodNamed, type StreamListMethod } from '../../cri/methods.ts';
import { statusName, trailers } from '../../grpc/status.ts';
import { cutList } from '../../merge/lists.ts';
import type { Call } from '../call.ts';
import { replyWith } from '../collect.ts';
import { incomplete, type Lack, nobodyAnswers } from '../list-errors.ts';
import { narrow } from '../narrow.ts';
import type { Handler, ProxyParts } from '../parts.ts';
import { endReply, startReply } from '../replies.ts';
import { StreamLeg } from '../stream-leg.ts';
import type { StreamLegHost } from '../stream-leg-host.ts';
import { labelOf } from '../who-answered.ts';
import { streamImages } from './image-stream.ts';

export function streamListHandler(parts: ProxyParts): Handler<StreamListMethod> {
  /** Backends and RPCs of which the log has said that they do not go together. */
  const told = new Set<string>();
  return (call, method) => {
    const list = methodNamed(method.unary) as ListMethod;
    const { backends, isFull } = narrow(parts, list, call.message);
    call.backendName = labelOf(backends);
    if (list.object === 'image' && backends.length > 1) return streamImages(parts, call, backends, isFull);
    const streamed = new StreamedList(parts, call, list, backends, told);
    if (!list.relabels) streamed.start(isFull);
    else
      return parts.statistics.metricLabels
        .prepare(backends.filter((backend) => !backend.isAbsent))
        .then(() => streamed.start(isFull));
  };
}

class StreamedList implements StreamLegHost {
  private readonly parts: ProxyParts;
  private readonly call: Call;
  private readonly list: ListMethod;
  readonly backends: readonly Backend[];
  private readonly told: Set<string>;
  private readonly lacks: Lack[] = [];
  private left: number;
  private completeParts = 0;
  private legs: readonly StreamLeg[] = [];

  constructor(
    parts: ProxyParts,
    call: Call,
    list: ListMethod,
    backends: readonly Backend[],
    told: Set<string>,
  ) {
    this.parts = parts;
    this.call = call;
    this.list = list;
    this.backends = backends;
    this.told = told;
    this.left = backends.length;
  }

  start(isFull: boolean): void {
    const { parts, call, list } = this;
    const legs = this.backends.map((backend) => new StreamLeg(parts, call, backend, list, isFull, this));
    this.legs = legs;
    call.onLeave(() => this.cancelLegs());
    call.onReplyDrained = () => {
      for (const leg of legs) leg.release();
    };
    for (const leg of legs) leg.start();
  }

  /** An empty message is not sent: the stream's contract is at least one item in each. */
  send(records: Buffer): void {
    const { call } = this;
    if (call.isOver) return;
    for (const message of cutList(records, this.list.recordField)) {
      startReply(call);
      call.sendMessage([message]);
    }
  }

  onComplete(): void {
    this.completeParts++;
    this.finishOne();
  }

  /**
   * A backend that lacks the RPC in both its forms (cri-dockerd has no metrics of pods) has nothing to add, and the stream
   * may end without it, even if that is so of all. UNIMPLEMENTED, right for the unary form, would have a price here: after
   * one such answer the kubelet asks for all its lists, also of pods, in unary form until it is restarted, and long ones
   * do not fit there. An error would cost it the figures of the node as well, and with them its eviction of pods. Its
   * statistics of pods are made of those of its containers.
   */
  onLack(backend: Backend, why: string, isUnimplemented: boolean): void {
    const { parts, call, list } = this;
    if (list.whenBackendAbsent === 'fail') {
      call.fail(incomplete(call.rpc, list, [{ backend, why }]));
      return;
    }
    if (isUnimplemented) this.tellGap(backend.name);
    else {
      this.lacks.push({ backend, why });
      parts.metrics.leftOut(backend.name, call.rpc);
    }
    this.finishOne();
  }

  onRefusal(backend: Backend, refusal: UnaryOutcome): void {
    const { call } = this;
    if (call.isOver) return;
    this.cancelLegs();
    if (!call.hasReplyHeaders || refusal.kind !== 'status') replyWith(call, backend, refusal);
    else call.finish(trailers(statusName(refusal.code), refusal.text), refusal.code, refusal.text);
  }

  hasRoom(): boolean {
    return this.call.stream.queuedBytes === 0;
  }

  mayGiveUp(): boolean {
    return this.list.whenBackendAbsent === 'partial' && this.completeParts > 0;
  }

  private cancelLegs(): void {
    for (const leg of this.legs) leg.cancel();
  }

  private tellGap(backend: string): void {
    const { call, parts, told } = this;
    const gap = JSON.stringify([backend, call.rpc]);
    if (told.has(gap)) return;
    told.add(gap);
    const hint =
      "Turn off the kubelet's feature gate PodAndContainerStatsFromCRI if its pods should have figures";
    parts.log.warn({ backend, method: call.rpc, hint }, 'a backend has nothing for a list: it is left out');
  }

  private finishOne(): void {
    const { call, lacks } = this;
    this.left--;
    if (this.left > 0 || call.isOver) return;
    if (this.completeParts === 0 && lacks.length > 0) call.fail(nobodyAnswers(call.rpc, lacks));
    else {
      startReply(call);
      endReply(call);
    }
  }
}
