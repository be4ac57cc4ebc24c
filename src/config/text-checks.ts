// What keeps a text from being read as YAML at all: another encoding, or bytes that no text has.
import type { TextProblem } from './syntax-problems.ts';

const CHARACTERS_AT_MOST = 1_000_000;

/** The first such thing; undefined when the text can be parsed. `file` is for the hint alone. */
export function checkText(text: string, file: string): TextProblem | undefined {
  if (text.length > CHARACTERS_AT_MOST) {
    const message = `the file has more than ${CHARACTERS_AT_MOST} characters`;
    return { offset: 0, message, hint: 'Is it the right file?' };
  }
  if (isUtf16(text)) {
    const hint = `Save it as UTF-8, or run: iconv -f UTF-16 -t UTF-8 ${file}`;
    return { offset: 0, message: 'the file is in UTF-16, and must be in UTF-8', hint };
  }
  // YAML 1.2, 5.1: the only control characters of a text are tab and the ends of lines.
  const control = text.search(CONTROL);
  if (control !== -1) {
    const code = text.charCodeAt(control);
    const name = code === 0 ? 'a NUL byte' : `the control character U+${code.toString(16).padStart(4, '0')}`;
    return {
      offset: control,
      message: `${name} is no part of a text`,
      hint: 'Remove it, or write the line anew',
    };
  }
  if (/\r(?!\n)/.test(text) && !text.includes('\n')) {
    return {
      offset: 0,
      message: 'the lines end with CR alone',
      hint: 'Save it with LF at the ends of lines',
    };
  }
  return undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** As it looks when read as UTF-8: a mark that is no UTF-8, or every second byte of the first letters zero. */
function isUtf16(text: string): boolean {
  if (text.startsWith('\ufffd\ufffd')) return text.includes('\0');
  const isZero = [0, 1, 2, 3].map((index) => text.charCodeAt(index) === 0);
  return isZero[0] === isZero[2] && isZero[1] === isZero[3] && isZero[0] !== isZero[1];
}
