// What YAML allows and a config does not: keys given twice, keys that are no texts, and aliases that lead nowhere.
import { type Document, isMap, isNode, isPair, isScalar, type Node, visit, type YAMLMap } from 'yaml';
import { excerpt, quote } from '../quote.ts';
import { closest } from './suggestion.ts';
import { type TextProblem, toStarProblem } from './syntax-problems.ts';

/** Whoever has more of them looks at the first. */
const PROBLEMS_AT_MOST = 20;
const ANCHORS_SHOWN = 10;

/** The first such things, in the order of the text. `lineOf` gives the line of an offset. */
export function checkDocument(
  document: Document,
  text: string,
  lineOf: (offset: number) => number,
): TextProblem[] {
  const problems: TextProblem[] = [];
  const anchors = new Set<string>();
  visit(document, {
    // Before the contents of the node, as an alias within them may mean the node itself.
    Node(_, node) {
      if (isMap(node)) for (const problem of checkKeys(node, text, lineOf)) problems.push(problem);
      if ('anchor' in node && node.anchor !== undefined) anchors.add(node.anchor);
    },
    Alias(_, alias, above) {
      if (anchors.has(alias.source)) return undefined;
      const offset = startOf(alias);
      const meant = closest(alias.source, anchors);
      const message = `the alias ${quote(`*${alias.source}`)} has no anchor before it`;
      if (meant !== undefined) problems.push({ offset, message, hint: `Did you mean *${meant}?` });
      else if (isAlias(alias.source, keyOf(above), anchors.size))
        problems.push({ offset, message, hint: anchorsHint(anchors, MAPPING_KEYS.test(keyOf(above))) });
      else problems.push(toStarProblem(text, offset));
      // One is enough: looking for what was meant takes a while in a file of nothing else.
      return visit.BREAK;
    },
  });
  return problems.sort((a, b) => a.offset - b.offset).slice(0, PROBLEMS_AT_MOST);
}

/** The keys of a config below which mappings stand, and no text can. */
const MAPPING_KEYS =
  /^(listen|admin|annotation|backends|timeouts|rules|match|labels|annotations|split|limits|log|<<)$/;

/** Whether an alias was meant, rather than a glob without quotes. `key` is the one that it is the value of. */
function isAlias(source: string, key: string, anchors: number): boolean {
  return MAPPING_KEYS.test(key) || (anchors > 0 && /^[A-Za-z]\w*$/.test(source));
}

function keyOf(above: readonly unknown[]): string {
  const pair = above.findLast((node) => isPair(node));
  return pair !== undefined && isScalar(pair.key) ? String(pair.key.value) : '';
}

function anchorsHint(anchors: ReadonlySet<string>, isMapping: boolean): string {
  if (anchors.size === 0) return 'There are no anchors before it: write the value out';
  const shown = [...anchors].slice(0, ANCHORS_SHOWN).map(excerpt).join(', ');
  const others = anchors.size > ANCHORS_SHOWN ? ' and others' : '';
  return `Anchors before it: ${shown}${others}${isMapping ? '' : '; a text that begins with * needs quotes'}`;
}

/** By a map of our own: the parser compares each key with all others, which takes minutes for a file made for that. */
function checkKeys(map: YAMLMap, text: string, lineOf: (offset: number) => number): TextProblem[] {
  const firstOf = new Map<string, number>();
  return map.items.flatMap(({ key }): TextProblem[] => {
    const offset = isNode(key) ? startOf(key) : startOf(map);
    if (!isScalar(key)) return isNode(key) && 'source' in key ? [] : [badKey(text, offset)];
    const name = String(key.value);
    const first = firstOf.get(name);
    if (first === undefined) {
      firstOf.set(name, offset);
      return [];
    }
    const message = `the key ${quote(name)} is given twice, first on line ${lineOf(first)}`;
    return [{ offset, message, hint: 'Keep one of the two' }];
  });
}

function badKey(text: string, offset: number): TextProblem {
  if (text.startsWith('{', offset) && text[offset - 1] === '{') {
    const hint = 'Fill in the template that this file is made from, or put the value in quotes';
    return { offset: offset - 1, message: 'two braces begin a template, not a value', hint };
  }
  return {
    offset,
    message: 'a key must be a text',
    hint: 'Write key: value, or quote a text that begins with a bracket',
  };
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}
