import { DataError } from "../../errors.js";
import type { ColumnEncoding } from "./encoding.js";
import { isNumber, nameOfNumber } from "./numbers.js";

/** Most values of a column of text, each of which becomes an input. */
const mostValues = 1000;

/** What marks a value that is missing, besides null. */
const missingMarks = new Set(["", "NA", "N/A", "NaN", "nan", "null", "NULL", "?"]);

export const isMissing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  (typeof value === "number" && Number.isNaN(value)) ||
  (typeof value === "string" && missingMarks.has(value.trim()));

/** What is known of a column after some of its values. */
export class Column {
  isNumeric = true;
  private count = 0;
  private sum = 0;
  /** Sum of squared differences from the mean: B. P. Welford, Technometrics 4, 1962. */
  private squares = 0;
  private readonly seen = new Set<string>();

  constructor(readonly name: string) {}

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  get std(): number {
    return this.squares > 0 ? Math.sqrt(this.squares / this.count) : 1;
  }

  /** Different values in order: of numbers, of which 1 and 1.0 are one, or of the alphabet. */
  get values(): readonly string[] {
    return this.isNumeric
      ? [...new Set([...this.seen].map(nameOfNumber))].sort((a, b) => Number(a) - Number(b))
      : [...this.seen].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }

  /** @param isClasses whether numbers are classes, too */
  encoding(isClasses = false): ColumnEncoding {
    return this.isNumeric && !isClasses ? { mean: this.mean, std: this.std } : { values: this.values };
  }

  /** @throws DataError for text with too many values, such as names; for classes numbers count, too */
  requireFewValues(file: string, isClasses = false): void {
    if ((this.isNumeric && !isClasses) || this.seen.size <= mostValues) return;
    const examples = [...this.seen].slice(0, 3).join(", ");
    throw new DataError(
      `${file}: "${this.name}" has more than ${mostValues} values (${examples}, ...), too many for ${isClasses ? "classes" : "text"}. ${isClasses ? "Numbers are labels with classes: false." : "Choose the columns of the inputs: features."}`,
    );
  }

  note(value: unknown): void {
    if (isMissing(value)) return;
    const known = String(value).trim();
    if (this.seen.size <= mostValues) this.seen.add(known);
    if (!this.isNumeric) return;
    if (!isNumber(known)) {
      this.isNumeric = false;
      return;
    }
    const number = Number(known);
    const before = this.mean;
    this.count += 1;
    this.sum += number;
    this.squares += (number - before) * (number - this.mean);
  }
}
