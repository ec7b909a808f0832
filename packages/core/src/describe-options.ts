import type { KindSpec, OptionTableData } from "./option-kinds.js";
import { optionSummaries } from "./option-summaries.js";

/** An option as a program prints it. */
export interface OptionDescription {
  readonly name: string;
  readonly kind: KindSpec;
  /** What a value must be: "a finite number >= 0". */
  readonly range: string;
  readonly required: boolean;
  /** Left out where there is none, or where it depends on other values. */
  readonly default?: unknown;
  /** A default that depends on other values, in words. */
  readonly otherwise?: string | undefined;
  readonly summary: string;
}

/**
 * The options of a table with what they are.
 *
 * @example
 * const [c] = describeOptions(methods.caGrad.options);
 * c.range; // a finite number >= 0
 * c.default; // 0.4
 */
export function describeOptions({ name: table, rows }: OptionTableData): readonly OptionDescription[] {
  return Object.entries(rows).map(([name, { kind, ...rest }]) => ({
    name,
    kind: kind.spec,
    range: kind.expected,
    ...rest,
    summary: optionSummaries[table]?.[name] ?? "",
  }));
}
