// What to do about a backend that was never listed: without its part no client gets a list of pods.
import type { Backend } from './backend.ts';

/** One sentence for people, without a full stop. */
export function unlistedHint({ name, state, config }: Backend): string {
  switch (state.kind) {
    case 'connecting':
      return 'Wait: it is being connected, which takes a second or two';
    case 'ready':
      return `Wait: it is being listed. If that fails, look into the log of the runtime behind ${config.socket}; it is asked again every few seconds`;
    case 'not-ready':
    case 'unreachable':
    case 'hanging':
      return `Start the container runtime behind ${config.socket}, or mend its endpoint in the config. If this node has no such runtime, take backend ${name} out of the config and restart Switchyard`;
    case 'closed':
      return 'Switchyard is stopping';
    default:
      return state satisfies never;
  }
}
