// The YAML text of a file that the user names: parsed with all guards on, and able to tell where a key or value stands.
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml';
import { checkDocument } from './document-checks.ts';
import type { ConfigPath, Finding, Problem } from './problems.ts';
import { type TextProblem, TOO_DEEP, toSyntaxProblem } from './syntax-problems.ts';
import { checkText } from './text-checks.ts';

/** Aliases are handy for repeated parts; more of them than this is a file made to eat memory. */
const ALIASES_AT_MOST = 100;

/** A parsed file, or what keeps it from being one. */
export type ParsedText =
  | { readonly kind: 'parsed'; readonly value: unknown; readonly locate: (finding: Finding) => Problem }
  | { readonly kind: 'broken'; readonly problems: readonly Problem[] };

/** The objects of a text of any number of documents, or what is wrong with it. */
export type ParsedObjects =
  | { readonly kind: 'parsed'; readonly values: readonly unknown[] }
  | { readonly kind: 'broken'; readonly problems: readonly Problem[] };

/** Parses one YAML document. Never throws. */
export function parseText(text: string, file: string): ParsedText {
  return parseWith(text, file, ({ documents, problemAt, toValue }) => {
    const [document, second] = documents;
    if (document === undefined || (second === undefined && isEmpty(document))) {
      return { kind: 'broken', problems: [problemAt(0, 'the file is empty', START_HINT)] };
    }
    if (second !== undefined) {
      const offset = second.contents?.range?.[0] ?? second.range[0];
      const hint = 'Keep one document: remove what follows the line --- or ... before it, or that line alone';
      return { kind: 'broken', problems: [problemAt(offset, 'the file holds a second document', hint)] };
    }
    const value = toValue(document);
    return { kind: 'parsed', value, locate: (finding) => toProblem(document, finding, problemAt) };
  });
}

/** Parses all documents. Never throws. */
export function parseObjects(text: string, file: string): ParsedObjects {
  return parseWith(text, file, ({ documents, toValue }) => ({
    kind: 'parsed',
    values: documents.map(toValue),
  }));
}

type ProblemAt = (offset: number, message: string, hint?: string) => Problem;
interface Broken {
  readonly kind: 'broken';
  readonly problems: readonly Problem[];
}

/** Documents in which nothing is wrong. */
interface SoundText {
  readonly documents: readonly Document.Parsed[];
  readonly problemAt: ProblemAt;
  /** Throws when the aliases of the document are too many; parseWith catches that. */
  toValue(document: Document): unknown;
}

function parseWith<T>(original: string, file: string, use: (sound: SoundText) => T | Broken): T | Broken {
  const text = original.replace(/^\ufeff/, '');
  const lines = new LineCounter();
  const problemAt: ProblemAt = (offset, message, hint) => {
    const { line, col } = lines.linePos(offset);
    const place = { file, line: Math.max(line, 1), column: Math.max(col, 1) };
    return { ...place, severity: 'error', message, ...(hint === undefined ? {} : { hint }) };
  };
  const broken = (...problems: TextProblem[]): Broken => ({
    kind: 'broken',
    problems: problems.map(({ offset, message, hint }) => problemAt(offset, message, hint)),
  });

  const unreadable = checkText(text, file);
  if (unreadable !== undefined) {
    addLines(lines, text.slice(0, unreadable.offset));
    return broken(unreadable);
  }
  try {
    const parsed = parseAllDocuments(text, OPTIONS(lines));
    const documents = 'empty' in parsed ? [] : parsed;
    const errors = documents.flatMap((one) => [...one.errors, ...one.warnings]);
    if (errors.length > 0) return broken(toSyntaxProblem(errors, text));
    const lineOf = (offset: number) => lines.linePos(offset).line;
    const problems = documents.flatMap((document) => checkDocument(document, text, lineOf));
    if (problems.length > 0) return broken(...problems);
    return use({
      documents,
      problemAt,
      toValue: (document) => document.toJS({ maxAliasCount: ALIASES_AT_MOST }),
    });
  } catch (error) {
    if (error instanceof ReferenceError) {
      const message = 'the file has more aliases than it can need';
      return broken({ offset: 0, message, hint: 'Write the parts out' });
    }
    if (error instanceof RangeError) return broken({ offset: 0, message: TOO_DEEP });
    throw error;
  }
}

/** Keys given twice are found by document-checks.ts. */
const OPTIONS = (lineCounter: LineCounter) =>
  ({ lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: 'error' }) as const;

/** What every config begins with. */
export const START_HINT =
  'Begin with: apiVersion: switchyard.dev/v1alpha1, and on the next line: kind: SwitchyardConfiguration';

/** What the parser does for a text that it reads. */
function addLines(lines: LineCounter, text: string): void {
  lines.addNewLine(0);
  for (const { index } of text.matchAll(/\n/g)) lines.addNewLine(index + 1);
}

function isEmpty(document: Document): boolean {
  const { contents } = document;
  return contents === null || (isScalar(contents) && contents.value === null);
}

function toProblem(
  document: Document,
  { path, at, severity, message, hint }: Finding,
  problemAt: ProblemAt,
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
