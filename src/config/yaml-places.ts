// Places in a YAML text that may be broken: what stands before, at and after an offset. Needs no parsed document.
import { CST, Lexer } from 'yaml';

/** The tokens that begin before `offset`. */
export function tokensBefore(
  text: string,
  offset: number,
): { readonly source: string; readonly offset: number }[] {
  const tokens: { source: string; offset: number }[] = [];
  let at = 0;
  for (const source of new Lexer().lex(text)) {
    // The lexer marks the start of documents and of plain texts with characters of its own.
    if (at >= offset) break;
    if (isMark(source)) continue;
    tokens.push({ source, offset: at });
    at += source.length;
  }
  return tokens;
}

function isMark(source: string): boolean {
  return ['doc-mode', 'flow-error-end', 'scalar'].includes(CST.tokenType(source) ?? '');
}

/** Offsets of the brackets that are open at `offset`. */
export function openBrackets(text: string, offset: number): number[] {
  const open: number[] = [];
  for (const token of tokensBefore(text, offset)) {
    if (token.source === '[' || token.source === '{') open.push(token.offset);
    else if (token.source === ']' || token.source === '}') open.pop();
  }
  return open;
}

/** The line that holds `offset`. */
export function lineAt(text: string, offset: number): { readonly line: string; readonly lineStart: number } {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', lineStart);
  return { line: text.slice(lineStart, end === -1 ? text.length : end), lineStart };
}

/** The next line after `offset` that says anything. */
export function lineAfter(
  text: string,
  offset: number,
): { readonly line: string; readonly lineStart: number } | undefined {
  const next = /\n[ \t]*[^\s#]/.exec(text.slice(offset));
  return next === null ? undefined : lineAt(text, offset + next.index + 1);
}

/** What stands at `offset`, up to a blank, a comma or a bracket. */
export function wordAt(text: string, offset: number): string {
  return /^[^\s,\]}]*/.exec(text.slice(offset, offset + 1_000))?.[0] ?? '';
}
