// Edit distance with exchanges of neighbours (Damerau 1964; Levenshtein 1966; optimal string alignment).

/** How many insertions, deletions, replacements and exchanges of neighbours turn one text into the other. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j] + 1, row[j - 1] + 1);
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isExchange) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}

/**
 * The known word that somebody who typed another one may have meant; undefined when none is near.
 * Case, "-" and "_" count for nothing; else at most a third of the letters differ, or one word begins the other.
 *
 * @example
 * nearest("adagard", ["adam", "adagrad"]); // "adagrad"
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_ ]/g, "");
  const typed = plain(word);
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const target = plain(candidate);
    let distance = editDistance(typed, target);
    const isStart =
      typed.length > 2 && target.length > 2 && (target.startsWith(typed) || typed.startsWith(target));
    if (isStart) distance = Math.min(distance, 1.5);
    if (distance <= Math.max(1, Math.max(typed.length, target.length) / 3) && distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return typed === "" ? undefined : best;
}

/** `one of a, b; got "aa"; did you mean "a"?`: the end of a message about a word that is none of the known ones. */
export function oneOf(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return `one of ${known.join(", ")}; got "${word}"${meant === undefined ? "." : `; did you mean "${meant}"?`}`;
}
