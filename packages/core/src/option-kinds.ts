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
