// Watches a call that waits: is its backend alive at all? Half the list budget is given before the question is put, half
// for the answer. A backend that lives and is slow is waited for, one that hangs is not.
import type { Backend } from '../backends/backend.ts';
import type { Clock, Timer } from '../clock.ts';
import type { ServiceName } from '../cri/methods.ts';
import { BackendUnavailableError } from '../errors.ts';
import type { Call } from './call.ts';
import type { LateLists } from './late-lists.ts';

/** How often a backend that is waited for is looked at again. */
export const LOOK_AGAIN_MS = 500;

/** Calls `onAbsent` once, when the backend is found to hang or is absent otherwise; never after cancel(). */
export function watchHang(clock: Clock, backend: Backend, service: ServiceName, onAbsent: () => void): Timer {
  const { listMs } = backend.config.timeouts;
  const endpoint = backend.endpointOf(service);
  let timer: Timer;
  const look = () => {
    if (endpoint.isAbsent) onAbsent();
    else timer = clock.after(LOOK_AGAIN_MS, look);
  };
  timer = clock.after(listMs / 2, () => {
    endpoint.suspect(listMs / 2);
    timer = clock.after(listMs / 2, look);
  });
  return { cancel: () => timer.cancel() };
}

/**
 * Lists of stats and metrics wait for a living backend so many times its list budget, and then do without it if there is
 * anything else to give. Kubelets read them every ten seconds, and metrics-server waits no longer.
 */
const PATIENCE = 4;
/** One that is late with its lists of pods, too: a scrape waits for those first, a budget each, and has 10 s for all. */
const LATE_PATIENCE = 2;

/** How long a list that may lack the backend waits for it. */
export function patienceMs({ config, name }: Backend, lateLists: LateLists): number {
  return config.timeouts.listMs * (lateLists.isAwaited(name) ? LATE_PATIENCE : PATIENCE);
}

/** The end of a call whose backend hangs: as if it had come a moment later, but for what may yet become of it. */
export function givenUp(
  call: Call,
  { message, hint, backends }: BackendUnavailableError,
): BackendUnavailableError {
  const doubt = call.route?.method?.retry === 'once' ? '' : ', though it may still be carried out';
  return new BackendUnavailableError(`${call.rpc} is given up${doubt}: ${message}`, { hint, backends });
}
