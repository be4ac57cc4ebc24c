// What is wrong with a text that is not YAML, in words for people who do not know the parser. One mistake mostly makes
// several errors of the parser; people get the first place, and what most likely was meant there.
import type { YAMLError } from 'yaml';
import { excerpt, quote } from '../quote.ts';
import { VARIABLE_HINT } from './variables.ts';
import { lineAfter, lineAt, openBrackets, tokensBefore, wordAt } from './yaml-places.ts';

/** Something wrong at a place in the text. */
export interface TextProblem {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

export const TOO_DEEP = 'the file is nested too deeply';

/** Where the parser stopped, for those who guess why. */
interface Stop {
  readonly text: string;
  readonly error: YAMLError;
  readonly offset: number;
  readonly line: string;
  readonly lineStart: number;
}

/** The one problem that people get for `errors`, of which there is at least one. */
export function toSyntaxProblem(errors: readonly YAMLError[], text: string): TextProblem {
  const [error, ...others] = errors;
  if (error === undefined) throw new TypeError('no errors');
  const first = others.reduce((best, other) => (other.pos[0] < best.pos[0] ? other : best), error);
  const offset = Math.min(first.pos[0], text.length);
  const stop = { text, error: first, offset, ...lineAt(text, offset) };
  for (const guess of GUESSES) {
    const problem = guess(stop);
    if (problem !== undefined) return problem;
  }
  const hint = 'A quote, bracket, comma or colon may be missing or too many, here or just before';
  return { offset, message: `not YAML: ${excerpt(lowerFirst(first.message))}`, hint };
}

/** `*` at the beginning of a text, which was meant as a glob. Also of aliases that lead nowhere. */
export function toStarProblem(text: string, offset: number): TextProblem {
  const word = wordAt(text, offset);
  const message = `${quote(word)} is not a text: * begins an alias of YAML`;
  return { offset, message, hint: `Put it in quotes: ${quote(word)}` };
}

type Guess = (stop: Stop) => TextProblem | undefined;

const GUESSES: readonly Guess[] = [
  depth,
  conflict,
  tab,
  lookalike,
  variable,
  star,
  reserved,
  tag,
  openQuote,
  backslash,
  noSpace,
  noColon,
  openBracket,
  closedTwice,
  colonInText,
  indentation,
  afterBracket,
];

/** The parser gives its own overflow as an error of the text. */
function depth({ error, offset }: Stop): TextProblem | undefined {
  return /call stack/i.test(error.message) ? { offset, message: TOO_DEEP } : undefined;
}

function conflict({ text }: Stop): TextProblem | undefined {
  const marker = /^<{7}( |$)/m.exec(text);
  if (marker === null) return undefined;
  const hint = 'Keep one of the two sides, and remove the lines with <<<<<<<, ======= and >>>>>>>';
  return { offset: marker.index, message: 'a merge of git was left unfinished', hint };
}

function tab({ error, offset, line, lineStart }: Stop): TextProblem | undefined {
  const [indent = ''] = /^ *\t/.exec(line) ?? [];
  if (indent === '' && error.code !== 'TAB_AS_INDENT') return undefined;
  const at = indent === '' ? offset : lineStart + indent.length - 1;
  return { offset: at, message: 'a tab cannot indent YAML', hint: 'Indent with spaces' };
}

/** What an editor for letters puts in the place of a blank, a colon or a quote. */
function lookalike({ line, lineStart }: Stop): TextProblem | undefined {
  const at = line.search(/[\u00a0\u2000-\u200b\u201c-\u201f\u3000\uff1a]/);
  if (at === -1) return undefined;
  const code = line.charCodeAt(at).toString(16).padStart(4, '0');
  const message = `the character U+${code} looks like one of YAML and is none`;
  return { offset: lineStart + at, message, hint: 'Write a plain space, colon or quote' };
}

/** `${X}` without quotes in a mapping in braces, whose last brace then is one too many. */
function variable({ line, lineStart, offset }: Stop): TextProblem | undefined {
  const at = line.replace(/\s#.*/, '').search(/\$\{[^}\s]*\}/);
  if (at === -1 || lineStart + at > offset) return undefined;
  return { offset: lineStart + at, message: 'a variable cannot stand here', hint: VARIABLE_HINT };
}

function star({ error, text, offset }: Stop): TextProblem | undefined {
  return error.code === 'BAD_ALIAS' && text[offset] === '*' ? toStarProblem(text, offset) : undefined;
}

function reserved({ error, text, offset }: Stop): TextProblem | undefined {
  const isReserved = error.code === 'BAD_SCALAR_START' || /^[%@`]/.test(text.slice(offset, offset + 1));
  if (!isReserved) return undefined;
  const word = wordAt(text, offset);
  const message = `a text cannot begin with ${text[offset]}`;
  return { offset, message, hint: `Put it in quotes: ${quote(word)}` };
}

function tag({ error, text, offset }: Stop): TextProblem | undefined {
  if (error.code !== 'TAG_RESOLVE_FAILED') return undefined;
  const message = `${quote(wordAt(text, offset))} is a tag of YAML, which a config has no use for; it does not mean "not"`;
  return { offset, message, hint: 'Leave it out' };
}

function openQuote({ error, text, offset }: Stop): TextProblem | undefined {
  const mark = /^Missing closing (['"])quote/.exec(error.message)?.[1];
  if (mark === undefined) return undefined;
  const open = tokensBefore(text, offset).findLast(({ source }) => source.startsWith(mark));
  const message = `the quote that opens here is not closed`;
  return { offset: open?.offset ?? offset, message, hint: `Add ${mark} at the end of the text` };
}

function backslash({ error, offset }: Stop): TextProblem | undefined {
  if (error.code !== 'BAD_DQ_ESCAPE') return undefined;
  const message = 'a backslash in double quotes begins an escape, and this is none';
  return { offset, message, hint: 'Write two backslashes, or put the text in single quotes' };
}

const DASHES = '\\s*(?:- +)*';

function noSpace({ line, lineStart }: Stop): TextProblem | undefined {
  const [, indent = '', item = ''] = /^(\s*)-([^\s-].*)$/.exec(line) ?? [];
  if (item !== '') {
    const message = 'a space is missing after the dash';
    return { offset: lineStart + indent.length, message, hint: `Write - ${excerpt(item)}` };
  }
  const [, before = '', key = '', value = ''] =
    new RegExp(`^(${DASHES})([A-Za-z][\\w.-]*):((?!//)[^\\s:].*)$`).exec(line) ?? [];
  if (key === '') return undefined;
  const message = 'a space is missing after the colon';
  return { offset: lineStart + before.length + key.length, message, hint: `Write ${key}: ${excerpt(value)}` };
}

function noColon({ line, lineStart }: Stop): TextProblem | undefined {
  const [, before = '', key, equals, value = ''] =
    new RegExp(`^(${DASHES})([A-Za-z][\\w.-]*)\\s*(?:(=)\\s*(.*))?$`).exec(line) ?? [];
  if (key === undefined) return undefined;
  const offset = lineStart + before.length;
  const message =
    equals === undefined ? `no colon after ${quote(key)}` : 'a key and its value need a colon between them';
  return { offset, message, hint: `Write ${key}:${value === '' ? '' : ` ${excerpt(value)}`}` };
}

function closedTwice({ error, text, offset }: Stop): TextProblem | undefined {
  if (!/^Unexpected flow-(seq|map)-end/.test(error.message)) return undefined;
  return { offset, message: `this ${text[offset]} closes nothing`, hint: 'Remove it' };
}

function openBracket({ error, text, offset }: Stop): TextProblem | undefined {
  const end = /must (?:be sufficiently indented and )?end with a ([\]}])/.exec(error.message)?.[1];
  if (end === undefined) return undefined;
  const open = openBrackets(text, offset).at(-1);
  const found = text[offset] ?? '';
  // A closed one that stands too far left.
  if (found === end || open === undefined) {
    return { offset, message: `this ${end} stands too far left`, hint: 'Indent it by two spaces or more' };
  }
  if (/[\]}]/.test(found)) {
    const message = `this ${found} does not close the ${text[open]} that is open`;
    return { offset, message, hint: `Write ${end} before it, or remove it` };
  }
  const message = `the ${text[open]} that opens here is not closed`;
  return { offset: open, message, hint: `Add ${end} after its last entry` };
}

/** `name: ci: builds` */
function colonInText({ error, text, offset, line, lineStart }: Stop): TextProblem | undefined {
  if (error.code !== 'BLOCK_AS_IMPLICIT_KEY') return undefined;
  const rest = line.slice(offset - lineStart).trimEnd();
  if (!/:( |$)/.test(rest)) return undefined;
  const message = 'a text with a colon and a space in it needs quotes';
  return {
    offset,
    message,
    hint: /["'[{]/.test(rest) || text[offset] === '-' ? 'Put it in quotes' : `Write ${quote(rest)}`,
  };
}

/** A line that begins where no line of its neighbours does. */
function indentation({ error, text, offset, line, lineStart }: Stop): TextProblem | undefined {
  const isDeeper = error.code === 'BLOCK_AS_IMPLICIT_KEY';
  const isAtStart = line.slice(0, offset - lineStart).trim() === '';
  const isOff = /without - indicator|start at the same column/.test(error.message);
  if (!isDeeper && !isOff && !(isAtStart && /at node end/.test(error.message))) return undefined;
  const lines = text.slice(0, lineStart).split('\n').slice(0, -1);
  const wrong = isDeeper ? lineAfter(text, lineStart + line.length) : { line, lineStart };
  if (wrong === undefined) return undefined;
  const neighbour = isDeeper
    ? line
    : lines.findLast((other) => /^ *[^\s#]/.test(other) && (isDash(other) || !isDash(line)));
  const column = /^ */.exec(wrong.line)?.[0].length ?? 0;
  const wanted = (isDash(wrong.line) ? /^ */ : /^ *(?:- +)*/).exec(neighbour ?? '')?.[0].length ?? 0;
  if (column === wanted) return undefined;
  const message = `this line is indented by ${spaces(column)}, unlike the lines that it belongs to`;
  const dashes = lines.findLast(isDash)?.indexOf('-');
  const entry = dashes === column ? `Begin it with a dash if it is the next entry, else indent` : 'Indent';
  const at = isDeeper ? wrong.lineStart + column : Math.max(offset, lineStart + column);
  return { offset: at, message, hint: `${entry} it by ${spaces(wanted)}, like the entry above it` };
}

/** `address: [::1]:9440`, or a comma that is missing. */
function afterBracket({ error, text, offset, line, lineStart }: Stop): TextProblem | undefined {
  if (!/at node end|^Missing , (?:or : )?between/.test(error.message)) return undefined;
  const whole = [...line.matchAll(/\[[^\]]*\]:[^\s,}\]]*/g)].find(
    (found) => found.index < offset - lineStart + 1 && found.index + found[0].length > offset - lineStart,
  );
  if (whole !== undefined) {
    const message = 'a text that begins with a bracket needs quotes';
    return { offset: lineStart + whole.index, message, hint: `Put it in quotes: ${quote(whole[0])}` };
  }
  if (openBrackets(text, offset).length > 0) {
    return { offset, message: 'a comma is missing before this', hint: 'Put a comma between two entries' };
  }
  const message = 'the value ended before this';
  return { offset, message, hint: 'Put the whole value in quotes, or remove what stands from here on' };
}

function isDash(line: string): boolean {
  return /^ *- /.test(line);
}

function spaces(amount: number): string {
  return amount === 0 ? 'no spaces' : `${amount} ${amount === 1 ? 'space' : 'spaces'}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
