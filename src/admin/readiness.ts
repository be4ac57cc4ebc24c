// Whether a kubelet may be pointed at this Switchyard, for /readyz.
import type { BackendRegistry } from '../backends/registry.ts';
import { describeState } from '../backends/state.ts';
import type { Readiness } from './server.ts';

/** What else is wrong; undefined where all is well. */
export interface NodeTrouble {
  /** Why the state directory cannot be written. */
  readonly journal: string | undefined;
  /** Why clients do not find the CRI socket. */
  readonly socket: string | undefined;
}

/**
 * Ready for a kubelet: the default backend answers, and clients find the socket. A state directory that fails is reported,
 * but is no reason to refuse calls.
 */
export function readinessOf(registry: BackendRegistry, trouble: NodeTrouble): Readiness {
  const backends = registry.all.map((backend) => ({
    name: backend.name,
    isUp: backend.state.kind === 'ready',
    detail: backend.hasOwnImages
      ? `${describeState(backend.state)}; its image service ${describeState(backend.images.state)}`
      : describeState(backend.state),
  }));
  const isReady = registry.isReady && trouble.socket === undefined;
  const reason =
    trouble.socket ?? `the default backend ${registry.default.name} ${describeState(registry.default.state)}`;
  return {
    isReady,
    ...(!isReady && { reason }),
    ...(trouble.journal !== undefined && { journal: trouble.journal }),
    ...(trouble.socket !== undefined && { socket: trouble.socket }),
    backends,
  };
}
