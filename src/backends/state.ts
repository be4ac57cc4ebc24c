// What Switchyard knows of a backend's life: one tagged state at a time, each with its own data.
import type { ApiVersion } from '../cri/versions.ts';

export type BackendState =
  /** A connection is being made or probed, for the first time or right after one was lost. Calls wait for its outcome. */
  | { readonly kind: 'connecting'; readonly sinceMs: number }
  /** Connected, and its Version call was answered in `apiVersion`. Calls go to it. */
  | { readonly kind: 'ready'; readonly sinceMs: number; readonly apiVersion: ApiVersion }
  /** Connected, but it refuses the Version call (containerd does while it starts). Calls fail at once. */
  | { readonly kind: 'not-ready'; readonly sinceMs: number; readonly reason: string }
  /** No connection, or one that stays silent. Calls fail at once; connecting goes on in the background. */
  | { readonly kind: 'unreachable'; readonly sinceMs: number; readonly reason: string }
  /**
   * Connected, but it does not answer any more: not even Version (a stopped or stuck process), or Version and no list (a
   * locked store). Calls fail at once.
   */
  | { readonly kind: 'hanging'; readonly sinceMs: number; readonly reason: string }
  /** Switchyard is stopping. */
  | { readonly kind: 'closed'; readonly sinceMs: number };

/** Whether calls to a backend in this state fail at once. While it is still connecting they wait instead. */
export function isAbsentState(state: BackendState): boolean {
  return state.kind !== 'ready' && state.kind !== 'connecting';
}

/** The state as a clause for people: `is unreachable since 2026-01-02T03:04:05.000Z: connect ENOENT`. */
export function describeState(state: BackendState): string {
  const since = `since ${new Date(state.sinceMs).toISOString()}`;
  switch (state.kind) {
    case 'ready':
      return `is ready ${since} with ${state.apiVersion}`;
    case 'connecting':
    case 'closed':
      return `is ${state.kind} ${since}`;
    case 'not-ready':
    case 'unreachable':
    case 'hanging':
      return `is ${state.kind} ${since}: ${state.reason}`;
    default:
      return state satisfies never;
  }
}
