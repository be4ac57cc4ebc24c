// Joined unary lists grow until one day the kubelet does not take them any more, and then the node is NotReady after
// three minutes. Said before it happens: once when a list passes half of the limit, and again on its way up.
import type { ListMethod } from '../cri/methods.ts';
import type { Logger } from '../telemetry/log.ts';
import { streamOf } from './list-errors.ts';

const STEPS = [0.5, 0.75, 0.9] as const;

export class ListSizeAlarm {
  private readonly log: Logger;
  /** By RPC: how many steps were told. */
  private readonly told = new Map<string, number>();

  constructor(log: Logger) {
    this.log = log;
  }

  /** A reply of so many bytes was joined. */
  see(method: ListMethod, sizeBytes: number, limitBytes: number): void {
    const told = this.told.get(method.name) ?? 0;
    const next = STEPS[told];
    if (next !== undefined && sizeBytes >= limitBytes * next) {
      this.told.set(method.name, STEPS.filter((step) => sizeBytes >= limitBytes * step).length);
      const stream = streamOf(method);
      this.log.warn(
        {
          method: method.name,
          sizeBytes,
          limitBytes,
          hint: `Turn on the kubelet's feature gate CRIListStreaming, which uses ${stream}, or remove dead containers`,
        },
        'a list comes near the longest message that a kubelet takes',
      );
    } else if (told > 0 && sizeBytes < (limitBytes * STEPS[0]) / 2) this.told.delete(method.name);
  }
}
