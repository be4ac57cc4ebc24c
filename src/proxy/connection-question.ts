// A question of Switchyard's own that is put to each backend once on each connection: behind another one may be another
// runtime. Who needs the answer waits for the one that is on its way.
import type { Backend } from '../backends/backend.ts';
import type { BackendState } from '../backends/state.ts';
import type { UnaryOutcome } from '../backends/unary-call.ts';

/** A list of statistics or metrics waits for it. */
const ASK_TIMEOUT_MS = 2_000;

export interface ConnectionQuestionOptions {
  /** Of RuntimeService. */
  readonly rpc: string;
  readonly request: Uint8Array;
  /** Told of every outcome; false when it says nothing, so that the backend is asked again. */
  readonly learn: (backend: Backend, outcome: UnaryOutcome) => boolean;
}

export class ConnectionQuestion {
  private readonly options: ConnectionQuestionOptions;
  private readonly asked = new Map<Backend, Promise<UnaryOutcome>>();

  constructor(options: ConnectionQuestionOptions) {
    this.options = options;
  }

  /** A backend's state has turned: one that is ready is asked. */
  onState(backend: Backend, state: BackendState): void {
    if (state.kind !== 'ready') this.asked.delete(backend);
    else void this.ask(backend);
  }

  /** Asks it now, and again next time when the outcome said nothing. Never rejects. */
  ask(backend: Backend, request: Uint8Array = this.options.request): Promise<UnaryOutcome> {
    const { rpc, learn } = this.options;
    const asked = backend
      .ask({ service: 'RuntimeService', rpc, request, timeoutMs: ASK_TIMEOUT_MS })
      .then((outcome) => {
        if (!learn(backend, outcome) && this.asked.get(backend) === asked) this.asked.delete(backend);
        return outcome;
      });
    this.asked.set(backend, asked);
    return asked;
  }

  /** Resolves when all of these have been asked on their present connection. */
  async prepare(backends: readonly Backend[]): Promise<void> {
    await Promise.all(backends.map((backend) => this.asked.get(backend) ?? this.ask(backend)));
  }
}
