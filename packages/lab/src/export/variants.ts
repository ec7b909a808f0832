/**
 * The variants of an experiment of `isoloss run`, a line each.
 *
 * @throws Error where it would have none: the page says why nothing was copied
 */
export function variantsOf(lines: readonly string[]): readonly string[] {
  if (lines.length > 0) return ["variants:", ...lines];
  throw new Error("Nothing that is compared has a place in an experiment: compare more.");
}
