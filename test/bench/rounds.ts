// The rounds: in each, every contender gets a short slice of every cell, in an order that changes from round to round,
// so that what else the machine does meets all alike. A first round, not counted, warms up and finds the peaks of memory.
import type { BackendQuestion } from './backend.ts';
import type { Child } from './child.ts';
import { DIRECT } from './contenders.ts';
import type { SliceOrder } from './load-client.ts';
import { cpuTimeNs, memoryOf } from './process-figures.ts';
import type { CellResult, Figures } from './results.ts';
import type { SliceResult } from './slice.ts';
import { rotated } from './statistics.ts';
import { type Cell, cellName, isSmall, LOAD_GROUPS, type LoadGroup, loadGroupOf } from './workloads.ts';

/** A contender that runs. Direct calls have no process of their own. */
export interface Contender {
  readonly name: string;
  readonly pid: number | undefined;
  /** Where its calls go; several sockets are asked at once. */
  readonly socketsFor: (cell: Cell) => readonly string[];
  readonly servesLists: boolean;
}

export interface RoundsOptions {
  readonly cells: readonly Cell[];
  readonly contenders: readonly Contender[];
  readonly client: Child;
  readonly backends: readonly Child[];
  readonly sliceMs: number;
  readonly seconds: number;
  /** Told before each round, for people who wait. Round 0 is the one that is not counted. */
  readonly onRound: (round: number) => void;
}

/** What the first round tells about a contender beside speed. */
export interface FirstRound {
  /** The most memory it ever held, up to the end of each group of cells. */
  readonly peakBytes: Map<LoadGroup, number>;
  /** Names of the cells whose calls it answered without asking a backend. */
  readonly answersAlone: string[];
}

export interface RoundsResult {
  readonly cells: readonly CellResult[];
  readonly errors: readonly string[];
  /** By contender. */
  readonly firstRound: ReadonlyMap<string, FirstRound>;
}

const FEWEST_ROUNDS = 2;
const MAX_ERRORS = 20;
/** How long a lead-in is beside the slice that follows it. */
const LEAD_IN = 0.2;

/** Runs the rounds until the time is over, at least two. Stops early when calls fail again and again. */
export function runRounds(options: RoundsOptions): Promise<RoundsResult> {
  return new Rounds(options).run();
}

class Rounds {
  private readonly options: RoundsOptions;
  private readonly figures: ReadonlyMap<Cell, Map<string, Figures>[]>;
  private readonly errors: string[] = [];
  private readonly firstRound: ReadonlyMap<string, FirstRound>;

  constructor(options: RoundsOptions) {
    this.options = options;
    this.figures = new Map(options.cells.map((cell) => [cell, []]));
    this.firstRound = new Map(
      options.contenders.map(({ name }) => [name, { peakBytes: new Map(), answersAlone: [] }]),
    );
  }

  async run(): Promise<RoundsResult> {
    const { cells, seconds, onRound } = this.options;
    const startedAt = performance.now();
    onRound(0);
    // From light to heavy: a process seldom gives memory back, so a heavy cell would hide the peak of a light one.
    for (const group of LOAD_GROUPS) {
      for (const cell of cells.filter((one) => loadGroupOf(one) === group)) await this.runFirst(cell, group);
    }
    let longestMs = 0;
    for (let round = 1; this.errors.length < MAX_ERRORS; round++) {
      const roundStartedAt = performance.now();
      const isOver = roundStartedAt - startedAt + longestMs > seconds * 1_000;
      if (isOver && round > FEWEST_ROUNDS) break;
      onRound(round);
      for (const cell of cells) this.figures.get(cell)?.push(await this.runCell(cell, round));
      longestMs = Math.max(longestMs, performance.now() - roundStartedAt);
    }
    return {
      cells: cells.map((cell) => ({
        name: cellName(cell),
        isSmall: isSmall(cell.workload),
        workload: cell.workload.name,
        inFlight: cell.inFlight,
        rounds: this.figures.get(cell) ?? [],
      })),
      errors: this.errors,
      firstRound: this.firstRound,
    };
  }

  private async runFirst(cell: Cell, group: LoadGroup): Promise<void> {
    const callsSeen = async (): Promise<number> => {
      const question: BackendQuestion = { kind: 'count', path: cell.workload.path };
      const counts = await Promise.all(this.options.backends.map((backend) => backend.ask<number>(question)));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await this.prepareBackends(cell);
    for (const contender of this.contendersOf(cell)) {
      const seenBefore = await callsSeen();
      const figures = await this.runSlice(contender, cell);
      const told = this.firstRound.get(contender.name);
      if (contender.pid !== undefined) told?.peakBytes.set(group, memoryOf(contender.pid).peakBytes);
      const seen = (await callsSeen()) - seenBefore;
      if (contender.name !== DIRECT && figures !== undefined && seen < figures.calls / 2) {
        told?.answersAlone.push(cellName(cell));
      }
    }
  }

  private async runCell(cell: Cell, round: number): Promise<Map<string, Figures>> {
    await this.prepareBackends(cell);
    const byContender = new Map<string, Figures>();
    for (const contender of rotated(this.contendersOf(cell), round)) {
      const figures = await this.runSlice(contender, cell);
      if (figures !== undefined) byContender.set(contender.name, figures);
    }
    return byContender;
  }

  private contendersOf(cell: Cell): Contender[] {
    return this.options.contenders.filter(({ servesLists }) => servesLists || isSmall(cell.workload));
  }

  private async prepareBackends(cell: Cell): Promise<void> {
    const { containers } = cell.workload;
    if (containers === undefined) return;
    const question: BackendQuestion = { kind: 'list', containers };
    await Promise.all(this.options.backends.map((backend) => backend.ask<number>(question)));
  }

  /** A lead-in and a slice; undefined when calls failed. */
  private async runSlice(contender: Contender, cell: Cell): Promise<Figures | undefined> {
    const { client, sliceMs } = this.options;
    const { pid } = contender;
    const ask = async (isLeadIn: boolean): Promise<SliceResult> => {
      const order: SliceOrder = {
        workload: cell.workload,
        inFlight: cell.inFlight,
        durationMs: isLeadIn ? sliceMs * LEAD_IN : sliceMs,
        isLeadIn,
        sockets: contender.socketsFor(cell),
      };
      const answer = await client.ask<SliceResult>(order);
      for (const error of answer.errors) this.errors.push(`${contender.name}, ${cellName(cell)}: ${error}`);
      return answer;
    };
    if ((await ask(true)).errors.length > 0) return undefined;
    const cpuBeforeNs = pid === undefined ? Number.NaN : cpuTimeNs(pid);
    const result = await ask(false);
    const cpuNs = pid === undefined ? Number.NaN : cpuTimeNs(pid) - cpuBeforeNs;
    if (result.errors.length > 0) return undefined;
    return {
      calls: result.calls,
      p50Us: result.p50Us,
      p99Us: result.p99Us,
      callsPerSecond: (result.calls * 1_000) / result.elapsedMs,
      cpuUs: cpuNs / 1_000 / result.calls,
    };
  }
}
