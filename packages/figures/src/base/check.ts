import { OptionError } from "isoloss";

/**
 * Checks data that a figure is given.
 *
 * @throws OptionError with the message if the condition does not hold
 */
export function need(condition: boolean, message: string): asserts condition {
  if (!condition) throw new OptionError(message);
}

/** @throws OptionError if two entries have the same name or one has none */
export function needNames(owner: string, entries: readonly { readonly name: string }[]): void {
  const seen = new Set<string>();
  for (const { name } of entries) {
    need(
      typeof name === "string" && name.trim() !== "",
      `${owner}: each entry needs a name that is not empty.`,
    );
    need(!seen.has(name), `${owner}: two entries are called "${name}"; give each a name of its own.`);
    seen.add(name);
  }
}
