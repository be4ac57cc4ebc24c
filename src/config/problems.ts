// What is wrong with a config file, for people: where, what, and what to write instead.
import { cutText, quote } from '../quote.ts';

/** One thing wrong with a config. A config with an error is refused; one with warnings alone is taken. */
export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** What to write instead: one sentence, its full stop left out. */
  readonly hint?: string;
}

/** `config.yaml:7:5: message. Hint`; a warning says so before its message. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, severity, message, hint } = problem;
  const mark = severity === 'warning' ? 'warning: ' : '';
  return `${file}:${line}:${column}: ${mark}${message}${hint === undefined ? '' : `. ${hint}`}`;
}

/** Keys and indexes from the top of the file down. */
export type ConfigPath = readonly (string | number)[];

/** A problem before its place in the text is looked up. */
export interface Finding {
  readonly path: ConfigPath;
  /** Whether the key or the value at `path` is meant. */
  readonly at: 'key' | 'value';
  readonly severity: Problem['severity'];
  readonly message: string;
  readonly hint?: string;
}

/** A config may have a thousand handlers; a line that names them helps nobody. */
const SENTENCE_BYTES_AT_MOST = 1_000;

/** An error of the value at `path`. */
export function errorAt(path: ConfigPath, message: string, hint?: string): Finding {
  const words = hint === undefined ? {} : { hint: cutText(hint, SENTENCE_BYTES_AT_MOST) };
  return {
    path,
    at: 'value',
    severity: 'error',
    message: cutText(message, SENTENCE_BYTES_AT_MOST),
    ...words,
  };
}

/** A warning about the value at `path`. */
export function warningAt(path: ConfigPath, message: string, hint?: string): Finding {
  return { ...errorAt(path, message, hint), severity: 'warning' };
}

/** What stands at `path` of the parsed file `value`; undefined when nothing does. */
export function valueAt(value: unknown, path: ConfigPath): unknown {
  let at = value;
  for (const segment of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined;
    at = (at as Record<string | number, unknown>)[segment];
  }
  return at;
}

/** `backends[1].timeouts.list`; keys that are no plain words are quoted: `handlers["a.b"]`. */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (!/^\w+$/.test(segment)) text += `[${quote(segment)}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return text;
}
