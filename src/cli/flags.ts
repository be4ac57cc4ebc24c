// Shapes and parsers of flags that several commands share.
import { USAGE } from './text.ts';

/** Where a node has its config. `serve` does not fall back to it: what a node runs on is said in its unit file. */
export const DEFAULT_CONFIG = '/etc/switchyard/config.yaml';

/** How results are printed. */
export type OutputFormat = 'text' | 'json';

/** A key and its value, from `key=value`; the value may be empty and may hold further signs of equality. */
export type KeyValue = readonly [key: string, value: string];

/** Takes any text, also the empty one. */
export function asText(input: string): string {
  return input;
}

/** Takes any text but the empty one. */
export function asFilled(input: string): string {
  if (input === '') throw new SyntaxError(USAGE.emptyValue);
  return input;
}

/** Takes `key=value`. */
export function asKeyValue(input: string): KeyValue {
  const at = input.indexOf('=');
  if (at < 1) throw new SyntaxError(USAGE.notKeyValue(input));
  return [input.slice(0, at), input.slice(at + 1)];
}

export const OUTPUT_FLAG = {
  kind: 'enum',
  values: ['text', 'json'],
  default: 'text',
} as const;

/** True when given; there is no --no- form. */
export const SWITCH_FLAG = { kind: 'boolean', optional: true, withNegated: false } as const;

export const TEXT_FLAG = { kind: 'parsed', parse: asText, optional: true } as const;

export const FILE_FLAG = { kind: 'parsed', parse: asFilled, placeholder: 'file' } as const;

export const PAIRS_FLAG = {
  kind: 'parsed',
  parse: asKeyValue,
  optional: true,
  variadic: true,
  placeholder: 'key=value',
} as const;
