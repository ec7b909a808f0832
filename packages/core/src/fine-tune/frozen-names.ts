import { OptionError } from "../errors.js";

/**
 * The names that patterns select; `*` stands for any characters.
 *
 * @throws OptionError for a pattern that selects none
 */
export function frozenNames(
  op: string,
  patterns: readonly string[],
  names: readonly string[],
): ReadonlySet<string> {
  const selected = patterns.map((pattern) => {
    const expression = pattern.split("*").map(escaped).join(".*");
    const own = names.filter((name) => new RegExp(`^${expression}$`, "s").test(name));
    if (own.length > 0) return own;
    const listed = `${names.slice(0, 8).join(", ")}${names.length > 8 ? ` and ${names.length - 8} more` : ""}`;
    const start = names.find((name) => name.startsWith(pattern));
    const advice = start === undefined ? "" : ` Did you mean "${pattern}*"?`;
    throw new OptionError(`${op}: the pattern "${pattern}" selects none of ${listed}.${advice}`);
  });
  return new Set(selected.flat());
}

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
