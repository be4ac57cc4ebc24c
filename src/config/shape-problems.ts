// Turns what the schema finds wrong into findings that say what to write instead. The words of keys with a form of
// their own (a duration, an endpoint) are in schema.ts; here are those for wrong types, unknown and missing keys.
import type * as z from 'zod';
import { quote } from '../quote.ts';
import { START_HINT } from './document.ts';
import { type ConfigPath, errorAt, type Finding, formatPath, valueAt } from './problems.ts';
import { partAt } from './schema-paths.ts';
import { hintFor } from './shape-hints.ts';
import { closest, suggest } from './suggestion.ts';

type Issue = z.core.$ZodIssue;

/** The findings for `issues` of the parsed file `value`. */
export function toFindings(issues: readonly Issue[], value: unknown): Finding[] {
  const findings = issues.flatMap((issue) => toFinding(issue, [], value));
  // Of another kind of file its keys are no news.
  if (isOther(valueAt(value, ['kind'])))
    return findings.filter(({ path }) => /^(apiVersion|kind)$/.test(formatPath(path)));
  // A mistyped key is unknown, and then what it was meant to be is missing: one problem, not two.
  const meant = new Set(findings.map((finding) => finding.meantPath).filter((path) => path !== undefined));
  return findings.filter(
    ({ path, missingPath }) =>
      missingPath === undefined || !(meant.has(missingPath) || valueAt(value, [...path, '<<']) !== undefined),
  );
}

function isOther(kind: unknown): boolean {
  return typeof kind === 'string' && closest(kind, ['SwitchyardConfiguration']) === undefined;
}

interface ShapeFinding extends Finding {
  /** Path of the key that is missing, as text. */
  readonly missingPath?: string;
  /** Path of the key that was meant, as text. */
  readonly meantPath?: string;
}

function toFinding(issue: Issue, above: ConfigPath, value: unknown): ShapeFinding[] {
  const path = [
    ...above,
    ...issue.path.map((segment) => (typeof segment === 'number' ? segment : String(segment))),
  ];
  const found = valueAt(value, path);
  const said = (predicate: string, hint = hintFor(path, found)) => [
    errorAt(path, `${nameOf(path)} ${predicate}${not(found)}`, hint),
  ];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key));
  if (found === undefined) return [missing(path)];
  if (found === null) return said('must not be empty');
  if (path.length === 0) return said('must be a mapping', START_HINT);
  if (issue.message.startsWith('must '))
    return said(typeof found === 'object' ? 'must be a text' : issue.message);
  switch (issue.code) {
    case 'invalid_value':
      return said(...oneOf(issue.values.map(String), found));
    case 'invalid_union':
      return (
        branchOf(issue, found)?.flatMap((inner) => toFinding(inner, path, value)) ?? said(unionWords(path))
      );
    case 'invalid_type':
      return said(`must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`);
    case 'too_small':
      return said(
        issue.origin === 'number' || issue.origin === 'int'
          ? `must be at least ${issue.minimum}`
          : 'must not be empty',
      );
    case 'too_big':
      return said(`must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : ''}`);
    default:
      return said(issue.message);
  }
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

function nameOf(path: ConfigPath): string {
  return path.length === 0 ? 'the file' : formatPath(path);
}

/** Ends a sentence with what was found, where that fits on a line. */
function not(found: unknown): string {
  if (found === null) return '';
  if (Array.isArray(found)) return found.length === 0 ? '' : ', not a list';
  if (typeof found === 'object') return ', not a mapping';
  const text = JSON.stringify(found) ?? '';
  return text.length > 60 || text === '""' ? '' : `, not ${text}`;
}

function missing(path: ConfigPath): ShapeFinding {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const part = partAt(path);
  if (/^rules\[\d+\]\.name$/.test(formatPath(path)))
    return {
      ...errorAt(parent, `${nameOf(parent)} has no ${key}`, 'Add a name that says what the rule is for'),
      missingPath: formatPath(path),
    };
  const example = part?.example ?? (part?.type === 'number' ? '1' : undefined);
  const hint = example === undefined ? `Add ${key}` : `Add ${key}: ${example}`;
  return { ...errorAt(parent, `${nameOf(parent)} has no ${key}`, hint), missingPath: formatPath(path) };
}

function unknownKey(path: ConfigPath, key: string): ShapeFinding {
  const known = partAt(path)?.keys ?? [];
  const where = path.length === 0 ? '' : ` in ${formatPath(path)}`;
  const meant = closest(key, known);
  if (key === '<<') {
    const message = `<<, the merge key of YAML 1.1, is not read${where}`;
    const hint = 'Write the keys out, or use an alias for the whole value';
    return { ...errorAt([...path, key], message, hint), at: 'key' };
  }
  const hint = /[\u00a0\u2000-\u200b\u3000]/.test(key)
    ? 'It has a character that looks like a space and is none: write plain spaces'
    : suggest(key, known, 'The keys here are');
  return {
    ...(meant === undefined ? {} : { meantPath: formatPath([...path, meant]) }),
    ...errorAt([...path, key], `unknown key ${quote(key)}${where}`, hint),
    at: 'key',
  };
}

function oneOf(values: readonly string[], found: unknown): [predicate: string, hint?: string] {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return [`must be ${only}`];
  const predicate = `must be one of ${values.join(', ')}`;
  // What others call on and off is no mistyped word.
  if (found === false && values.includes('off')) return [predicate, 'Write off'];
  const isSwitch = /^(true|false|on|off|yes|no|y|n)$/i.test(String(found));
  const meant = typeof found === 'string' && !isSwitch ? closest(found, values) : undefined;
  if (meant !== undefined) return [predicate, `Did you mean ${quote(meant)}?`];
  const known = isSwitch
    ? undefined
    : values.find((value) => OTHER_WORDS[value]?.includes(String(found).toLowerCase()));
  return known === undefined ? [predicate] : [predicate, `Write ${known}`];
}

/** What people and other programs call a value. Never a word for less isolation than it says. */
const OTHER_WORDS: Readonly<Record<string, readonly string[]>> = {
  sandboxed: ['gvisor', 'runsc', 'sandbox'],
  vm: ['kata', 'kata-containers', 'firecracker', 'microvm', 'hypervisor'],
  pretty: ['text', 'plain', 'console', 'human', 'logfmt'],
  debug: ['trace', 'verbose'],
  error: ['fatal', 'critical'],
};

/** Of a value that may have several forms: what is wrong in the form that it has. */
function branchOf(issue: z.core.$ZodIssueInvalidUnion, found: unknown): readonly Issue[] | undefined {
  const isForm = (branch: readonly Issue[]) =>
    !branch.some((inner) => inner.code === 'invalid_type' && inner.path.length === 0);
  return typeof found === 'object' && found !== null ? issue.errors.find(isForm) : undefined;
}

function unionWords(path: ConfigPath): string {
  return path.at(-1) === 'handlers'
    ? 'must be a mapping such as { gvisor: runsc } or a list of names'
    : 'must be a text, { exists: true } or { exists: false }';
}
