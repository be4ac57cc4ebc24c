// What to write instead of a value that the schema does not take. A value is suggested only when the schema takes it:
// of what a person may have meant, the first that fits.
import { excerpt, quote } from '../quote.ts';
import { type ConfigPath, formatPath } from './problems.ts';
import { partAt, type SchemaPart } from './schema-paths.ts';

/** What to write instead of `found` at `path`; undefined when nothing better than the message is known. */
export function hintFor(path: ConfigPath, found: unknown): string | undefined {
  if (found === null && path.at(-2) === 'handlers') return OWN_DEFAULT;
  if (path.at(-2) === 'handlers' && typeof path.at(-1) === 'number' && typeof found === 'object') {
    return 'A mapping has no dashes: write { gvisor: runsc }';
  }
  const part = partAt(path);
  if (part === undefined || found === '') return undefined;
  if (found === null && /^rules\[\d+\]\.name$/.test(formatPath(path)))
    return 'Write what the rule is for; a text that begins with # needs quotes';
  if (found !== null && formatPath(path) === 'listen.mode') return `Write "${meantMode(found)}"`;
  if (found === null) return emptyHint(path, part);
  if (typeof found === 'number' && /address$/i.test(String(path.at(-1)))) return `Write "127.0.0.1:${found}"`;
  const meant = candidatesFor(found, part).find((candidate) => part.takes(candidate));
  return meant === undefined ? formHint(path, found, part) : writeHint(found, meant);
}

/**
 * The mode that a number or text was meant to be. YAML 1.2 reads 0o660 as 432 and 0660 as 660: that reading counts which
 * lets the owner and no other user in. It is never one that lets others in.
 */
function meantMode(found: unknown): string {
  const readings =
    typeof found === 'number' ? [String(found), found.toString(8)] : [String(found).replace(/^0o/i, '')];
  const meant = readings.find((digits) => /^0?[67][0-7]0$/.test(digits));
  return meant === undefined ? '0660' : meant.padStart(4, '0');
}

const OWN_DEFAULT = 'Write "" for the own default of the backend';

/** A key without a value. */
function emptyHint(path: ConfigPath, part: SchemaPart): string | undefined {
  if (path.at(-1) === 'handler') {
    return path.at(-2) === 'match'
      ? 'Leave it out to match every handler; "" matches only the pods that ask for none'
      : `${OWN_DEFAULT}, or leave it out`;
  }
  // Never "leave it out": that may mean less isolation.
  if (part.values.length > 0) return `Write one of ${part.values.join(', ')}`;
  const left = part.isOptional ? ', or leave it out' : '';
  if (part.example !== undefined) return `Write ${part.example}${left}`;
  if (typeof path.at(-1) === 'number')
    return part.keys.length > 0
      ? 'Remove the dash, or write its keys behind it'
      : 'Remove it, or write a text';
  if (part.type === 'array' && part.takes([])) return `Write ${path.at(-1)}: []${left}`;
  return part.isOptional ? 'Leave it out, or give it a value' : undefined;
}

