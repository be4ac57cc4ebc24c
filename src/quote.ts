// Foreign values in texts of ours: ids, names, paths, what a backend or client says. They are cut, so that no value makes a
// message, header or log line long, and nothing in them can act on a terminal. A backend's own status passes elsewhere,
// untouched.

const SHOWN_CHARACTERS = 200;
// C0, DEL and C1; what changes the direction of text or shows as nothing; line and paragraph separators.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
const ALL_UNSAFE = new RegExp(UNSAFE, 'g');

/** The value as it may stand in a text of ours: at most 200 characters of it, and how long it was. */
export function excerpt(value: string): string {
  return escapeUnsafe(cut(value)) + lengthNote(value);
}

/** The same in quotes. */
export function quote(value: string): string {
  return escapeUnsafe(JSON.stringify(cut(value))) + lengthNote(value);
}

/** The text with control characters, and those that change its direction, escaped, except those in `kept`. */
export function escapeUnsafe(text: string, kept = ''): string {
  if (!UNSAFE.test(text)) return text;
  return text.replaceAll(ALL_UNSAFE, (character) => {
    if (kept.includes(character)) return character;
    const escaped = JSON.stringify(character).slice(1, -1);
    if (escaped !== character) return escaped;
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** A whole text of ours of at most `mostBytes`; a longer one is cut, and says how long it was. */
export function cutText(text: string, mostBytes: number): string {
  // No UTF-16 unit becomes more than three bytes of UTF-8.
  if (text.length * 3 <= mostBytes) return text;
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes <= mostBytes) return text;
  const note = `... (${sizeBytes} bytes)`;
  const bytes = Buffer.from(text.slice(0, mostBytes));
  let size = Math.min(bytes.length, mostBytes - note.length);
  while (size > 0 && ((bytes[size] ?? 0) & 0xc0) === 0x80) size--;
  return bytes.toString('utf8', 0, size) + note;
}

function cut(value: string): string {
  if (value.length <= SHOWN_CHARACTERS) return value;
  const isPairCut = /[\ud800-\udbff]/.test(value[SHOWN_CHARACTERS - 1] ?? '');
  return value.slice(0, isPairCut ? SHOWN_CHARACTERS - 1 : SHOWN_CHARACTERS);
}

function lengthNote({ length }: string): string {
  return length <= SHOWN_CHARACTERS ? '' : `... (${length} characters)`;
}
