import { OptionError } from "../errors.js";
import { requireKnown } from "../options.js";

/** What an option's value must be. */
export interface Check {
  readonly expected: string;
  test(value: unknown): boolean;
}

const isNumber = (value: unknown): value is number => typeof value === "number" && !Number.isNaN(value);

export const nonNegative: Check = {
  expected: "a finite number >= 0",
  test: (v) => isNumber(v) && v >= 0 && v < Infinity,
};

export const positive: Check = {
  expected: "a finite number > 0",
  test: (v) => isNumber(v) && v > 0 && v < Infinity,
};

/** Weight of the past in a running average: at 1 the average would never move. */
export const smoothing: Check = {
  expected: "a number in [0, 1)",
  test: (v) => isNumber(v) && v >= 0 && v < 1,
};

export const share: Check = {
  expected: "a number in [0, 1]",
  test: (v) => isNumber(v) && v >= 0 && v <= 1,
};

export const flag: Check = { expected: "true or false", test: (v) => typeof v === "boolean" };

/** An integer of at least `least`. */
export const integerFrom = (least: number): Check => ({
  expected: `an integer >= ${least}`,
  test: (v) => Number.isInteger(v) && (v as number) >= least,
});

export const oneOf = (...values: readonly (string | number)[]): Check => ({
  expected: `one of ${values.join(", ")}`,
  test: (v) => values.includes(v as string),
});

/** A list of values that each pass, of a length if one is given. */
export const listOf = (check: Check, length?: number): Check => ({
  expected: `a list${length === undefined ? "" : ` of ${length}`}, each ${check.expected}`,
  test: (v) => Array.isArray(v) && v.length === (length ?? v.length) && v.every((item) => check.test(item)),
});

/**
 * Checks options that may come from a file. An option left out or undefined has its default.
 *
 * @throws OptionError for an unknown name, with the known ones, or a value outside its range
 */
export function checkOptions<T extends object>(
  owner: string,
  options: T,
  checks: { readonly [K in keyof Required<T>]: Check },
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new OptionError(`${owner}: options must be an object, such as {}; got ${JSON.stringify(options)}.`);
  }
  requireKnown(owner, options, Object.keys(checks) as (string & keyof T)[]);
  for (const [name, value] of Object.entries(options)) {
    const { expected, test } = checks[name as keyof T];
    if (value !== undefined && !test(value)) {
      throw new OptionError(`${owner}: ${name} must be ${expected}; got ${format(value)}.`);
    }
  }
}

/** Like JSON, but NaN and infinities keep their names. */
const format = (value: unknown): string => (typeof value === "number" ? `${value}` : JSON.stringify(value));
