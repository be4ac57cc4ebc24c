// What each backend declares of its metrics' labels, and in which order clients were told them. The kubelet asks for the
// descriptors once, when it starts, and from then on takes label values by their place: so what was told stays, over
// restarts too, and every backend's metrics are brought into that order.
import type { Backend } from '../backends/backend.ts';
import type { BackendState } from '../backends/state.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';
import type { Clock } from '../clock.ts';
import { STATUS } from '../grpc/status.ts';
import { encodeOrder, type LabelOrder, labelOrderOf, mergeDescriptors, relabel } from '../merge/metrics.ts';
import type { Logger } from '../telemetry/log.ts';

/** A list of metrics waits for it. */
const ASK_TIMEOUT_MS = 2_000;
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
  /** Backends that were asked on their present connection: another one may lead to a newer runtime. */
  private readonly asked = new Map<Backend, Promise<UnaryOutcome>>();
  private told: LabelOrder;
  private shared: LabelOrder | undefined;

  constructor(options: MetricLabelsOptions) {
    this.options = options;
    this.told = orderOf(options.kept ?? NONE) ?? EMPTY_ORDER;
    for (const backend of options.backends) {
      const kept = backend.snapshot.kept('ListMetricDescriptors');
      const order = kept && orderOf(kept.message);
      if (order !== undefined) this.orders.set(backend, order);
    }
  }

  /** A backend's state has turned. */
  onState(backend: Backend, state: BackendState): void {
    if (state.kind !== 'ready') this.asked.delete(backend);
    else void this.ask(backend);
  }

  /** Asks it now and learns from the outcome. Never rejects. One that is absent keeps what is known of it. */
  ask(backend: Backend, request: Buffer = NONE): Promise<UnaryOutcome> {
    const asked = backend
      .ask({
        service: 'RuntimeService',
        rpc: 'ListMetricDescriptors',
        request,
        timeoutMs: ASK_TIMEOUT_MS,
      })
      .then((outcome) => {
        this.learn(backend, outcome);
        if (outcome.kind === 'failed' && this.asked.get(backend) === asked) this.asked.delete(backend);
        return outcome;
      });
    this.asked.set(backend, asked);
    return asked;
  }

  /** Resolves when all of these have been asked on their present connection. */
  async prepare(backends: readonly Backend[]): Promise<void> {
    await Promise.all(backends.map((backend) => this.asked.get(backend) ?? this.ask(backend)));
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
    const replies = this.options.backends.flatMap(
      ({ snapshot }) => snapshot.kept('ListMetricDescriptors')?.message ?? [],
    );
    return mergeDescriptors(replies, this.told);
  }

  private learn(backend: Backend, outcome: UnaryOutcome): void {
    const isUnable = outcome.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED;
    const reply = outcome.kind === 'answered' ? outcome.message : isUnable ? NONE : undefined;
    const order = reply && orderOf(reply);
    if (reply === undefined || order === undefined) return;
    const { clock, log } = this.options;
    backend.snapshot.keep('ListMetricDescriptors', reply, clock.now());
    this.orders.set(backend, order);
    this.shared = undefined;
    const untold = [...order].flatMap(([name, keys]) => {
      const known = this.told.get(name);
      return known !== undefined && keys.some((key) => !known.includes(key)) ? [name] : [];
    });
    if (untold.length === 0) return;
    log.warn(
      { backend: backend.name, metrics: untold, hint: 'They are shown when the kubelet has been restarted' },
      'a backend has metrics with labels that the kubelet was not told of: they are left out',
    );
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
