// Turns what the schema finds wrong into findings that say what to write instead. The words of keys with a form of
// their own (a duration, an endpoint) are in schema.ts; here are those for wrong types, unknown and missing keys.
import type * as z from 'zod';
import { type ConfigPath, errorAt, type Finding, formatPath } from './problems.ts';
import { configSchema } from './schema.ts';
import { closest, suggest } from './suggestion.ts';

type Issue = z.core.$ZodIssue;
type Schema = z.core.$ZodType;

/** The findings for `issues` of the parsed file `value`. */
export function toFindings(issues: readonly Issue[], value: unknown): Finding[] {
  const findings = issues.flatMap((issue) => toFinding(issue, [], value));
  // A mistyped key is unknown, and then what it was meant to be is missing: one problem, not two.
  const meant = new Set(findings.map((finding) => finding.meantPath).filter((path) => path !== undefined));
  return findings.filter((finding) => finding.missingPath === undefined || !meant.has(finding.missingPath));
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
  const said = (predicate: string, hint?: string) => [
    errorAt(path, `${nameOf(path)} ${predicate}${not(found)}`, hint),
  ];
  if (found === undefined) return [missing(path)];
  if (found === null) return said('must not be empty', exampleHint('Write', path));
  if (issue.message.startsWith('must ')) return said(issue.message);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key));
    case 'invalid_value':
      return said(...oneOf(issue.values.map(String), found));
    case 'invalid_union':
      return (
        branchOf(issue, found)?.flatMap((inner) => toFinding(inner, path, value)) ??
        said(unionWords(path), scalarHint('string', found))
      );
    case 'invalid_type':
      return said(
        `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`,
        scalarHint(issue.expected, found),
      );
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
  const hint = exampleHint(`Add ${key}:`, path) ?? `Add ${key}`;
  return { ...errorAt(parent, `${nameOf(parent)} has no ${key}`, hint), missingPath: formatPath(path) };
}

/** The words and an example of the value at `path`, if its schema has one. */
function exampleHint(words: string, path: ConfigPath): string | undefined {
  const example = exampleOf(schemaAt(path));
  return example === undefined ? undefined : `${words} ${example}`;
}

function exampleOf(schema: Schema | undefined): string | undefined {
  if (schema === undefined) return undefined;
  const { def } = schema._zod;
  if (isLiteral(def)) return String(def.values[0]);
  // Examples are given as meta of the schema.
  const examples: unknown = (schema as z.ZodType).meta()?.['examples'];
  return Array.isArray(examples) ? String(examples[0]) : undefined;
}

function isLiteral(def: z.core.$ZodTypeDef): def is z.core.$ZodLiteralDef<z.core.util.Literal> {
  return def.type === 'literal';
}

function unknownKey(path: ConfigPath, key: string): ShapeFinding {
  const known = keysOf(schemaAt(path));
  const where = path.length === 0 ? '' : ` in ${formatPath(path)}`;
  const meant = closest(key, known);
  return {
    ...(meant === undefined ? {} : { meantPath: formatPath([...path, meant]) }),
    path: [...path, key],
    at: 'key',
    severity: 'error',
    message: `unknown key ${JSON.stringify(key)}${where}`,
    hint: suggest(key, known, 'The keys here are'),
  };
}

function oneOf(values: readonly string[], found: unknown): [predicate: string, hint?: string] {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return [`must be ${only}`];
  const meant = typeof found === 'string' ? closest(found, values) : undefined;
  const predicate = `must be one of ${values.join(', ')}`;
  return meant === undefined ? [predicate] : [predicate, `Did you mean ${JSON.stringify(meant)}?`];
}

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

/** YAML reads 5 and true as no texts, and yes and no as texts. */
function scalarHint(expected: string, found: unknown): string | undefined {
  if (expected === 'string' && (typeof found === 'number' || typeof found === 'boolean')) {
    return `Put it in quotes: "${found}"`;
  }
  if (expected === 'boolean' && typeof found === 'string') {
    return /^(yes|on|y)$/i.test(found) ? 'Write true' : 'Write true or false, without quotes';
  }
  return undefined;
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  let at = value;
  for (const segment of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined;
    at = (at as Record<string | number, unknown>)[segment];
  }
  return at;
}

/** The schema of the value at `path`, without what makes it optional. */
function schemaAt(path: ConfigPath): Schema | undefined {
  let schema: Schema | undefined = configSchema;
  for (const segment of path) schema = schema && stepInto(bare(schema), String(segment));
  return schema && bare(schema);
}

function stepInto(schema: Schema, key: string): Schema | undefined {
  const { shape, element, valueType } = insideOf(schema);
  return shape === undefined ? (element ?? valueType) : shape[key];
}

/** What a schema is made of; which of these are there depends on its type. */
interface Inside {
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly innerType?: Schema;
  readonly options?: readonly Schema[];
}

function insideOf(schema: Schema): Inside {
  const def: object = schema._zod.def;
  return def;
}

function bare(schema: Schema): Schema {
  const { innerType, options } = insideOf(schema);
  if (innerType !== undefined) return bare(innerType);
  // Only { exists } among the forms has keys of its own.
  const object = options?.find((option) => option._zod.def.type === 'object');
  return object ?? schema;
}

function keysOf(schema: Schema | undefined): string[] {
  return Object.keys((schema && insideOf(schema).shape) ?? {});
}
