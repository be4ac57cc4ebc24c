// Whether a kubelet may be pointed at this Switchyard, for /readyz.
import type { Backend } from '../backends/backend.ts';
import type { BackendRegistry } from '../backends/registry.ts';
import { describeState } from '../backends/state.ts';
import { describeCause, type UnlistedCause, unlistedHint } from '../backends/unlisted-hint.ts';
import type { Census } from '../ledger/census.ts';
import type { BackendReadiness, Readiness } from './server.ts';

/** What else may be in trouble; undefined where all is well. */
export interface NodeTrouble {
  /** Why the state directory cannot be written, and why there is no list of a backend that has none. */
  readonly state: { readonly trouble: string | undefined; unlistedCause(backend: Backend): UnlistedCause };
  /** Why clients do not find the CRI socket. */
  readonly socket: { readonly trouble: string | undefined };
}

/**
 * Ready for a kubelet: clients find the socket, and lists of pods can be given, because every backend has answered one or
 * the journal has its last. A backend that goes afterwards changes nothing: its snapshot stands for it. A state directory
 * that fails is reported, but is no reason to refuse calls.
 */
export function readinessOf(
  { all }: BackendRegistry,
  census: Census,
  { state, socket: { trouble: socket } }: NodeTrouble,
): Readiness {
  const journal = state.trouble;
  const reason = socket ?? reasonOf(all, census, state);
  return {
    isReady: reason === undefined,
    ...(reason !== undefined && { reason }),
    ...(journal !== undefined && { journal }),
    ...(socket !== undefined && { socket }),
    backends: all.map((backend) => toReadiness(backend, state)),
  };
}

function reasonOf(
  all: readonly Backend[],
  census: Census,
  { unlistedCause }: NodeTrouble['state'],
): string | undefined {
  const unlisted = all.filter((backend) => !backend.isListed);
  const whys = unlisted.map((backend) => {
    const failure = census.troubleOf(backend);
    const why =
      failure === undefined ? describeState(backend.state) : `answers, but its list failed: ${failure}`;
    return `backend ${backend.name} ${describeCause(unlistedCause(backend))}: it ${why}`;
  });
  return whys.length === 0 ? undefined : `no list of pods can be given: ${whys.join('; ')}`;
}

function toReadiness(backend: Backend, { unlistedCause }: NodeTrouble['state']): BackendReadiness {
  const { name, state, images, isListed } = backend;
  const own = describeState(state);
  return {
    name,
    isUp: state.kind === 'ready',
    isListed,
    detail: backend.hasOwnImages ? `${own}; its image service ${describeState(images.state)}` : own,
    ...(!isListed && { hint: unlistedHint(backend, unlistedCause(backend)) }),
  };
}
