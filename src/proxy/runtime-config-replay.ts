// The last UpdateRuntimeConfig (the node's pod CIDR), for backends that were away or restarted when it came.
import type { Backend } from '../backends/backend.ts';

const REPLAY_TIMEOUT_MS = 10_000;

export class RuntimeConfigReplay {
  private request: Buffer | undefined;
  private readonly keep: (request: Buffer) => void;

  /** `kept` is what an earlier run gave to `keep`. */
  constructor(kept: Buffer | undefined, keep: (request: Buffer) => void) {
    this.request = kept;
    this.keep = keep;
  }

  /** Keeps the request message of the newest UpdateRuntimeConfig. */
  remember(request: Buffer): void {
    this.request = request;
    this.keep(request);
  }

  /** Tells a backend that has just become ready; resolves to why it refused, or undefined. */
  async replay(backend: Backend): Promise<string | undefined> {
    if (this.request === undefined) return undefined;
    const outcome = await backend.ask({
      service: 'RuntimeService',
      rpc: 'UpdateRuntimeConfig',
      request: this.request,
      timeoutMs: REPLAY_TIMEOUT_MS,
    });
    switch (outcome.kind) {
      case 'answered':
        return undefined;
      case 'status':
        return outcome.text;
      case 'failed':
        return outcome.error.message;
      default:
        return outcome satisfies never;
    }
  }
}
