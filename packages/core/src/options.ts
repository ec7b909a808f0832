import { describeValue, isPlainObject } from "./describe.js";
import { OptionError } from "./errors.js";
import type { Kind, OptionTableData, RequiredRow, Row } from "./option-kinds.js";

/**
 * The options of a table as the caller passes them, each with the comment above its row:
 * `export interface CaGradOptions extends OptionsOf<typeof caGradOptions> {}`.
 */
export type OptionsOf<T extends OptionTableData> = {
  readonly [K in keyof T["rows"] as T["rows"][K] extends RequiredRow ? K : never]: ValueOf<T["rows"][K]>;
} & {
  readonly [K in keyof T["rows"] as T["rows"][K] extends RequiredRow ? never : K]?:
    | ValueOf<T["rows"][K]>
    | undefined;
};

type ValueOf<R> = R extends { readonly kind: Kind<infer V> } ? V : never;

/** Options `T` after the defaults of the rows `R` are filled in. */
export type Filled<T, R> = {
  readonly [K in keyof T as K extends Defaulted<R> ? never : K]: T[K];
} & {
  readonly [K in keyof T as K extends Defaulted<R> ? K : never]-?: Exclude<T[K], undefined>;
};

type Defaulted<R> = { [K in keyof R]: R[K] extends { readonly default: unknown } ? K : never }[keyof R];

/** The options of a function: what each must be, and its default. */
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
 * const caGradOptions = optionTable("caGrad", {
 *   c: nonNegative.default(0.4),
 *   scale: oneOf(["sum", "mean"]).default("sum"),
 * });
 * const { c, scale } = caGradOptions.read({ c: 0.5 });
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
      requireKnown(name, given as Readonly<Record<string, unknown>>, known);
      const defined = withoutUndefined(given);
      for (const [option, value] of Object.entries(defined)) {
        const { kind } = rows[option];
        if (kind.test(value)) continue;
        throw new OptionError(`${name}: ${option} must be ${kind.expected}; got ${describeValue(value)}.`);
      }
      const filled = { ...defaults, ...defined };
      const missing = known.find((option) => rows[option].required && !Object.hasOwn(filled, option));
      if (missing !== undefined) {
        throw new OptionError(`${name}: ${missing} must be given: ${rows[missing].kind.expected}.`);
      }
      return filled as never;
    },
  };
}

/**
 * Throws unless `value` is an object with known options only: a misspelled option would have no effect.
 *
 * @param example the call as it should be, such as `mean(x, { axes: [1] })`
 * @throws OptionError with what was expected, what came and what to write
 */
export function requireKnown<T extends object>(
  owner: string,
  options: T,
  known: readonly (string & keyof T)[],
  example?: string,
): void {
  if (!isPlainObject(options)) {
    const sample = example?.slice(example.lastIndexOf("{"), example.lastIndexOf("}") + 1);
    const such = sample ? ` such as ${sample}` : known.length > 0 ? ` with ${known.join(", ")}` : "";
    const write = example ? ` Write ${example}.` : "";
    throw new OptionError(
      `${owner}: options must be an object${such}; got ${describeValue(options)}.${write}`,
    );
  }
  for (const name in options) {
    if (!known.includes(name)) {
      throw new OptionError(`${owner} has no option "${name}"; it has ${known.join(", ") || "none"}.`);
    }
  }
}

/**
 * Throws if one of some options is given where none of them has an effect.
 *
 * @param why the end of the sentence about it, such as `is for variant "nadir"`
 * @throws OptionError
 */
export function refuseGiven<T extends object>(
  owner: string,
  options: T,
  names: readonly (string & keyof T)[],
  why: string,
): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given !== undefined) throw new OptionError(`${owner}: ${given} ${why}.`);
}

/**
 * Throws unless every flag is true or false: a truthy value such as "false" is a mistake.
 *
 * @throws OptionError
 */
export function requireFlags(owner: string, flags: Readonly<Record<string, unknown>>): void {
  for (const name in flags) {
    if (typeof flags[name] !== "boolean") {
      throw new OptionError(`${owner}: ${name} must be true or false; got ${describeValue(flags[name])}.`);
    }
  }
}

/** The options that are not undefined, so that spreading them over defaults keeps the defaults. */
export function withoutUndefined<T extends object>(options: T | undefined): T {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as T;
}
