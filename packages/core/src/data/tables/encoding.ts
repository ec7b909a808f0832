import { DataError } from "../../errors.js";

/** How the values of a column become numbers: text and classes by their places among the values, others as the numbers that they are. */
export type ColumnEncoding =
  | { readonly values: readonly string[] }
  | { readonly mean: number; readonly std: number };

/** A column whose encoding is known. */
export class EncodedColumn {
  readonly mean: number;
  readonly std: number;
  /** Left out of numbers. */
  readonly values: readonly string[] | undefined;
  private readonly index: ReadonlyMap<string, number>;
  /** Whether the values are numbers. */
  private readonly isOfNumbers: boolean;

  /** @param file for messages */
  constructor(
    readonly name: string,
    readonly encoding: ColumnEncoding,
    private readonly file: string,
  ) {
    this.values = "values" in encoding ? encoding.values : undefined;
    // An input for a value of text is not standardized.
    [this.mean, this.std] = "values" in encoding ? [0, 1] : [encoding.mean, encoding.std];
    this.isOfNumbers = this.values?.every(isNumber) ?? true;
    this.index = new Map(this.values?.map((value, i) => [this.keyOf(value), i]));
  }

  /** Number of inputs that it becomes. */
  get width(): number {
    return this.values?.length ?? 1;
  }

  /** Whether it has a place for a value. */
  has(value: unknown): boolean {
    if (this.values !== undefined) return this.index.has(this.keyOf(value));
    return typeof value !== "string" || isNumber(value.trim());
  }

  private keyOf(value: unknown): string {
    const known = String(value).trim();
    return this.isOfNumbers && isNumber(known) ? nameOfNumber(known) : known;
  }

  /** @param place of the row, for the message. @throws DataError for a value that has none */
  indexOf(value: unknown, place: string): number {
    const found = this.index.get(this.keyOf(value));
    if (found !== undefined) return found;
    throw new DataError(
      `${this.file}: ${place} has the value "${String(value)}" of "${this.name}", which was not there before: has the file changed?`,
    );
  }

  /** @param place of the row, for the message. @throws DataError for a value that is no finite number of float32 */
  numberOf(value: unknown, place: string): number {
    const number = typeof value === "string" ? Number(value.trim()) : Number(value);
    if (Number.isFinite(Math.fround(number))) return number;
    throw new DataError(
      `${this.file}: ${place} has no finite number of float32 in "${this.name}", but "${String(value)}".`,
    );
  }
}

// Numbers as the text of a table has them.

export const isNumber = (text: string): boolean => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text);

/** Whether it is an integer such as 01067, which may be a code. */
export const hasLeadingZero = (text: string): boolean => /^0\d+$/.test(text);

/** One name for 1 and 1.0; numbers that doubles do not tell apart, and codes such as 01, keep theirs. */
export function nameOfNumber(text: string): string {
  const number = Number(text);
  if (hasLeadingZero(text)) return text;
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? String(number) : text;
}
