// Lists of records as one list a key: a message moves a few buffers, where it would copy a hundred thousand objects.

/** A list of texts, each of which is there once. */
export interface Texts {
  readonly texts: readonly string[];
  /** Index of each one's text. */
  readonly at: Float64Array;
}

/** The values of a key of all records: numbers, truth values as 0 and 1, NaN where there is none; or texts. */
export type Columns<R> = {
  readonly [K in keyof R]-?: NonNullable<R[K]> extends string ? Texts : Float64Array;
};

/**
 * @param records all with the same keys
 * @param keys those to keep, and what their values are
 */
export function columnsOf<R extends object>(
  records: readonly R[],
  keys: { readonly [K in keyof R]-?: NonNullable<R[K]> extends string ? "text" : "number" },
): Columns<R> {
  const column = (key: keyof R) =>
    keys[key] === "text"
      ? textsOf(records.map((record) => String(record[key])))
      : Float64Array.from(records, (record) => Number(record[key] ?? Number.NaN));
  return Object.fromEntries(
    (Object.keys(keys) as (keyof R)[]).map((key) => [key, column(key)]),
  ) as Columns<R>;
}

function textsOf(list: readonly string[]): Texts {
  const places = new Map<string, number>();
  const at = Float64Array.from(list, (text) => {
    const place = places.get(text) ?? places.size;
    places.set(text, place);
    return place;
  });
  return { texts: [...places.keys()], at };
}

export const textAt = ({ texts, at }: Texts, k: number): string => texts[at[k]];

/** The buffers of a value's lists of numbers: those that a message moves. */
export function buffersIn(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(buffersIn) : [];
}
