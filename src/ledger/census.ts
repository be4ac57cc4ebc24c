// Full lists that Switchyard asks for itself: of every backend when it becomes ready, and of one whose answer to
// RunPodSandbox or CreateContainer was lost. So ids are known before the first call that names them.
import type { Backend } from '../backends/backend.ts';
import { type ListMethod, methodNamed } from '../cri/methods.ts';
import { learnList } from './learn.ts';
import type { Ledger } from './ledger.ts';

/** A census is not on a call's way, so it may take its time. */
const CENSUS_TIMEOUT_MS = 30_000;

export interface CensusOptions {
  readonly ledger: Ledger;
  /** Told of a list that failed; the census is taken again when the backend is next ready or asked for. */
  onFailure(backend: Backend, reason: string): void;
  /** Told of ids that another backend owns already. */
  onForeignIds(backend: Backend, count: number): void;
}

export class Census {
  private readonly options: CensusOptions;
  private readonly running = new Map<Backend, Promise<boolean>>();
  private readonly counted = new Set<Backend>();

  constructor(options: CensusOptions) {
    this.options = options;
  }

  /** True once a backend was listed in full since Switchyard started. */
  isCounted(backend: Backend): boolean {
    return this.counted.has(backend);
  }

  /** Lists the backend in full now; resolves to whether it worked. */
  take(backend: Backend): Promise<boolean> {
    const census = this.count(backend);
    this.running.set(backend, census);
    return census.finally(() => {
      if (this.running.get(backend) === census) this.running.delete(backend);
    });
  }

  /** Resolves when every backend that is not absent has been counted, or its count has failed. */
  async settle(backends: readonly Backend[]): Promise<void> {
    const open = backends.filter((backend) => !backend.isAbsent && !this.counted.has(backend));
    await Promise.all(open.map((backend) => this.running.get(backend) ?? this.take(backend)));
  }

  private async count(backend: Backend): Promise<boolean> {
    const lists = ['ListPodSandbox', 'ListContainers'].map((name) => methodNamed(name) as ListMethod);
    const results = await Promise.all(lists.map((method) => this.learn(backend, method)));
    const isComplete = results.every((result) => result);
    if (isComplete) this.counted.add(backend);
    return isComplete;
  }

  private async learn(backend: Backend, method: ListMethod): Promise<boolean> {
    const { ledger, onFailure, onForeignIds } = this.options;
    const list = ledger.beginList();
    const outcome = await backend.ask({
      service: method.service,
      rpc: method.name,
      request: new Uint8Array(0),
      timeoutMs: CENSUS_TIMEOUT_MS,
    });
    if (outcome.kind !== 'answered') {
      onFailure(backend, outcome.kind === 'status' ? outcome.text : outcome.error.message);
      return false;
    }
    const foreign = learnList(ledger, method, backend, outcome.message, list);
    if (foreign.length > 0) onForeignIds(backend, foreign.length);
    return true;
  }
}
