import { OptionError } from "./errors.js";
import {
  isObject,
  type OptionalRow,
  type OptionTableData,
  type RequiredRow,
  type Row,
} from "./option-kinds.js";

/**
 * The rows that a table of options `T` needs: one for every property, of its type. To be used with `satisfies`, which
 * also tells where the options' summaries are: the comments of `T`.
 */
export type OptionRows<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? OptionalRow<Exclude<T[K], undefined>>
    : RequiredRow<Exclude<T[K], undefined>>;
};

/** Options `T` with the defaults that the rows `R` have. */
export type Filled<T, R> = {
  readonly [K in keyof T as K extends Defaulted<R> ? never : K]: T[K];
} & {
  readonly [K in keyof T as K extends Defaulted<R> ? K : never]-?: Exclude<T[K], undefined>;
};

type Defaulted<R> = { [K in keyof R]: R[K] extends { readonly default: unknown } ? K : never }[keyof R];

/** The options of a function: what each must be, and what it is where it is left out. */
export interface OptionTable<R extends Readonly<Record<string, Row>>> extends OptionTableData {
  readonly rows: R;
  /**
   * Checks options that may come from a file and fills in the defaults. An option that is undefined counts as left out.
   *
   * @throws OptionError for an unknown name, with the known ones, a value outside its range or a missing one
   */
  read<T extends object>(given: T): Filled<T, R>;
}

/**
 * The options of a function, as data: for checks and defaults, and for tools that make schemas and documents of them.
 *
 * @example
 * const cagradOptions = optionTable("cagrad", {
 *   c: nonNegative.default(0.4),
 *   scale: oneOf(["sum", "mean"]).default("sum"),
 * } satisfies OptionRows<CagradOptions>);
 * const { c, scale } = cagradOptions.read({ c: 0.5 });
 */
export function optionTable<R extends Readonly<Record<string, Row>>>(name: string, rows: R): OptionTable<R> {
  const known = Object.keys(rows);
  const defaults = Object.fromEntries(
    Object.entries(rows).flatMap(([option, row]) => ("default" in row ? [[option, row.default]] : [])),
  );
  return {
    name,
    rows,
    read(given) {
      if (!isObject(given)) {
        throw new OptionError(`${name}: options must be an object, such as {}; got ${format(given)}.`);
      }
      requireKnown(name, given, known as never[]);
      const defined = Object.entries(given).filter(([, value]) => value !== undefined);
      for (const [option, value] of defined) {
        const { kind } = rows[option];
        if (kind.test(value)) continue;
        throw new OptionError(`${name}: ${option} must be ${kind.expected}; got ${format(value)}.`);
      }
      const filled = { ...defaults, ...Object.fromEntries(defined) };
      const missing = known.find((option) => rows[option].required && !Object.hasOwn(filled, option));
      if (missing !== undefined) {
        throw new OptionError(`${name}: ${missing} must be given: ${rows[missing].kind.expected}.`);
      }
      return filled as never;
    },
  };
}

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

/** Like JSON, but NaN and infinities keep their names. */
const format = (value: unknown): string => (typeof value === "number" ? `${value}` : JSON.stringify(value));

/** The options that are given: what is undefined is left out, so that a default behind it stays. */
export function withoutUndefined<T extends object>(options: T | undefined): T {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as T;
}
