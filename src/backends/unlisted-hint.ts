// A backend of which there is no list: why, and what to do about it. Without its part no client gets a list of pods.
import type { Backend } from './backend.ts';
import { isAdvised, isSilence } from './foreign-peer.ts';

/** Why there is no list of a backend. */
export type UnlistedCause =
  /** As far as anybody knows it was never there. */
  | 'never-listed'
  /** It may have been listed, but the journal that would say so is lost. */
  | 'journal-lost'
  /** Pods of it are known, but no list has them all. */
  | 'incomplete';

/** The cause as the end of a clause about the backend. */
export function describeCause(cause: UnlistedCause): string {
  switch (cause) {
    case 'never-listed':
      return 'was never listed';
    case 'journal-lost':
      return 'was not listed since the journal was lost';
    case 'incomplete':
      return 'has pods, but was not listed in full';
    default:
      return cause satisfies never;
  }
}

/** What to do, as sentences for people, without the last full stop. */
export function unlistedHint(backend: Backend, cause: UnlistedCause): string {
  const { name, state, config } = backend;
  switch (state.kind) {
    case 'connecting':
      return 'Wait: it is being connected, which takes a second or two';
    case 'ready':
      return `Wait: it is being listed. If that fails, look into the log of the runtime behind ${config.socket}; it is asked again every few seconds`;
    case 'not-ready':
    case 'unreachable':
    case 'hanging':
      return `${remedy(config.socket, state)}. ${onTakingOut(name, cause)}`;
    case 'closed':
      return 'Switchyard is stopping';
    default:
      return state satisfies never;
  }
}

function remedy(
  socket: string,
  { kind, reason }: { readonly kind: string; readonly reason: string },
): string {
  if (isAdvised(reason)) return 'Do what its reason says';
  if (kind === 'hanging' || isSilence(reason))
    return `The runtime behind ${socket} accepts connections, but answers nothing: look into its log, and restart it`;
  if (kind === 'not-ready')
    return `The runtime behind ${socket} runs, but is not ready: wait if it is starting, else look into its log`;
  return `Start the container runtime behind ${socket}, or mend its endpoint in the config`;
}

function onTakingOut(name: string, cause: UnlistedCause): string {
  if (cause === 'never-listed')
    return `If this node has no such runtime, take backend ${name} out of the config and restart Switchyard`;
  return `Do not take backend ${name} out of the config if this node has such a runtime: pods that run there would go on running, unknown to all, while the kubelet starts them a second time`;
}
