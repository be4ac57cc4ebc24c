// What each backend declares of its metrics' labels, and in which order clients were told them. The kubelet asks for the
// descriptors once, when it starts, and from then on takes label values by their place: so what was told stays, over
// restarts too, and every backend's metrics are brought into that order.
import type { Backend } from '../backends/backend.ts';
import type { BackendState } from '../backends/state.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { Clock } from '../clock.ts';
import { encodeOrder, type LabelOrder, labelOrderOf, mergeDescriptors, relabel } from '../merge/metrics.ts';
import type { Logger } from '../telemetry/log.ts';
import { ConnectionQuestion } from './connection-question.ts';
import { lacksRpc } from './lacks-rpc.ts';

const RPC = 'ListMetricDescriptors';
const NONE = Buffer.alloc(0);
const EMPTY_ORDER: LabelOrder = new Map();

export interface MetricLabelsOptions {
  /** In the order in which their key orders win. */
  readonly backends: readonly Backend[];
  /** What an earlier run gave to `keep`. */
  readonly kept: Buffer | undefined;
  readonly keep: (descriptors: Buffer) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export class MetricLabels {
  private readonly options: MetricLabelsOptions;
  private readonly orders = new Map<Backend, LabelOrder>();
  private readonly question: ConnectionQuestion;
  private told: LabelOrder;
  private shared: LabelOrder | undefined;

  constructor(options: MetricLabelsOptions) {
    this.options = options;
    const learn = (backend: Backend, outcome: UnaryOutcome) => this.learn(backend, outcome);
    this.question = new ConnectionQuestion({ rpc: RPC, request: NONE, learn });
    this.told = orderOf(options.kept ?? NONE) ?? EMPTY_ORDER;
    for (const backend of options.backends) {
      const kept = backend.snapshot.kept(RPC);
      const order = kept && orderOf(kept.message);
      if (order !== undefined) this.orders.set(backend, order);
    }
  }

  /** A backend's state has turned. */
  onState(backend: Backend, state: BackendState): void {
    this.question.onState(backend, state);
  }

  /** Asks it now and learns from the outcome. Never rejects. One that is absent keeps what is known of it. */
  ask(backend: Backend, request: Buffer): Promise<UnaryOutcome> {
    return this.question.ask(backend, request);
  }

  /** Resolves when all of these have been asked on their present connection. */
  async prepare(backends: readonly Backend[]): Promise<void> {
    await this.question.prepare(backends);
  }

  /** Whether it has said, now or before, that it has no metrics. */
  isLacking({ snapshot }: Backend): boolean {
    return snapshot.kept(RPC)?.message.length === 0;
  }

  /** Whether any backend has told descriptors, now or before. */
  get areAnyKnown(): boolean {
    return [...this.orders.values()].some(({ size }) => size > 0);
  }

  /** The descriptors of all backends, also of absent ones, each name once. From now on clients know this order. */
  tell(): Buffer {
    const descriptors = this.merged();
    this.told = new Map([...this.told, ...labelOrderOf(descriptors)]);
    this.shared = undefined;
    this.options.keep(encodeOrder(this.told));
    return descriptors;
  }

  /** A backend's metrics with label values in the order that was told; nothing when its descriptors are not known. */
  relabel(backend: Backend, message: Buffer): Buffer {
    const own = this.orders.get(backend);
    if (own === undefined) return NONE;
    this.shared ??= new Map([...labelOrderOf(this.merged()), ...this.told]);
    return relabel(message, own, this.shared);
  }

  private merged(): Buffer {
    const replies = this.options.backends.flatMap(({ snapshot }) => snapshot.kept(RPC)?.message ?? []);
    return mergeDescriptors(replies, this.told);
  }

  /** False when the outcome says nothing of its metrics. */
  private learn(backend: Backend, outcome: UnaryOutcome): boolean {
    const reply = outcome.kind === 'answered' ? outcome.message : lacksRpc(outcome) ? NONE : undefined;
    const order = reply && orderOf(reply);
    if (reply === undefined || order === undefined) return false;
    const { clock, log } = this.options;
    backend.snapshot.keep(RPC, reply, clock.now());
    this.orders.set(backend, order);
    this.shared = undefined;
    const untold = [...order].flatMap(([name, keys]) => {
      const known = this.told.get(name);
      return known !== undefined && keys.some((key) => !known.includes(key)) ? [name] : [];
    });
    if (untold.length === 0) return true;
    log.warn(
      { backend: backend.name, metrics: untold, hint: 'They are shown when the kubelet has been restarted' },
      'a backend has metrics with labels that the kubelet was not told of: they are left out',
    );
    return true;
  }
}

/** Undefined for bytes that are no descriptors: as good as none. */
function orderOf(reply: Buffer): LabelOrder | undefined {
  try {
    return labelOrderOf(reply);
  } catch {
    return undefined;
  }
}
