// What bounds a line of the log: values come from clients and backends, who must not fill the disk or act on the terminal
// of whoever reads it. Names, ids and texts are cut wherever they stand in a line's fields, its message and its errors.
import { pino } from 'pino';
import { cutText, escapeUnsafe } from '../quote.ts';

const TEXT_BYTES = 1024;
/** Of one list or object within a line. */
const MOST_ENTRIES = 50;
const MOST_DEPTH = 4;

/** For pino: every line goes through these. */
export const BOUNDED_LINES = {
  formatters: { log: boundFields },
  serializers: { err: (error: Error) => boundFields(pino.stdSerializers.err(error)) },
  hooks: {
    // The message stands beside the fields; without one pino takes that of the error.
    logMethod([fields, message, ...rest], method) {
      const text = typeof message === 'string' ? message : errorMessageIn(fields);
      method.apply(this, [boundArgument(fields), boundArgument(text), ...rest] as Parameters<pino.LogFn>);
    },
  },
} satisfies Pick<pino.LoggerOptions, 'formatters' | 'serializers' | 'hooks'>;

function boundArgument(argument: unknown): unknown {
  return typeof argument === 'string' ? boundText(argument) : argument;
}

function errorMessageIn(fields: unknown): string | undefined {
  if (typeof fields !== 'object' || fields === null) return undefined;
  const error = fields instanceof Error ? fields : (fields as { readonly err?: unknown }).err;
  return error instanceof Error ? error.message : undefined;
}

function boundText(text: string): string {
  return escapeUnsafe(cutText(text, TEXT_BYTES), '\n\t');
}

function boundFields(fields: object): Record<string, unknown> {
  return boundEntries(fields, 1);
}

function boundEntries(fields: object, depth: number): Record<string, unknown> {
  const bounded: Record<string, unknown> = {};
  let count = 0;
  for (const key in fields) {
    if (++count > MOST_ENTRIES) {
      bounded['...'] = `${Object.keys(fields).length} fields in all`;
      break;
    }
    bounded[boundText(key)] = boundValue((fields as Record<string, unknown>)[key], depth);
  }
  return bounded;
}

function boundValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return boundText(value);
  // An error is taken apart by its serializer, and what has a form of its own for JSON is not looked into.
  if (typeof value !== 'object' || value === null || value instanceof Error || 'toJSON' in value)
    return value;
  if (depth === MOST_DEPTH) return '...';
  if (!Array.isArray(value)) return boundEntries(value, depth + 1);
  const items = value.slice(0, MOST_ENTRIES).map((item) => boundValue(item, depth + 1));
  return items.length === value.length ? items : [...items, `... (${value.length} in all)`];
}
