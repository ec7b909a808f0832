import { OptionError } from "./errors.js";

/**
 * The names that patterns select; `*` stands for any characters.
 *
 * @throws OptionError for a pattern that selects none
 */
export function namesMatching(
  op: string,
  patterns: readonly string[],
  names: readonly string[],
): ReadonlySet<string> {
  const selected = patterns.map((pattern) => {
    const own = names.filter(matcherOf([pattern]));
    if (own.length > 0) return own;
    const listed = `${names.slice(0, 8).join(", ")}${names.length > 8 ? ` and ${names.length - 8} more` : ""}`;
    const start = names.find((name) => name.startsWith(pattern));
    const advice = start === undefined ? "" : ` Did you mean "${pattern}*"?`;
    throw new OptionError(`${op}: the pattern "${pattern}" selects none of ${listed}.${advice}`);
  });
  return new Set(selected.flat());
}

/** Whether a name matches one of some patterns; `*` stands for any characters. */
export function matcherOf(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${pattern.split("*").map(escaped).join(".*")}$`, "s"),
  );
  return (name) => expressions.some((expression) => expression.test(name));
}

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
