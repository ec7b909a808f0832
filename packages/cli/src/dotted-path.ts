// Paths of keys as text: `tasks[1].weight`, or `tasks.1.weight`.

export type Path = readonly (string | number)[];

type Leaf = number | string | boolean | null;

/** A path as a user writes it: `tasks[1].weight`. */
export const pathText = (path: Path): string =>
  path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${key}`)).join("");

/** The keys of a path; `[1]` is the key 1, and `[-1]` the last item. */
export const pathWords = (text: string): string[] => text.replaceAll(/\[(-?\d+)\]/g, ".$1").split(".");

/** The parts of a value that are leaves, by their paths: `validation.loss`, `tasks.0`. */
export function partsOf(value: unknown, isLeaf: (part: unknown) => boolean, path = ""): [string, unknown][] {
  if (isLeaf(value)) return [[path, value]];
  return Object.entries(value as object).flatMap(([key, inner]) =>
    partsOf(inner, isLeaf, path === "" ? key : `${path}.${key}`),
  );
}

const isPlain = (value: unknown): boolean => typeof value !== "object" || value === null;

/** The plain values in a value, by their paths. What is not there is null. */
export const leaves = (value: unknown): [string, Leaf][] =>
  partsOf(value, isPlain).map(([path, leaf]) => [path, (leaf ?? null) as Leaf]);

/** The number at a path such as `loss.history[4]`; keys of a map may have dots, as in `metrics.validation.loss`. */
export function valueAtPath(root: unknown, path: string): number | undefined {
  const words = pathWords(path);
  let at: unknown = root;
  for (let i = 0; i < words.length; ) {
    if (Array.isArray(at)) {
      const index = Number(words[i++]);
      at = Number.isInteger(index) ? at.at(index) : undefined;
      continue;
    }
    if (typeof at !== "object" || at === null) return undefined;
    const record = at as Record<string, unknown>;
    let end = i + 1;
    while (end < words.length && !Object.hasOwn(record, words.slice(i, end).join("."))) end++;
    at = record[words.slice(i, end).join(".")];
    i = end;
  }
  return typeof at === "number" ? at : undefined;
}
