// "Did you mean": the known word that a mistyped one is closest to.

/** The candidate with the fewest changed letters, if few enough that it can have been meant. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    // A word cut short or with a tail is far away by letters but near by sense: namespace, namespaces.
    const isPart = candidate.startsWith(word) || word.startsWith(candidate);
    const distance = isPart && candidate !== '' && word !== '' ? 1 : changes(word, candidate);
    if (distance < fewest && distance < candidate.length) {
      fewest = distance;
      best = candidate;
    }
  }
  return best;
}

/** `Did you mean "x"?`, or what there is to choose from. */
export function suggest(word: string, candidates: readonly string[], what: string): string {
  const meant = closest(word, candidates);
  if (meant !== undefined) return `Did you mean ${JSON.stringify(meant)}?`;
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
