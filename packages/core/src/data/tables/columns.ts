import { DataError } from "../../errors.js";
import { type ColumnEncoding, hasLeadingZero, isNumber, nameOfNumber } from "./encoding.js";

/** Most values of a column of text, each of which becomes an input. */
const mostValues = 1000;

/** What marks a value that is missing, besides null: what pandas reads as such, and ?. */
const missingMarks = new Set([
  ...["", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "null", "NULL", "None"],
  ...["NaN", "nan", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"],
]);

/** @param words that mark a missing value, too */
export function missingTest(words: readonly string[]): (value: unknown) => boolean {
  const marks = new Set([...missingMarks, ...words.map((word) => word.trim())]);
  return (value) =>
    value === null ||
    value === undefined ||
    (typeof value === "number" && Number.isNaN(value)) ||
    (typeof value === "string" && marks.has(value.trim()));
}

/** Where at least this part of the values of a column are numbers, the others are taken for mistakes. */
const leastNumbers = 0.9;

/** Integers of more values are a quantity rather than classes, where most rows have their own. */
const mostClasses = 20;

/**
 * @param where the file, for the message
 * @param column what is taken for classes: its different values, in order, and how many rows have one; `leave`: what not to say of it
 * @throws DataError where most rows have a value of their own, and it is a quantity rather than a class
 */
export function requireClasses(
  where: string,
  {
    name,
    values,
    areNumbers,
    count,
    leave = "classes: true out",
  }: {
    readonly name: string;
    readonly values: readonly string[];
    readonly areNumbers: boolean;
    readonly count: number;
    readonly leave?: string;
  },
): void {
  const isMany =
    values.length > mostClasses || (areNumbers && !values.every((v) => Number.isInteger(Number(v))));
  if (!isMany || values.length <= count / 2) return;
  const size = values.length > mostValues ? `more than ${mostValues}` : values.length;
  const [first] = values;
  const [what, how] = areNumbers
    ? [
        `numbers in ${count} rows, such as ${first}`,
        `To predict numbers leave ${leave}; if they are codes of classes`,
      ]
    : [
        `texts in ${count} rows, such as ${JSON.stringify(first)}`,
        "Write numbers without other marks: 1000.5. If they are classes",
      ];
  throw new DataError(
    `${where}: "${name}" has ${size} different ${what}: too few rows of each for classes. ${how}: text: [${JSON.stringify(name)}].`,
  );
}

/** Whether it would be a number without decimal commas, or commas between thousands. */
const hasComma = (text: string): boolean => text.includes(",") && isNumber(text.replaceAll(",", ""));

/** A value, and the place of its row. */
export interface PlacedValue {
  readonly value: string;
  readonly place: string;
}

/** What is known of a column after some of its values, without those that are missing. */
export class Column {
  private count = 0;
  /** Number of values that are no numbers. */
  private texts = 0;
  private firstText: PlacedValue | undefined;
  /** Number of these that are numbers but for commas, and the first of them. */
  private commas = 0;
  private firstComma: PlacedValue | undefined;
  private sum = 0;
  /** Sum of squared differences from the mean: B. P. Welford, Technometrics 4, 1962. */
  private squares = 0;
  private readonly seen = new Set<string>();
  /** The first integer with a zero before it, such as a postal code, whose value as a number is another. */
  private firstZero: PlacedValue | undefined;
  /** Its number in the first row, as long as each further row that is no copy has the next number. */
  private countsFrom: number | undefined;
  /** Number of rows that are no copies, and have a number. */
  private counted = 0;

  /** @param isText whether its values are text, also those that are numbers */
  constructor(
    readonly name: string,
    private readonly isText = false,
  ) {}

  get isNumeric(): boolean {
    return this.texts === 0 && !this.isText;
  }

  /** The first value that is no number, where nearly all are, or would be without commas; else the first with leading zeros. */
  get oddValue(): PlacedValue | undefined {
    return !this.isText && this.count + this.commas >= leastNumbers * (this.count + this.texts)
      ? (this.firstComma ?? this.firstText ?? this.firstZero)
      : undefined;
  }

  /** Whether the values are 0, 1, 2, ... or 1, 2, 3, ... in their order. */
  get isCounted(): boolean {
    return this.texts === 0 && (this.countsFrom === 0 || this.countsFrom === 1);
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  get std(): number {
    return this.squares > 0 ? Math.sqrt(this.squares / this.count) : 1;
  }

  /** Different values in order: of numbers, of which 1 and 1.0 are one, or of the alphabet. */
  get values(): readonly string[] {
    return this.texts === 0
      ? [...new Set([...this.seen].map(nameOfNumber))].sort((a, b) => Number(a) - Number(b))
      : [...this.seen].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  /** @param isClasses whether numbers are classes, too */
  encoding(isClasses = false): ColumnEncoding {
    return this.isNumeric && !isClasses ? { mean: this.mean, std: this.std } : { values: this.values };
  }

  /** @throws DataError for text with too many values, such as names; for classes numbers count, too, and neither they nor text may be a quantity */
  requireFewValues(file: string, isClasses = false): void {
    if (this.isNumeric && !isClasses) return;
    if (isClasses && !this.isText) {
      const { name, values, texts, count } = this;
      requireClasses(file, { name, values, areNumbers: texts === 0, count: count + texts });
    }
    if (this.seen.size <= mostValues) return;
    const examples = [...this.seen].slice(0, 3).join(", ");
    throw new DataError(
      `${file}: "${this.name}" has more than ${mostValues} values (${examples}, ...), too many for ${isClasses ? "classes" : "text"}. ${isClasses ? "Numbers are labels with classes: false." : "Choose the columns of the inputs: features."}`,
    );
  }

  /** @throws DataError where nearly all values are numbers: one odd cell would make an input of each number */
  requireOneKind(file: string): void {
    const { oddValue: odd } = this;
    if (odd === undefined) return;
    if (odd === this.firstComma) {
      throw new DataError(
        `${file}: ${odd.place} has ${JSON.stringify(odd.value)} in "${this.name}", a number with a comma. Write numbers with a decimal point, without other marks: 3.14. If the column is text: text: [${JSON.stringify(this.name)}].`,
      );
    }
    if (odd === this.firstZero) {
      throw new DataError(
        `${file}: ${odd.place} has ${JSON.stringify(odd.value)} in "${this.name}", an integer with leading zeros, which a number has not. If these are codes: text: [${JSON.stringify(this.name)}]. Else write them without these zeros.`,
      );
    }
    throw new DataError(
      `${file}: ${odd.place} has ${JSON.stringify(odd.value)} in "${this.name}", where ${this.count} of ${this.count + this.texts} values are numbers. Correct it. If it marks a missing value: missingWords: [${JSON.stringify(odd.value)}]. If the column is text: text: [${JSON.stringify(this.name)}].`,
    );
  }

  /**
   * @param value that is there
   * @param options `isCopy`: whether the whole row is equal to an earlier one
   */
  note(value: unknown, place: string, { isCopy = false }: { readonly isCopy?: boolean } = {}): void {
    const known = String(value).trim();
    if (this.seen.size <= mostValues) this.seen.add(known);
    if (!isNumber(known)) {
      this.texts += 1;
      this.firstText ??= { value: known, place };
      if (hasComma(known)) {
        this.commas += 1;
        this.firstComma ??= { value: known, place };
      }
      return;
    }
    if (hasLeadingZero(known)) this.firstZero ??= { value: known, place };
    const number = Number(known);
    if (this.count === 0) this.countsFrom = number;
    else if (!isCopy && this.countsFrom !== number - this.counted) this.countsFrom = undefined;
    if (!isCopy) this.counted += 1;
    const before = this.mean;
    this.count += 1;
    this.sum += number;
    this.squares += (number - before) * (number - this.mean);
  }
}
