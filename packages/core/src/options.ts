import { OptionError } from "./errors.js";

/**
 * Refuses names that an object of options does not have: one that is misspelt would be as good as left out.
 *
 * @throws OptionError with the names that there are
 */
export function requireKnown<T extends object>(
  owner: string,
  options: T,
  known: readonly (string & keyof T)[],
): void {
  const unknown = Object.keys(options).find((name) => !(known as readonly string[]).includes(name));
  if (unknown === undefined) return;
  throw new OptionError(`${owner} has no option "${unknown}"; it has ${known.join(", ") || "none"}.`);
}
