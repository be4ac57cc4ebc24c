// Reports a backend that ends the list of the statistics of its pods with an error: clients do not see it, for they get
// figures that are made, and lack what only the backend knows. Said when it begins, when the status is another, and when
// it is over; the texts differ from call to call, for they name one pod or the next.
import type { Backend } from '../backends/backend.ts';
import { statusName } from '../grpc/status.ts';
import { excerpt } from '../quote.ts';
import type { Logger } from '../telemetry/log.ts';

const HINT =
  'Until it gives them, CPU and memory of its pods are the sums of their containers, and network and processes are missing';

export class PodStatsAlarm {
  private readonly log: Logger;
  /** The status with which each ends it now. */
  private readonly codes = new WeakMap<Backend, number>();

  constructor(log: Logger) {
    this.log = log;
  }

  /** It ended the list so. */
  failed(backend: Backend, { code, text }: { readonly code: number; readonly text: string }): void {
    if (this.codes.get(backend) === code) return;
    this.codes.set(backend, code);
    this.log.warn(
      { backend: backend.name, reason: `${statusName(code)}: ${excerpt(text)}`, hint: HINT },
      'a backend ends the list of the statistics of its pods with an error',
    );
  }

  /** It gave the whole list. */
  given(backend: Backend): void {
    if (this.codes.delete(backend))
      this.log.info({ backend: backend.name }, 'a backend gives the statistics of its pods again');
  }
}
