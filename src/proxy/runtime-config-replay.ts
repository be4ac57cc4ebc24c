// The last UpdateRuntimeConfig (the node's pod CIDR), for backends that were away or restarted when it came.
import type { Backend } from '../backends/backend.ts';
import { STATUS } from '../grpc/status.ts';
import type { Logger } from '../telemetry/log.ts';

const TELL_TIMEOUT_MS = 10_000;

export interface RuntimeConfigReplayOptions {
  /** What an earlier run gave to `keep`. */
  readonly kept: Buffer | undefined;
  readonly keep: (request: Buffer) => void;
  readonly log: Logger;
}

export class RuntimeConfigReplay {
  private request: Buffer | undefined;
  private readonly options: RuntimeConfigReplayOptions;

  constructor(options: RuntimeConfigReplayOptions) {
    this.request = options.kept;
    this.options = options;
  }

  /** Keeps the request message of the newest UpdateRuntimeConfig. */
  remember(request: Buffer): void {
    this.request = request;
    this.options.keep(request);
  }

  /** Tells it to a backend; resolves to whether that took it. A runtime that lacks the RPC has no use for it. */
  async tell(backend: Backend): Promise<boolean> {
    const { request } = this;
    if (request === undefined) return false;
    const outcome = await backend.ask({
      service: 'RuntimeService',
      rpc: 'UpdateRuntimeConfig',
      request,
      timeoutMs: TELL_TIMEOUT_MS,
    });
    if (outcome.kind === 'answered') return true;
    if (outcome.kind === 'status' && outcome.code === STATUS.UNIMPLEMENTED) return false;
    const reason = outcome.kind === 'status' ? outcome.text : outcome.error.message;
    this.options.log.warn({ backend: backend.name, reason }, 'UpdateRuntimeConfig was refused');
    return false;
  }
}
