// One fault under load, from the moment it strikes until everything is whole again, and what the load saw of it.
import { until } from '../support/until.ts';
import { latencies, quantile } from './call-record.ts';
import type { RuntimeProcess, Stage } from './stage.ts';

/** What to do, and whom it concerns. */
export interface Drill {
  /** For the table. */
  readonly fault: string;
  /** The backend that is hit; undefined when only Switchyard itself is. */
  readonly backend?: string;
  /** Makes the trouble, and returns when it is there. */
  strike(): Promise<unknown>;
  /** Resolves when the fault has lasted long enough. Default: ten rounds of full lists were served since it is there. */
  hold?(): Promise<unknown>;
  /** Ends the trouble. */
  heal(): Promise<unknown>;
  /** True when Switchyard itself goes away for a time: then calls may fail. */
  readonly cutsClients?: boolean;
}

/** A line of the table. */
export interface DrillResult {
  readonly fault: string;
  readonly calls: number;
  readonly wrong: number;
  /** Lists that failed; a kubelet can bear it for a while. */
  readonly listsFailed: number;
  /** Failed calls that concern other backends. */
  readonly othersFailed: number;
  readonly slowestListMs: number;
  readonly slowestStatusMs: number;
  /** From the moment the fault was there until both full lists were served that began after it. */
  readonly listsServedMs: number;
  /** From the end of the trouble until lists, status calls and new pods of the backend went well. */
  readonly wholeMs: number;
}

const FULL_LISTS = ['ListPodSandbox', 'ListContainers'];
const HELD_ROUNDS = 10;
const HOLD_TIMEOUT_MS = 30_000;
const WHOLE_TIMEOUT_MS = 30_000;

/** Plays a drill on a stage whose load runs. Throws when lists are never served, or it is never whole again. */
export async function play(stage: Stage<RuntimeProcess>, drill: Drill): Promise<DrillResult> {
  const { load } = stage;
  const { record, check } = load.calls;
  const wrongBefore = check.wrongCount;
  const struckMs = performance.now();
  await drill.strike();
  const standsMs = performance.now();
  await (drill.hold?.() ?? lists(stage, HELD_ROUNDS, performance.now()));
  const healBeganMs = performance.now();
  await drill.heal();
  const healedMs = performance.now();
  const names = drill.backend === undefined ? stage.backends.map(({ name }) => name) : [drill.backend];
  await until(() => whenWhole(stage, names, healedMs) !== undefined, 'it is whole again', WHOLE_TIMEOUT_MS);
  const wholeMs = whenWhole(stage, names, healedMs) ?? Number.NaN;

  const calls = record.ended.filter(({ endedMs }) => endedMs >= struckMs);
  const made = (rpcs: readonly string[]) => calls.filter(({ rpc }) => rpcs.includes(rpc));
  const isOther = (backend: string | undefined) => drill.backend !== undefined && backend !== drill.backend;
  return {
    fault: drill.fault,
    calls: calls.length,
    wrong: check.wrongCount - wrongBefore,
    listsFailed: made(FULL_LISTS).filter(({ isOk }) => !isOk).length,
    othersFailed: calls.filter(({ backend, isOk }) => !isOk && isOther(backend) && backend !== undefined)
      .length,
    slowestListMs: quantile(latencies(made(FULL_LISTS)), 1),
    slowestStatusMs: quantile(latencies(made(['Status'])), 1),
    listsServedMs: (firstServed(stage, standsMs) ?? Number.NaN) - standsMs,
    wholeMs: wholeMs - (drill.cutsClients === true ? healBeganMs : healedMs),
  };
}

/** Resolves when `rounds` pairs of full lists were served that began after `fromMs`. */
export function lists(stage: Stage, rounds: number, fromMs: number): Promise<void> {
  const { record } = stage.load.calls;
  return until(
    () =>
      FULL_LISTS.every(
        (rpc) => record.between([rpc], fromMs).filter(({ isOk }) => isOk).length >= rounds * 2,
      ),
    `${rounds} rounds of lists are served`,
    HOLD_TIMEOUT_MS,
  );
}

/** When both lists were served for the first time after a moment. */
function firstServed(stage: Stage, fromMs: number): number | undefined {
  return latest(FULL_LISTS.map((rpc) => stage.load.calls.record.firstOk([rpc], undefined, fromMs)));
}

function whenWhole(stage: Stage, backends: readonly string[], fromMs: number): number | undefined {
  const { record, check } = stage.load.calls;
  if (backends.some((name) => check.hasLoss(name))) return undefined;
  return latest([
    firstServed(stage, fromMs),
    ...backends.map((name) => record.firstOk(['RunPodSandbox'], name, fromMs)),
  ]);
}

function latest(moments: readonly (number | undefined)[]): number | undefined {
  return moments.includes(undefined) ? undefined : Math.max(...moments.map(Number));
}

/** The results as a table for people. */
export function tableOf(results: readonly DrillResult[]): string {
  const head = [
    'fault',
    'calls',
    'wrong',
    'lists failed',
    'others failed',
    'slowest list',
    'slowest Status',
    'lists served after',
    'whole after',
  ];
  const ms = (value: number) => `${Math.round(value)} ms`;
  const rows = results.map((result) => [
    result.fault,
    String(result.calls),
    String(result.wrong),
    String(result.listsFailed),
    String(result.othersFailed),
    ms(result.slowestListMs),
    ms(result.slowestStatusMs),
    ms(result.listsServedMs),
    ms(result.wholeMs),
  ]);
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ');
  return [head, ...rows].map(line).join('\n');
}
