// The YAML text of a config file: parsed with all guards on, and able to tell where a key or value stands.
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLError,
} from 'yaml';
import type { ConfigPath, Finding, Problem } from './problems.ts';

/** Aliases are handy for repeated parts; more of them than this is a file made to eat memory. */
const ALIASES_AT_MOST = 100;
const CHARACTERS_AT_MOST = 1_000_000;

/** A parsed file, or what keeps it from being one. */
export type ParsedText =
  | { readonly kind: 'parsed'; readonly value: unknown; readonly locate: (finding: Finding) => Problem }
  | { readonly kind: 'broken'; readonly problems: readonly Problem[] };

/** Parses one YAML document. Never throws. */
export function parseText(text: string, file: string): ParsedText {
  const lines = new LineCounter();
  const problemAt = (offset: number, message: string, hint?: string): Problem => {
    const { line, col } = lines.linePos(offset);
    const place = { file, line: Math.max(line, 1), column: Math.max(col, 1) };
    return { ...place, severity: 'error', message, ...(hint === undefined ? {} : { hint }) };
  };
  const broken = (...problems: Problem[]): ParsedText => ({ kind: 'broken', problems });

  if (text.length > CHARACTERS_AT_MOST)
    return broken(problemAt(0, 'the file is longer than a config can be'));
  try {
    const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
    const [document, second] = documents;
    if (
      document === undefined ||
      (second === undefined && isEmpty(document) && document.errors.length === 0)
    ) {
      return broken(problemAt(0, 'the file is empty', START_HINT));
    }
    const errors = documents.flatMap((one) => [...one.errors, ...one.warnings]);
    if (errors.length > 0)
      return broken(...errors.map((error) => problemAt(error.pos[0], ...wordsOf(error))));
    if (second !== undefined) {
      const start = second.contents?.range?.[0] ?? second.range[0];
      return broken(
        problemAt(start, 'the file holds a second document', 'Keep one document: remove the line ---'),
      );
    }
    const loose = findLooseAlias(document);
    if (loose !== undefined) {
      const message = `the alias *${loose.source} has no anchor before it`;
      return broken(
        problemAt(startOf(loose) ?? 0, message, `Put &${loose.source} before the part that is meant`),
      );
    }
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_AT_MOST });
    return { kind: 'parsed', value, locate: (finding) => toProblem(document, finding, problemAt) };
  } catch (error) {
    if (error instanceof ReferenceError) {
      return broken(problemAt(0, 'the file has more aliases than a config needs', 'Write the parts out'));
    }
    if (error instanceof RangeError) return broken(problemAt(0, 'the file is nested too deeply'));
    throw error;
  }
}

const START_HINT =
  'Begin with: apiVersion: switchyard.dev/v1alpha1, and on the next line: kind: SwitchyardConfiguration';

function isEmpty(document: Document): boolean {
  const { contents } = document;
  return contents === null || (isScalar(contents) && contents.value === null);
}

function findLooseAlias(document: Document): Alias | undefined {
  let loose: Alias | undefined;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      loose = alias;
      return visit.BREAK;
    },
  });
  return loose;
}

/** Message and hint for what the YAML parser found. */
function wordsOf(error: YAMLError): [message: string, hint?: string] {
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return ['this key is given twice', 'Keep one of the two'];
    case 'TAB_AS_INDENT':
      return ['a tab cannot indent YAML', 'Indent with spaces'];
    case 'TAG_RESOLVE_FAILED':
      return [`${lowerFirst(error.message)}`, 'Leave out the tag that begins with !'];
    default:
      return [`not YAML: ${lowerFirst(error.message)}`];
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function toProblem(
  document: Document,
  { path, at, severity, message, hint }: Finding,
  problemAt: (offset: number, message: string, hint?: string) => Problem,
): Problem {
  return { ...problemAt(offsetOf(document, path, at), message, hint), severity };
}

/** Where the key or value at `path` begins; of what is missing, where its nearest parent does. */
function offsetOf(document: Document, path: ConfigPath, at: Finding['at']): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, segment] of path.entries()) {
    const parent: unknown = isAlias(node) ? node.resolve(document) : node;
    if (isSeq(parent)) {
      node = parent.items[Number(segment)];
    } else if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
      if (pair === undefined) return offset;
      const keyStart = startOf(pair.key) ?? offset;
      if (at === 'key' && depth === path.length - 1) return keyStart;
      node = pair.value;
      // A value that is left empty stands nowhere: its key does.
      offset = isScalar(node) && node.source === '' ? keyStart : (startOf(node) ?? keyStart);
      continue;
    }
    offset = startOf(node) ?? offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
