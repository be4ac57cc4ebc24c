// What a run of the bench has measured: plain data, as it is written by --json and read by the report.

import type { Spread } from './statistics.ts';
import { spreadOf } from './statistics.ts';
import type { LoadGroup } from './workloads.ts';

/** One contender's slice of one round. */
export interface Figures {
  readonly calls: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly callsPerSecond: number;
  /** CPU time of the proxy for each call; NaN for direct calls. */
  readonly cpuUs: number;
}

export type Measure = Exclude<keyof Figures, 'calls'>;

/** One cell of one round: the figures of each contender, by its name. */
export type RoundOfCell = ReadonlyMap<string, Figures>;

export interface CellResult {
  readonly name: string;
  readonly workload: string;
  /** False for merged lists. */
  readonly isSmall: boolean;
  readonly inFlight: number;
  readonly rounds: readonly RoundOfCell[];
}

export interface ProxyResult {
  readonly name: string;
  readonly about: string;
  /** Exec to the first answered call, each start. */
  readonly firstAnswersMs: readonly number[];
  readonly idleBytes: number;
  /** The same after a scrape of its metrics; undefined when it has none. */
  readonly scrapedBytes: number | undefined;
  /** The most memory it ever held up to the end of each group, run from light to heavy by a fresh process. */
  readonly peakBytes: ReadonlyMap<LoadGroup, number>;
  /** The same after all rounds. */
  readonly endPeakBytes: number;
  /** Cells whose calls it answered without asking a backend. */
  readonly answersAlone: readonly string[];
}

export interface Results {
  readonly node: string;
  readonly cores: number;
  /** Who calls and who answers. */
  readonly peers: string;
  readonly proxies: readonly ProxyResult[];
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
  /** Exec of an empty Node program until its socket accepts, each start. */
  readonly bareNodeMs: readonly number[];
  readonly cells: readonly CellResult[];
  /** Lines about h2load's figures beside the load client's; empty when not asked for. */
  readonly crossCheck: readonly string[];
  readonly errors: readonly string[];
}

/** The ratio of one contender's figure to another's, taken within each round. Undefined when one of them was not there. */
export function ratio(cell: CellResult, measure: Measure, name: string, to: string): Spread | undefined {
  const ratios: number[] = [];
  for (const round of cell.rounds) {
    const mine = round.get(name);
    const theirs = round.get(to);
    if (mine !== undefined && theirs !== undefined) ratios.push(mine[measure] / theirs[measure]);
  }
  return spreadOf(ratios);
}

/** The median over the rounds of a contender's own figure. */
export function absolute(cell: CellResult, measure: Measure, name: string): number | undefined {
  return spreadOf(cell.rounds.map((round) => round.get(name)?.[measure] ?? Number.NaN))?.median;
}
