// Whether a kubelet may be pointed at this Switchyard, for /readyz.
import type { BackendRegistry } from '../backends/registry.ts';
import { describeState } from '../backends/state.ts';
import type { Readiness } from './server.ts';

/** Ready for a kubelet: the default backend answers. A state folder that fails is told, but no reason to refuse calls. */
export function readinessOf(registry: BackendRegistry, journalTrouble: string | undefined): Readiness {
  const backends = registry.all.map((backend) => ({
    name: backend.name,
    isUp: backend.state.kind === 'ready',
    detail: backend.hasOwnImages
      ? `${describeState(backend.state)}; its image service ${describeState(backend.images.state)}`
      : describeState(backend.state),
  }));
  const { isReady } = registry;
  const reason = `the default backend ${registry.default.name} ${describeState(registry.default.state)}`;
  return {
    isReady,
    ...(!isReady && { reason }),
    ...(journalTrouble !== undefined && { journal: journalTrouble }),
    backends,
  };
}
