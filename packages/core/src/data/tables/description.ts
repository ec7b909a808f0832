import { DataError } from "../../errors.js";
import { Column, missingTest, type PlacedValue } from "./columns.js";
import { isRow, requireColumns, requireDifferent, type TableOptions, type TableSource } from "./table.js";

/** A column of a table. */
export interface TableColumn {
  readonly name: string;
  /** Whether all values that are there are numbers. */
  readonly isNumber: boolean;
  /** Different values in order, of numbers as of text; where there are more than 1000, some of them. */
  readonly values: readonly string[];
  /** Number of values that are missing: empty, NA, NaN, null, ? and the like, and words that are said to mark such. */
  readonly missing: number;
  /** True where the column numbers the rows: 0, 1, 2, ... or 1, 2, 3, ... in their order, none missing, but for copies of earlier rows; else left out. */
  readonly numbersRows?: true | undefined;
  /** The first value that is no number, where at least 90 % are, or would be without commas, or an integer with leading zeros among numbers: a table with such a column is opened only once it is said what that is. */
  readonly oddValue?: PlacedValue | undefined;
}

/** What a table holds. */
export interface TableDescription {
  /** Number of rows, without those that lack a column that is required. */
  readonly length: number;
  /** Number of these that are equal to an earlier one, among so many as have 100,000 different ones. */
  readonly repeated: number;
  readonly columns: readonly TableColumn[];
}

/** Most different rows that are kept to find equal ones. */
const mostRows = 100_000;

/** Reads a table once, without the rows that lack a column that is required. @throws DataError for one without rows, and for columns that are not there */
export async function describeTable(
  { name: file, read }: TableSource,
  { missingWords, text, required }: Required<Pick<TableOptions, "missingWords" | "text" | "required">>,
): Promise<TableDescription> {
  const isMissing = missingTest(missingWords);
  let columns: readonly Column[] = [];
  let missing: number[] = [];
  let requiredAt: readonly number[] = [];
  let length = 0;
  let repeated = 0;
  const rows = new Set<string>();
  for await (const row of read()) {
    if (!isRow(row)) {
      requireDifferent(file, row);
      requireColumns(file, [...text, ...required], row);
      requiredAt = required.map((name) => row.indexOf(name));
      columns = row.map((name) => new Column(name, text.includes(name)));
      missing = columns.map(() => 0);
      continue;
    }
    if (requiredAt.some((at) => isMissing(row.values[at]))) continue;
    length += 1;
    const key = JSON.stringify(row.values.map((value) => String(value).trim()));
    const isCopy = rows.has(key);
    if (isCopy) repeated += 1;
    else if (rows.size < mostRows) rows.add(key);
    for (const [i, column] of columns.entries()) {
      const value = row.values[i];
      if (isMissing(value)) missing[i] += 1;
      else column.note(value, row.place, { isCopy });
    }
  }
  if (length === 0) throw new DataError(`${file}: the table has no rows.`);
  return {
    length,
    repeated,
    columns: columns.map((column, i) => ({
      name: column.name,
      isNumber: column.isNumeric && missing[i] < length,
      values: column.values,
      missing: missing[i],
      ...(column.isCounted && missing[i] === 0 ? { numbersRows: true as const } : {}),
      ...(column.oddValue ? { oddValue: column.oddValue } : {}),
    })),
  };
}
