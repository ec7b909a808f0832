import { describeValue, isPlainObject, OptionError } from "./errors.js";

/** What a value must be, as data: tools generate schemas and documents from it. */
export type KindSpec =
  | NumberSpec
  | { readonly type: "flag" }
  | { readonly type: "text"; readonly what: string }
  | { readonly type: "oneOf"; readonly values: readonly Literal[] }
  | {
      readonly type: "list";
      readonly item: Kind;
      readonly length?: number | undefined;
      readonly least: number;
    }
  | { readonly type: "anyOf"; readonly kinds: readonly Kind[] }
  | { readonly type: "nested"; readonly table: OptionTableData }
  | { readonly type: "record"; readonly fields: Readonly<Record<string, Kind>> }
  /** A function, a tree or another value that cannot be stored in a file. */
  | { readonly type: "inCode"; readonly what: string };

export type Literal = string | number | boolean;

/** A range of numbers; no range contains NaN. */
export interface NumberSpec {
  readonly type: "number";
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** An exclusive lower bound. */
  readonly above?: number | undefined;
  /** An exclusive upper bound. */
  readonly below?: number | undefined;
  readonly integer?: boolean | undefined;
  /** Whether Infinity is allowed. */
  readonly infinite?: boolean | undefined;
}

/** A table of options as data. */
export interface OptionTableData {
  /** Name of the function that takes the options, for messages. */
  readonly name: string;
  readonly rows: Readonly<Record<string, Row>>;
}

/**
 * A kind of value: its data, a phrase for messages ("a finite number >= 0") and a test. Bundlers pass a row the comment above it
 * as its summary (scripts/option-comments.js).
 */
export interface Kind<V = unknown> {
  readonly spec: KindSpec;
  readonly expected: string;
  test(value: unknown): value is V;
  /** The row of an option with a fixed default. */
  default(value: V, summary?: string): DefaultRow<V>;
  /** The row of an option whose default depends on other values; `words` describe the default. */
  otherwise(words: string, summary?: string): OptionalRow<V>;
  /** The row of an option that must be given. */
  required(summary?: string): RequiredRow<V>;
}

export interface OptionalRow<V = unknown> {
  readonly kind: Kind<V>;
  readonly summary?: string | undefined;
  readonly required: false;
  readonly default?: V | undefined;
  /** The value used when the option is left out, in words, for defaults that are not constants. */
  readonly otherwise?: string | undefined;
}

export interface DefaultRow<V = unknown> extends OptionalRow<V> {
  readonly default: V;
}

export interface RequiredRow<V = unknown> {
  readonly kind: Kind<V>;
  readonly summary?: string | undefined;
  readonly required: true;
}

/** One option of a table. */
export type Row<V = unknown> = OptionalRow<V> | RequiredRow<V>;

/** The rows that options `T` need: one for each property, of the property's type. */
export type OptionRows<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? OptionalRow<Exclude<T[K], undefined>>
    : RequiredRow<Exclude<T[K], undefined>>;
};

function kindOf<V>(spec: KindSpec, expected: string, test: (value: unknown) => boolean): Kind<V> {
  const kind: Kind<V> = {
    spec,
    expected,
    test: (value): value is V => test(value),
    default: (value, summary) => ({ kind, summary, required: false, default: value }),
    otherwise: (words, summary) => ({ kind, summary, required: false, otherwise: words }),
    required: (summary) => ({ kind, summary, required: true }),
  };
  return kind;
}

/** A number in a range. Both ends may be left out. */
export function number(range: Omit<NumberSpec, "type"> = {}): Kind<number> {
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity, integer, infinite } = range;
  return kindOf({ type: "number", ...range }, rangeText(range), (v) => {
    if (v === Infinity) return infinite === true;
    const isOfKind = integer ? Number.isSafeInteger(v) : Number.isFinite(v);
    const x = v as number;
    return isOfKind && x >= min && x <= max && (x > above || above === -Infinity) && x < below;
  });
}

function rangeText({ min, max, above, below, integer, infinite }: Omit<NumberSpec, "type">): string {
  const low = min ?? above;
  const high = max ?? below;
  const lower = low === undefined ? "" : ` ${min === undefined ? ">" : ">="} ${low}`;
  const upper = high === undefined ? "" : ` ${max === undefined ? "<" : "<="} ${high}`;
  const isInterval = low !== undefined && high !== undefined;
  const interval = ` in ${min === undefined ? "(" : "["}${low}, ${high}${max === undefined ? ")" : "]"}`;
  const noun = integer ? "an integer" : isInterval ? "a number" : "a finite number";
  return `${noun}${isInterval ? interval : lower + upper}${infinite ? ", or Infinity" : ""}`;
}

