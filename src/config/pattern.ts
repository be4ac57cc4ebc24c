// What a match key or a list of namespaces holds: an exact value, a glob with `*`, or "is it there at all".
// Parsed once when the config is loaded; matched for every new pod. Linear in the value, whatever the glob.

import { quote } from '../quote.ts';

export type Pattern =
  | { readonly kind: 'exact'; readonly text: string }
  | {
      readonly kind: 'glob';
      readonly text: string;
      /** What lies between the stars; the first is the start and the last the end of the value. */
      readonly parts: readonly string[];
    }
  | { readonly kind: 'exists'; readonly exists: boolean };

/** A text is exact unless it holds a `*`, which stands for any run of characters, also none. */
export function toPattern(value: string | { readonly exists: boolean }): Pattern {
  if (typeof value !== 'string') return { kind: 'exists', exists: value.exists };
  if (!value.includes('*')) return { kind: 'exact', text: value };
  return { kind: 'glob', text: value, parts: value.split('*') };
}

/** Whether `value` fits. A value that is not there (undefined) fits `exists: false` and nothing else. */
export function matchesPattern(pattern: Pattern, value: string | undefined): boolean {
  switch (pattern.kind) {
    case 'exact':
      return value === pattern.text;
    case 'glob':
      return value !== undefined && matchesGlob(pattern.parts, value);
    case 'exists':
      return (value !== undefined) === pattern.exists;
    default:
      return pattern satisfies never;
  }
}

/** As matchesPattern, for a runtime handler: a pod that asks for none has "" and nothing at once, and fits both. */
export function matchesHandler(pattern: Pattern, handler: string): boolean {
  return matchesPattern(pattern, pattern.kind === 'exists' && handler === '' ? undefined : handler);
}

/**
 * Whether `wide` fits every value that `narrow` fits. May say no where it does: two globs are compared by their texts,
 * in which a star of `narrow` must lie below one of `wide`.
 */
export function includesPattern(wide: Pattern, narrow: Pattern): boolean {
  switch (wide.kind) {
    case 'exact':
      return narrow.kind === 'exact' && narrow.text === wide.text;
    case 'glob':
      return narrow.kind !== 'exists' && matchesGlob(wide.parts, narrow.text);
    case 'exists':
      return (narrow.kind !== 'exists' || narrow.exists) === wide.exists;
    default:
      return wide satisfies never;
  }
}

/** As includesPattern, for runtime handlers, where `""` and `{ exists: false }` are the same. */
export function includesHandler(wide: Pattern, narrow: Pattern): boolean {
  const asText = ({ exists }: { readonly exists: boolean }) => toPattern(exists ? '*' : '');
  if (wide.kind === 'exists' && wide.exists) return !matchesHandler(narrow, '');
  return includesPattern(
    wide.kind === 'exists' ? asText(wide) : wide,
    narrow.kind === 'exists' ? asText(narrow) : narrow,
  );
}

/** How a person would write it: `"web-*"`, `any value`, `no value`. */
export function describePattern(pattern: Pattern): string {
  if (pattern.kind === 'exists') return pattern.exists ? 'any value' : 'no value';
  return quote(pattern.text);
}

/** Finds the middle parts from left to right; the leftmost fit of each leaves the most room for the others. */
function matchesGlob(parts: readonly string[], value: string): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (value.length < first.length + last.length) return false;
  if (!value.startsWith(first) || !value.endsWith(last)) return false;
  const end = value.length - last.length;
  let at = first.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] ?? '';
    const found = value.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
