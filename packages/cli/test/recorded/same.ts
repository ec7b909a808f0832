// Whether what a command printed is what was recorded: the same words, and the same numbers but for those of a clock.

/** How far a number may be from the recorded one, beside its size or 1e-3: another processor rounds otherwise. */
const tolerance = 2e-3;

/** Whether a key of a document is measured by a clock, or is a date, a version, an identifier or a path: that differs from run to run. */
export const varies = (key: string): boolean =>
  /seconds|^time|Time$|since|clock|^(fraction|ordinarySteps|id|workers|version|directory|report|path|out|file|url)$/i.test(
    key,
  );

const number = /-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/gi;

/** Differences of two texts; lines that name a time are compared without their numbers. */
export function textDifferences(recorded: string, printed: string): string[] {
  const [before, now] = [recorded, printed].map((text) => text.trimEnd().split("\n"));
  if (before.length !== now.length)
    return [`${before.length} lines were recorded, ${now.length} printed:\n${printed}`];
  return before.flatMap((line, k) => {
    const words = [line, now[k]].map((text) =>
      text
        .replaceAll(number, "#")
        .replaceAll(/# (ms|us|min|s)\b/g, "# s")
        .replaceAll(/ +/g, " ")
        .trim(),
    );
    if (words[0] !== words[1]) return [`line ${k + 1}: "${line}" was recorded, "${now[k]}" printed`];
    if (/\b(s|ms|us|seconds?|time|min)\b/.test(line)) return [];
    const [old, fresh] = [line, now[k]].map((text) => [...text.matchAll(number)].map(([digits]) => digits));
    return old.every((digits, at) => isNear(Number(digits), Number(fresh[at])))
      ? []
      : [`line ${k + 1}: "${line}" was recorded, "${now[k]}" printed`];
  });
}

/** Differences of two JSON documents, by the path of each. */
export function documentDifferences(recorded: unknown, printed: unknown, path = ""): string[] {
  const key = path.split(".").at(-1) ?? "";
  if (varies(key)) return typeof recorded === typeof printed ? [] : [`${path}: another type`];
  if (typeof recorded === "number" && typeof printed === "number") {
    return isNear(recorded, printed) ? [] : [`${path}: ${recorded} was recorded, ${printed} printed`];
  }
  if (typeof recorded === "string" && typeof printed === "string") {
    return textDifferences(recorded, printed).map((difference) => `${path}, ${difference}`);
  }
  if (recorded === null || printed === null || typeof recorded !== "object" || typeof printed !== "object") {
    return recorded === printed ? [] : [`${path}: ${recorded} was recorded, ${printed} printed`];
  }
  const keys = new Set([...Object.keys(recorded), ...Object.keys(printed)]);
  return [...keys].flatMap((name) =>
    documentDifferences(
      Reflect.get(recorded, name),
      Reflect.get(printed, name),
      path ? `${path}.${name}` : name,
    ),
  );
}

const isNear = (a: number, b: number): boolean =>
  a === b || Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b), 1e-3);
