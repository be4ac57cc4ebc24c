// The patterns that Docker takes for image references (its filter `reference`, which cri-dockerd passes on): those of
// Go's path.Match, where `*` and `?` stop at a slash. https://pkg.go.dev/path#Match
// Not made a RegExp: one with many stars would keep the process busy for ever.

/** One part of a pattern. Characters are code points; a class lists the first and the last of each range. */
type Part =
  | { readonly kind: 'any many' }
  | { readonly kind: 'any' }
  | { readonly kind: 'one'; readonly character: number }
  | {
      readonly kind: 'class';
      readonly isNot: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    };

export type ReferencePattern = readonly Part[];

/** No name of an image is as long. */
const LIMIT = 4096;
const SLASH = 0x2f;
const CLASS = /^\[(\^|(?!\^))((?:(?:\\.|[^\\\]-])(?:-(?:\\.|[^\\\]-]))?)+)\]/su;
const RANGE = /\\?(.)(?:-\\?(.))?/gsu;

/** A whole pattern; undefined when it is none that Go would take, or longer than any that makes sense. */
export function readPattern(pattern: string): ReferencePattern | undefined {
  if (pattern.length > LIMIT) return undefined;
  const parts: Part[] = [];
  for (let rest = pattern; rest !== ''; ) {
    const [whole = '', not, body = ''] = rest.startsWith('[')
      ? (CLASS.exec(rest) ?? [])
      : (/^\\?./su.exec(rest) ?? []);
    if (whole === '' || whole === '\\') return undefined;
    if (whole.startsWith('[')) parts.push({ kind: 'class', isNot: not === '^', ranges: rangesOf(body) });
    else if (whole === '?') parts.push({ kind: 'any' });
    else if (whole !== '*') parts.push({ kind: 'one', character: codeOf(whole.replace('\\', '') || '\\') });
    else if (parts.at(-1)?.kind !== 'any many') parts.push({ kind: 'any many' });
    rest = rest.slice(whole.length);
  }
  return parts;
}

/** Whether an image of this tag or digest fits: as a whole, or by its name without tag and digest. */
export function fitsPattern(pattern: ReferencePattern, reference: string): boolean {
  return fits(pattern, reference) || fits(pattern, nameOf(reference));
}

/** When something does not fit, the last star takes one character more: what lies before it is as good as any. */
function fits(pattern: ReferencePattern, reference: string): boolean {
  const text = Array.from(reference, codeOf);
  let at = 0;
  let next = 0;
  let afterStar = -1;
  let starEnd = 0;
  while (at < text.length || next < pattern.length) {
    const part = pattern[next];
    if (part?.kind === 'any many') {
      afterStar = ++next;
      starEnd = at;
    } else if (part !== undefined && at < text.length && takes(part, text[at] as number)) {
      next++;
      at++;
    } else {
      if (afterStar < 0 || starEnd >= text.length || text[starEnd] === SLASH) return false;
      at = ++starEnd;
      next = afterStar;
    }
  }
  return true;
}

function takes(part: Exclude<Part, { kind: 'any many' }>, character: number): boolean {
  switch (part.kind) {
    case 'any':
      return character !== SLASH;
    case 'one':
      return part.character === character;
    case 'class':
      return part.ranges.some(([first, last]) => first <= character && character <= last) !== part.isNot;
    default:
      return part satisfies never;
  }
}

function rangesOf(body: string): [number, number][] {
  return Array.from(body.matchAll(RANGE), ([, first = '', last = first]) => [codeOf(first), codeOf(last)]);
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function nameOf(reference: string): string {
  const at = reference.indexOf('@');
  if (at >= 0) return reference.slice(0, at);
  const colon = reference.lastIndexOf(':');
  return colon > reference.lastIndexOf('/') ? reference.slice(0, colon) : reference;
}
