// The bars: what Switchyard must reach, each held against the measured figures. A figure that misses its bar is told,
// never made an error: the machines this runs on are shared and noisy.
import { BYTE_PIPE, DIRECT, GRPC_JS, HAPROXY, NGINX, SWITCHYARD } from './contenders.ts';
import { type CellResult, type Measure, type Results, ratio } from './results.ts';
import { spreadOf } from './statistics.ts';

/** One bar and what was measured for it. */
export interface BarLine {
  readonly bar: string;
  /** What was measured, or why it was not. */
  readonly figure: string;
  /** Undefined when there is no figure. */
  readonly isReached: boolean | undefined;
}

const MEBIBYTE = 1024 * 1024;
/**
 * The bar of 1.65 x direct was set between gRPC peers in Go, whose direct call is slow beside the light peers here: here
 * even a pipe of bytes in Node misses it. Measured there, the bar leaves a relay a tenth above such a pipe; that
 * tenth, and as much again for the noise of two contenders, is the same bar on any machine and between any peers.
 */
const ABOVE_PIPE = 1.2;
/** How far above HAProxy still counts as level: as far as two runs of the same program differ here. */
const LEVEL = 1.1;

/** All bars, in the order they are printed. */
export function barLines(results: Results): BarLine[] {
  const small = results.cells.filter((cell) => cell.isSmall);
  const at = (inFlight: number): CellResult[] => small.filter((cell) => cell.inFlight === inFlight);
  const lists = results.cells.filter((cell) => cell.inFlight === 1 && /2 x (1000|5000)$/.test(cell.workload));
  const lines: BarLine[] = [];
  const ratios = (
    bar: string,
    cells: readonly CellResult[],
    measure: Measure,
    to: string,
    most: number,
  ): void => {
    for (const cell of cells) {
      const figure = ratio(cell, measure, SWITCHYARD, to)?.median;
      const pipe = to === DIRECT ? ratio(cell, measure, BYTE_PIPE, to)?.median : undefined;
      const floor = pipe === undefined ? '' : ` (a byte pipe: ${pipe.toFixed(2)})`;
      const text = (value: number): string => value.toFixed(2) + floor;
      lines.push(line(`${bar} <= ${most} x ${to}: ${cell.name}`, figure, most, text));
    }
  };
  ratios('p50', at(1), 'p50Us', DIRECT, 1.65);
  ratios('the same: p50', at(1), 'p50Us', BYTE_PIPE, ABOVE_PIPE);
  ratios('p50', at(1), 'p50Us', GRPC_JS, 0.45);
  ratios('CPU per call', at(8), 'cpuUs', GRPC_JS, 0.12);
  ratios('p50 of merged lists', lists, 'p50Us', DIRECT, 2.2);
  ratios('ahead of nginx: p50', small, 'p50Us', NGINX, 1);
  ratios('level with HAProxy: p50', small, 'p50Us', HAPROXY, LEVEL);
  return [...lines, ...processBars(results)];
}

function processBars(results: Results): BarLine[] {
  const proxy = results.proxies.find((one) => one.name === SWITCHYARD);
  const mostMs = Number(process.versions.node.split('.')[0]) >= 22 ? 90 : 150;
  const inMebibytes = (value: number): string => `${value.toFixed(1)} MiB`;
  const peak = proxy?.peakBytes.get('one list');
  return [
    line(
      `exec to first answered call <= ${mostMs} ms`,
      spreadOf(proxy?.firstAnswersMs ?? [])?.median,
      mostMs,
      (value) => `${value.toFixed(0)} ms`,
    ),
    line('RSS idle <= 60 MiB', proxy && proxy.idleBytes / MEBIBYTE, 60, inMebibytes),
    line(
      'RSS idle <= 60 MiB, after a scrape of the metrics',
      proxy?.scrapedBytes && proxy.scrapedBytes / MEBIBYTE,
      60,
      inMebibytes,
    ),
    line(
      'RSS peak <= 100 MiB: all small calls, and lists at 1 in flight',
      peak && peak / MEBIBYTE,
      100,
      inMebibytes,
    ),
  ];
}

function line(
  bar: string,
  value: number | undefined,
  most: number,
  format: (value: number) => string,
): BarLine {
  if (value === undefined) return { bar, figure: 'not measured', isReached: undefined };
  return { bar, figure: format(value), isReached: value <= most };
}