/** What a person may have meant, the likeliest first. */
function candidatesFor(found: unknown, { type, keys, takes }: SchemaPart): unknown[] {
  if (type === 'array' || type === 'union') return typeof found === 'string' ? [listOf(found)] : [];
  if (type === 'record') return [pairsOf(Array.isArray(found) ? found : [found])];
  if (type === 'object') {
    if (Array.isArray(found)) return found.length === 1 ? found : [];
    const asText = typeof found === 'object' ? [] : [String(found)];
    return [...asText, ...keys.map((key) => ({ [key]: found }))];
  }
  if (Array.isArray(found)) return found.length === 1 ? found : [];
  if (typeof found === 'string')
    return [...numbersOf(found), ...flagsOf(found), ...textsOf(found), ...namesOf(found, takes)];
  if (typeof found === 'object') return [];
  return [String(found), ...(typeof found === 'number' ? [`${found}s`, `${found}MiB`] : [])];
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** `a=b` as a mapping. */
function pairsOf(entries: readonly unknown[]): Record<string, string> | undefined {
  const pairs = entries.map((entry) => /^([^=:\s]+)=(.*)$/.exec(typeof entry === 'string' ? entry : ''));
  if (pairs.some((pair) => pair === null)) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
}

function numbersOf(text: string): number[] {
  return /^\d[\d_]*(\.\d+)?%?$/.test(text) ? [Number(text.replaceAll(/[_%]/g, ''))] : [];
}

function flagsOf(text: string): boolean[] {
  if (/^(yes|on|y|true)$/i.test(text)) return [true];
  return /^(no|off|n|false)$/i.test(text) ? [false] : [];
}

function textsOf(text: string): string[] {
  const close = /^\d/.test(text) ? text.replaceAll(/\s/g, '') : text;
  return [
    close,
    `${close}s`,
    close.replace(
      /^(\d+)([KMG])i?B?$/i,
      (_, amount: string, unit: string) => `${amount}${unit.toUpperCase()}iB`,
    ),
  ];
}

/** The text with what no name may hold replaced. A slash is part of a name where the schema takes one. */
function namesOf(text: string, takes: SchemaPart['takes']): string[] {
  const plain = text.toLowerCase().replaceAll(/[^a-z0-9./]+/g, '-');
  return [text.replaceAll(/[^\w./-]+/g, '-'), plain, ...(takes('a/b') ? [] : [plain.replaceAll('/', '-')])];
}

function writeHint(found: unknown, meant: unknown): string {
  if (Array.isArray(found))
    return `Write ${toFlow(meant)}, without ${typeof meant === 'object' ? 'the dash or brackets around it' : 'brackets or a dash'}`;
  if (typeof meant === 'string' && meant === String(found)) return `Put it in quotes: ${quote(meant)}`;
  if (typeof meant !== 'object' && typeof found === 'string' && String(meant) === found)
    return `Write ${meant}, without quotes`;
  return `Write ${toFlow(meant)}`;
}

/** Where no value can be suggested: the form alone. */
function formHint(path: ConfigPath, found: unknown, part: SchemaPart): string | undefined {
  switch (part.type) {
    case 'array': {
      if (Array.isArray(found))
        return part.example === undefined ? emptyListHint(part) : `Write ${part.example}`;
      const [key] = part.entryKeys;
      if (key === undefined) return 'Write a list, such as [a, b]';
      return `Begin each entry with a dash: - ${key}: ${partAt([...path, 0, key])?.example ?? '...'}`;
    }
    case 'object':
      if (isValueOfMatch(part))
        return Array.isArray(found) ? 'Write a rule for each, or one with a glob' : undefined;
      if (found === false && part.isOptional) return 'Leave it out';
      return `Write a mapping; its keys are: ${part.keys.join(', ')}`;
    case 'record':
      return 'Write { key: value }';
    case 'boolean':
      return 'Write true or false, without quotes';
    case 'string':
      return typeof found === 'object' ? 'Write a text, in quotes if it begins with { or [' : undefined;
    default:
      return undefined;
  }
}

function emptyListHint({ isOptional }: SchemaPart): string | undefined {
  return isOptional ? 'Leave it out, or name at least one' : 'Name at least one';
}

/** A text, or { exists }. */
function isValueOfMatch({ keys }: SchemaPart): boolean {
  return keys.length === 1 && keys[0] === 'exists';
}

/** As a person writes it on one line. */
function toFlow(value: unknown): string {
  if (typeof value === 'string') return isPlain(value) ? excerpt(value) : quote(value);
  if (Array.isArray(value)) return excerpt(`[${value.map((entry) => quote(String(entry))).join(', ')}]`);
  if (typeof value !== 'object' || value === null) return String(value);
  return excerpt(
    `{ ${Object.entries(value)
      .map(([key, inner]) => `${key}: ${toFlow(inner)}`)
      .join(', ')} }`,
  );
}

function isPlain(text: string): boolean {
  return /^[a-zA-Z0-9/]([\w./:-]*[\w/])?$/.test(text) && !/^(true|false|null|[\d.]+)$/i.test(text);
}