export const finite = number();
export const nonNegative = number({ min: 0 });
export const positive = number({ above: 0 });
/** Weight of the past in a running average, below 1: at 1 the average would never change. */
export const smoothing = number({ min: 0, below: 1 });
export const share = number({ min: 0, max: 1 });
/** An integer of at least `least`. */
export const integerFrom = (least: number): Kind<number> => number({ integer: true, min: least });

export const flag: Kind<boolean> = kindOf({ type: "flag" }, "true or false", (v) => typeof v === "boolean");

/** A string; messages describe it by `what`: "a path, such as conv1.weight". */
export const text = (what: string): Kind<string> =>
  kindOf({ type: "text", what }, what, (v) => typeof v === "string");

export function oneOf<const V extends Literal>(values: readonly V[]): Kind<V> {
  const expected = values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`;
  return kindOf({ type: "oneOf", values }, expected, (v) => values.includes(v as V));
}

/** A list of values of a kind; optionally of a given length or with a minimum length. */
export function listOf<V>(item: Kind<V>, size: { readonly length: 2 }): Kind<readonly [V, V]>;
export function listOf<V>(
  item: Kind<V>,
  size?: { readonly length?: number | undefined; readonly least?: number | undefined },
): Kind<readonly V[]>;
export function listOf<V>(
  item: Kind<V>,
  { length, least = 0 }: { readonly length?: number | undefined; readonly least?: number | undefined } = {},
): Kind<readonly V[]> {
  const count =
    length === undefined ? (least > 0 ? `a list of ${least} or more` : "a list") : `a list of ${length}`;
  return kindOf(
    { type: "list", item, least, ...(length === undefined ? {} : { length }) },
    `${count}, each ${item.expected}`,
    (v) =>
      Array.isArray(v) &&
      v.length === (length ?? v.length) &&
      v.length >= least &&
      v.every((element) => item.test(element)),
  );
}

/** A value of one of several kinds. */
export function anyOf<const K extends readonly Kind[]>(
  ...kinds: K
): Kind<K[number] extends Kind<infer V> ? V : never> {
  const expected = kinds.map((kind) => kind.expected).join(", or ");
  return kindOf({ type: "anyOf", kinds }, expected, (v) => kinds.some((kind) => kind.test(v)));
}

/** An object of options with its own table. The code that reads it with that table checks its contents. */
export function nested<T extends object>(table: {
  readonly name: string;
  readonly rows: OptionRows<T>;
}): Kind<T> {
  return kindOf({ type: "nested", table }, "an object of options", isObject);
}

/** A small object whose fields must all be given. */
export function record<F extends Readonly<Record<string, Kind>>>(
  fields: F,
): Kind<{ readonly [K in keyof F]: F[K] extends Kind<infer V> ? V : never }> {
  const names = Object.keys(fields);
  const expected = `{ ${names.map((name) => `${name}: ${fields[name].expected}`).join(", ")} }`;
  return kindOf(
    { type: "record", fields },
    expected,
    (v) =>
      isObject(v) &&
      Object.keys(v).length === names.length &&
      names.every((name) => Object.hasOwn(v, name) && fields[name].test(v[name as keyof typeof v])),
  );
}

/** A value that cannot be stored in a file, such as a function. */
export const inCode = <V>(what: string, test: (value: unknown) => boolean): Kind<V> =>
  kindOf({ type: "inCode", what }, what, test);

export const abortSignal: Kind<AbortSignal> = inCode(
  "the signal of an AbortController",
  (value) => value instanceof AbortSignal,
);

/** One value for all tasks, or a list with one value for each task. */
export function oneOrEach<V>(each: Kind<V>): Kind<V | readonly V[]> {
  const list = listOf(each, { least: 1 });
  return kindOf(
    { type: "anyOf", kinds: [each, list] },
    `${each.expected}, or a list with one for each task`,
    (v) => each.test(v) || list.test(v),
  );
}

export const isFunction = (value: unknown): boolean => typeof value === "function";

export const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

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
