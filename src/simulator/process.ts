// The processes inside simulated containers: a few small commands, and services that run until they get a signal.

import type { Clock, Timer } from '../clock.ts';

/** What a command does, known before it runs. */
export interface Outcome {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly exitCode: number;
  /** How long it runs; Infinity for a service. */
  readonly durationMs: number;
}

/** A running main process of a container. */
export interface Process {
  /** Sends SIGTERM; a process that traps it goes on. */
  terminate(): void;
  /** Sends SIGKILL. */
  kill(): void;
}

/** Timers hold at most 31 bits of milliseconds. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

const SIGTERM_EXIT = 128 + 15;
const SIGKILL_EXIT = 128 + 9;

/**
 * Starts a container's main process. `onExit` is called once, never from inside this function.
 * Known small commands end as they say; everything else is a service that runs until it gets a signal.
 * A shell line with `trap '' TERM` outlives SIGTERM.
 */
export function startProcess(
  clock: Clock,
  outcome: Outcome | undefined,
  trapsTerm: boolean,
  onExit: (exitCode: number) => void,
): Process {
  let ended = false;
  let timer: Timer | undefined;
  const end = (exitCode: number) => {
    if (ended) return;
    ended = true;
    timer?.cancel();
    onExit(exitCode);
  };
  if (outcome !== undefined && outcome.durationMs !== Number.POSITIVE_INFINITY) {
    timer = clock.after(Math.min(outcome.durationMs, LONGEST_TIMER_MS), () => end(outcome.exitCode));
  }
  return {
    terminate: () => {
      if (!trapsTerm) end(SIGTERM_EXIT);
    },
    kill: () => end(SIGKILL_EXIT),
  };
}
