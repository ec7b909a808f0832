import didYouMean, { ReturnTypeEnums } from "didyoumean2";

/**
 * The known word nearest to a mistyped one; undefined when none is near.
 * Case, "-" and "_" are ignored. At most a third of the letters may differ, or their order, or one word begins the
 * other.
 *
 * @example
 * nearest("adagard", ["adam", "adagrad"]); // "adagrad"
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const typed = plain(word);
  if (typed === "") return undefined;
  const candidates = known.map((name) => ({ name, text: plain(name) }));
  const found =
    candidates.find(({ text }) => text === typed) ??
    candidates.find(({ text }) => sorted(text) === sorted(typed)) ??
    didYouMean(typed, candidates, { matchPath: ["text"], threshold: leastSimilarity }) ??
    candidates.find(({ text }) => isStart(text, typed) || isStart(typed, text));
  return found?.name;
}

/**
 * The known words that resemble one, the most similar first.
 *
 * @example
 * similar("roosenbrock", ["rosenbrock", "booth", "rosenbrock-20d"], 3); // ["rosenbrock", "rosenbrock-20d"]
 */
export const similar = (word: string, known: readonly string[], count: number): string[] =>
  didYouMean(
    plain(word),
    known.map((name) => ({ name, text: plain(name) })),
    {
      matchPath: ["text"],
      threshold: 0.5,
      returnType: ReturnTypeEnums.ALL_SORTED_MATCHES,
    },
  )
    .map(({ name }) => name)
    .slice(0, count);

const leastSimilarity = 0.66;

const plain = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, "");

const sorted = (text: string): string => [...text].sort().join("");

const isStart = (start: string, text: string): boolean => start.length > 2 && text.startsWith(start);

/** `one of a, b; got "aa"; did you mean "a"?`: the end of a message about an unknown word. */
export function oneOf(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return `one of ${known.join(", ")}; got "${word}"${meant === undefined ? "." : `; did you mean "${meant}"?`}`;
}
