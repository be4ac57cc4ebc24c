// What each backend declares of its metrics' labels, kept so that metrics can be put into one order.
import type { Backend } from '../backends/backend.ts';
import { type LabelOrder, labelOrderOf, mergeDescriptors, relabel } from '../merge/metrics.ts';

const ASK_TIMEOUT_MS = 5_000;

export class MetricLabels {
  private readonly backends: readonly Backend[];
  private readonly replies = new Map<Backend, Buffer>();
  private readonly orders = new Map<Backend, LabelOrder>();
  private merged: { readonly reply: Buffer; readonly order: LabelOrder } | undefined;

  /** `backends` in the order in which their key orders win. */
  constructor(backends: readonly Backend[]) {
    this.backends = backends;
  }

  /** A backend answered ListMetricDescriptors. Throws when the reply does not parse. */
  learn(backend: Backend, reply: Buffer): void {
    this.orders.set(backend, labelOrderOf(reply));
    this.replies.set(backend, reply);
    this.merged = undefined;
  }

  /** Asks the backends whose descriptors are not known. One that cannot say has no metrics that can be shown. */
  async prepare(backends: readonly Backend[]): Promise<void> {
    const unknown = backends.filter((backend) => !this.orders.has(backend));
    await Promise.all(
      unknown.map(async (backend) => {
        const outcome = await backend.ask({
          service: 'RuntimeService',
          rpc: 'ListMetricDescriptors',
          request: new Uint8Array(0),
          timeoutMs: ASK_TIMEOUT_MS,
        });
        if (outcome.kind === 'answered') this.learn(backend, outcome.message);
      }),
    );
  }

  /** The descriptors of all backends that were learnt, each name once. */
  descriptors(): Buffer {
    return this.shared().reply;
  }

  /** A backend's metrics with label values in the shared order; nothing when its descriptors are not known. */
  relabel(backend: Backend, message: Buffer): Buffer {
    const own = this.orders.get(backend);
    return own === undefined ? Buffer.alloc(0) : relabel(message, own, this.shared().order);
  }

  private shared(): { readonly reply: Buffer; readonly order: LabelOrder } {
    if (this.merged === undefined) {
      const reply = mergeDescriptors(this.backends.flatMap((backend) => this.replies.get(backend) ?? []));
      this.merged = { reply, order: labelOrderOf(reply) };
    }
    return this.merged;
  }
}
