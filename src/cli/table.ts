// Plain columns that people read and grep cuts; colour only on a terminal that wants it.
import { styleText } from 'node:util';
import type { Output } from './context.ts';

/** How a text may be shown on a terminal. */
export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

/** Gives a text a style, or returns it as it is. */
export type Paint = (style: Style, text: string) => string;

/** A cell of a table: its text alone, or with a style. */
export type Cell = string | { readonly text: string; readonly style: Style };

const GAP = '  ';
/** The least colour depth, in bits, at which a terminal shows the sixteen colours. */
const COLOUR_DEPTH = 4;

/** Paints on terminals, and not where NO_COLOR is set or the output is a file or pipe. */
export function paintFor(output: Output, env: Readonly<Partial<Record<string, string>>>): Paint {
  const isPainted = (output.getColorDepth?.(env) ?? 1) >= COLOUR_DEPTH;
  return isPainted ? (style, text) => styleText(style, text, { validateStream: false }) : plain;
}

/** Paints nothing. */
export const plain: Paint = (_style, text) => text;

/**
 * Lines of aligned columns under a head in capitals, without trailing blanks, each line with its end. An empty cell
 * becomes '-', so that columns can be counted.
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  paint: Paint = plain,
): string {
  const lines: (readonly Cell[])[] = [
    head.map((text) => ({ text: text.toUpperCase(), style: 'bold' as const })),
    ...rows.map((row) => row.map((cell) => (textOf(cell) === '' ? '-' : cell))),
  ];
  return formatColumns(lines, paint);
}

/** Lines of aligned columns without a head. */
export function formatColumns(lines: readonly (readonly Cell[])[], paint: Paint = plain): string {
  const widths: number[] = [];
  for (const line of lines) {
    line.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, textOf(cell).length);
    });
  }
  return lines.map((line) => `${formatLine(line, widths, paint)}\n`).join('');
}

function formatLine(line: readonly Cell[], widths: readonly number[], paint: Paint): string {
  return line
    .map((cell, column) => {
      const text = textOf(cell);
      const painted = typeof cell === 'string' ? cell : paint(cell.style, text);
      return column === line.length - 1 ? painted : painted + ' '.repeat((widths[column] ?? 0) - text.length);
    })
    .join(GAP);
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}
