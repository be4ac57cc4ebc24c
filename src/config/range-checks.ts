// Checks of durations and sizes against what each may be at least and at most. They read the file as it was written, so
// that they can be made of a file in which other things are wrong.
import { parseDuration } from './duration.ts';
import { type ConfigPath, errorAt, type Finding, formatPath, valueAt } from './problems.ts';
import { parseSize } from './size.ts';

/** `from` and `to` are as a person would write them. */
interface Range {
  readonly path: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly parse: (text: string) => number | undefined;
}

const RANGES: readonly Range[] = [
  { path: ['shutdownGrace'], from: '0s', to: '10m', parse: parseDuration },
  { path: ['eventsPeriod'], from: '100ms', to: '1m', parse: parseDuration },
  { path: ['limits', 'messageSize'], from: '64KiB', to: '1GiB', parse: parseSize },
];
const BACKEND_RANGES: readonly Range[] = [
  { path: ['timeouts', 'list'], from: '10ms', to: '2m', parse: parseDuration },
  { path: ['timeouts', 'status'], from: '10ms', to: '10s', parse: parseDuration },
];

/** An error for each value that is outside. What is no duration or size at all is left to the schema. */
export function checkRanges(file: unknown): Finding[] {
  const backends = valueAt(file, ['backends']);
  return [
    ...RANGES.flatMap((range) => checkRange(file, [], range)),
    ...(Array.isArray(backends) ? backends : []).flatMap((backend: unknown, i) =>
      BACKEND_RANGES.flatMap((range) => checkRange(backend, ['backends', i], range)),
    ),
  ];
}

function checkRange(holder: unknown, above: ConfigPath, { path, from, to, parse }: Range): Finding[] {
  const text = valueAt(holder, path);
  const value = typeof text === 'string' ? parse(text) : undefined;
  const [least, most] = [parse(from) ?? 0, parse(to) ?? Number.POSITIVE_INFINITY];
  if (value === undefined || (value >= least && value <= most)) return [];
  const at = [...above, ...path];
  return [errorAt(at, `${formatPath(at)} must be between ${from} and ${to}`)];
}
