// "Did you mean": the known word that a mistyped one is closest to.

import { quote } from '../quote.ts';

/** Nobody mistypes a longer word; comparing takes the square of its length. */
const WORD_AT_MOST = 100;

/** The candidate with the fewest changed letters, if few enough that it can have been meant. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(word.length / 3)) + 1;
  if (word === '' || word.length > WORD_AT_MOST) return undefined;
  for (const candidate of candidates) {
    const distance = distanceOf(word, candidate);
    if (distance < fewest && distance < candidate.length) {
      fewest = distance;
      best = candidate;
    }
  }
  return best;
}

/** A word cut short or with a tail is far away by letters but near by sense: namespace, namespaces. */
function distanceOf(word: string, candidate: string): number {
  const lengthsApart = Math.abs(candidate.length - word.length);
  if (candidate.startsWith(word) || (candidate !== '' && word.startsWith(candidate)))
    return 1 + lengthsApart / 100;
  return lengthsApart > candidate.length ? lengthsApart : changes(word, candidate);
}

/** `Did you mean "x"?`, or what there is to choose from. */
export function suggest(word: string, candidates: readonly string[], what: string): string {
  const meant = closest(word, candidates);
  if (meant !== undefined) return `Did you mean ${quote(meant)}?`;
  return `${what}: ${candidates.map((candidate) => (candidate === '' ? '""' : candidate)).join(', ')}`;
}

/** Letters to insert, remove or replace to get from one word to the other, upper and lower case being the same. */
function changes(from: string, to: string): number {
  const [a, b] = [from.toLowerCase(), to.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
