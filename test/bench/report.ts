// What people read: ratios first, with the quartiles of the rounds, absolute figures in brackets.
import { barLines } from './bars.ts';
import { DIRECT, GRPC_JS } from './contenders.ts';
import { absolute, type CellResult, type Results, ratio } from './results.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { LOAD_GROUPS } from './workloads.ts';

const MEBIBYTE = 1024 * 1024;

/** The whole report, ready to print. */
export function reportOf(results: Results): string {
  return [
    ...headLines(results),
    ...results.cells.flatMap((cell) => cellLines(cell)),
    ...processLines(results),
    ...barsPart(results),
    ...results.crossCheck,
    ...errorLines(results),
  ].join('\n');
}

function headLines(results: Results): string[] {
  const rounds = results.cells[0]?.rounds.length ?? 0;
  return [
    '',
    `Node ${results.node}, ${results.cores} cores, ${rounds} rounds. Ratios are taken within a round: median (quartiles).`,
    `Peers: ${results.peers}.`,
    'Direct: the load client on the backend; for merged lists it asks both backends at once and waits for both.',
    ...results.absent.map(({ name, reason }) => `Absent: ${name}: ${reason}.`),
    ...results.proxies
      .filter((proxy) => proxy.answersAlone.length > 0)
      .map((proxy) => `Note: ${proxy.name} answered without a backend: ${proxy.answersAlone.join('; ')}.`),
  ];
}

const COLUMNS = [16, 21, 21, 21, 21, 21];

function row(...cells: string[]): string {
  return cells
    .map((text, index) => text.padEnd(COLUMNS[index] ?? 0))
    .join('')
    .trimEnd();
}

function cellLines(cell: CellResult): string[] {
  const names = [...new Set(cell.rounds.flatMap((round) => [...round.keys()]))].sort(
    (a, b) => (absolute(cell, 'p50Us', a) ?? 0) - (absolute(cell, 'p50Us', b) ?? 0),
  );
  const title = row('', 'p50 / direct', 'p50 / grpc-js', 'p99 / direct', 'calls/s / direct', 'CPU / grpc-js');
  return [
    '',
    cell.name,
    `${title}   [p50 us, p99 us, calls/s, CPU us]`,
    ...names.map((name) => {
      const ratios = row(
        `  ${name}`,
        spreadText(ratio(cell, 'p50Us', name, DIRECT)),
        spreadText(ratio(cell, 'p50Us', name, GRPC_JS)),
        spreadText(ratio(cell, 'p99Us', name, DIRECT)),
        spreadText(ratio(cell, 'callsPerSecond', name, DIRECT)),
        spreadText(ratio(cell, 'cpuUs', name, GRPC_JS)),
      );
      const figures = (['p50Us', 'p99Us', 'callsPerSecond', 'cpuUs'] as const).map((measure) =>
        (absolute(cell, measure, name)?.toFixed(0) ?? '-').padStart(7),
      );
      return `${ratios.padEnd(121)}   [${figures.join(' ')}]`;
    }),
  ];
}

function spreadText(spread: Spread | undefined): string {
  if (spread === undefined) return '-';
  const { low, median, high } = spread;
  const digits = median >= 10 ? 1 : 2;
  return `${median.toFixed(digits)} (${low.toFixed(digits)}-${high.toFixed(digits)})`;
}

function processLines(results: Results): string[] {
  const memory = (value: number | undefined): string =>
    value === undefined ? '-' : (value / MEBIBYTE).toFixed(1);
  const bareNode = spreadOf(results.bareNodeMs);
  return [
    '',
    'Start, and resident memory in MiB',
    `${row('', 'first answer, ms')}${memoryColumns(['idle', ...LOAD_GROUPS, 'end'])}   peaks up to the end of each group`,
    ...results.proxies.map((proxy) => {
      const peaks = LOAD_GROUPS.map((group) => memory(proxy.peakBytes.get(group)));
      const columns = memoryColumns([memory(proxy.idleBytes), ...peaks, memory(proxy.endPeakBytes)]);
      return row(`  ${proxy.name}`, spreadText(spreadOf(proxy.firstAnswersMs))) + columns;
    }),
    `  (for comparison: an empty Node program accepts on its socket after ${spreadText(bareNode)} ms)`,
  ];
}

function memoryColumns(texts: readonly string[]): string {
  return texts.map((text) => text.padStart(13)).join('');
}

function barsPart(results: Results): string[] {
  return [
    '',
    'Bars (told, not enforced)',
    ...barLines(results).map(({ bar, figure, isReached }) => {
      const verdict = isReached === undefined ? '' : isReached ? ' ok' : ' MISSED';
      return `  ${bar}: ${figure}${verdict}`;
    }),
  ];
}

function errorLines(results: Results): string[] {
  if (results.errors.length === 0) return ['', 'All calls were answered as they must be.'];
  return ['', `FAILED: ${results.errors.length} errors`, ...results.errors.map((error) => `  ${error}`)];
}
