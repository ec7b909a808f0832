import type { KindSpec, OptionTableData } from "./options.js";

/** The description of an option, for programs that print it. */
export interface OptionDescription {
  readonly name: string;
  readonly kind: KindSpec;
  /** What a value must be: "a finite number >= 0". */
  readonly range: string;
  readonly required: boolean;
  /** Absent if there is no default, or if the default depends on other values. */
  readonly default?: unknown;
  /** A default that depends on other values, in words. */
  readonly otherwise?: string | undefined;
  readonly summary: string;
}

/**
 * Describes the options of a table.
 *
 * @example
 * const [c] = describeOptions(methods.caGrad.options);
 * c.range; // a finite number >= 0
 * c.default; // 0.4
 */
export function describeOptions({ rows }: OptionTableData): readonly OptionDescription[] {
  return Object.entries(rows).map(([name, { kind, summary = "", ...rest }]) => ({
    name,
    kind: kind.spec,
    range: kind.expected,
    ...rest,
    summary,
  }));
}
