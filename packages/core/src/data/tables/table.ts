import { DataError } from "../../errors.js";
import { anyOf, flag, listOf, oneOf, text } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import type { Dataset } from "../dataset.js";
import type { DataStream } from "../stream.js";
import { Column, isMissing } from "./columns.js";

/** A row of a table. */
export interface TableRow {
  readonly values: readonly unknown[];
  /** Where it is, for messages: line 7. */
  readonly place: string;
}

/** A table that can be read again and again. */
export interface TableSource {
  /** The file, for messages. */
  readonly name: string;
  /** The names of the columns, and then the rows. */
  read(): AsyncIterable<readonly string[] | TableRow>;
}

export interface TableOptions {
  /** The column of labels, or several columns of numbers. */
  readonly label: string | readonly string[];
  /** Columns of the inputs, in this order; default all others. */
  readonly features?: readonly string[] | undefined;
  /** Whether the label is one of a few classes: int64 [n], by default where it is text. Else numbers: float32 [n, columns]. */
  readonly classes?: boolean | undefined;
  /**
   * What becomes of values that are missing (empty, NA, NaN, null or ?): an error, the column's mean (of text: none of its values), or the
   * row is left out; default refuse.
   */
  readonly missing?: "refuse" | "mean" | "drop" | undefined;
}

export const tableRows = {
  label: anyOf(text("the name of a column"), listOf(text("the name of a column"), { least: 1 })).required(),
  features: listOf(text("the name of a column"), { least: 1 }).otherwise("all others"),
  classes: flag.otherwise("whether the label is text"),
  missing: oneOf(["refuse", "mean", "drop"]).default("refuse"),
} satisfies OptionRows<TableOptions>;

const tableOptions = optionTable("table", { ...tableRows } satisfies OptionRows<TableOptions>);

/** A table as data for a trainer. */
export interface TableData {
  /** In the table's order: inputs float32 [n, features], labels int64 [n] or float32 [n, columns]. */
  readonly stream: DataStream<Dataset> & { readonly length: number };
  /** Names of the inputs: a column of numbers, or `color=red` for each value of one of text. */
  readonly features: readonly string[];
  /** Names of the classes in the order of their numbers; left out for numbers. */
  readonly classes?: readonly string[] | undefined;
  /** Means of the inputs, and standard deviations, 1 where an input is constant; of text 0 and 1: for `normalize`. */
  readonly means: readonly number[];
  readonly stds: readonly number[];
}

/** Rows of a part of the stream. */
const partSize = 1024;

/**
 * Reads a table once, to find the types of its columns, and makes a stream of it.
 *
 * @throws DataError for columns that are not there, values that are missing, and labels that do not fit
 */
export async function tableData(source: TableSource, options: TableOptions): Promise<TableData> {
  const { label, features: chosen, classes: asClasses, missing } = tableOptions.read(options);
  const labels = [label].flat();
  const wrong = (message: string) => new DataError(`${source.name}: ${message}`);
  let names: readonly string[] = [];
  let places: { readonly inputs: readonly Place[]; readonly labels: readonly Place[] } | undefined;
  let length = 0;

  /** Whether a row is to be left out. @throws DataError for a value that is missing and must not be */
  const isDropped = ({ values, place }: TableRow, all: typeof places): boolean => {
    for (const { at, column } of [...(all?.inputs ?? []), ...(all?.labels ?? [])]) {
      if (!isMissing(values[at])) continue;
      if (missing === "drop") return true;
      if (missing === "mean" && !labels.includes(column.name)) continue;
      throw wrong(
        `${place} has no value of "${column.name}". ${labels.includes(column.name) ? 'Leave such rows out: missing: "drop".' : 'Fill it in, missing: "mean", or leave such rows out, missing: "drop".'}`,
      );
    }
    return false;
  };

  for await (const row of source.read()) {
    if (!isRow(row)) {
      names = row;
      const twice = names.find((name, i) => names.indexOf(name) < i);
      if (twice !== undefined) throw wrong(`two columns have the name "${twice}".`);
      const placeOf = (name: string): Place => {
        if (names.includes(name)) return { at: names.indexOf(name), column: new Column(name) };
        throw wrong(`there is no column "${name}"; the columns are ${names.join(", ")}.`);
      };
      const inputs = chosen ?? names.filter((name) => !labels.includes(name));
      const chosenTwice = [...inputs, ...labels].find((name, i, all) => all.indexOf(name) < i);
      if (chosenTwice !== undefined) {
        throw wrong(`the column "${chosenTwice}" is chosen twice among the features and labels.`);
      }
      places = { inputs: inputs.map(placeOf), labels: labels.map(placeOf) };
      if (inputs.length === 0) throw wrong(`there is no column besides the label "${labels.join(", ")}".`);
      continue;
    }
    if (isDropped(row, places)) continue;
    length += 1;
    for (const { at, column } of [...(places?.inputs ?? []), ...(places?.labels ?? [])]) {
      column.note(row.values[at]);
    }
  }
  if (places === undefined || length === 0) throw wrong("the table has no rows.");
  const { inputs, labels: targets } = places;
  for (const { column } of inputs) column.requireFewValues(source.name);
  const [target] = targets;
  const isClasses = asClasses ?? !target.column.isNumeric;
  const bad = targets.find(({ column }) => !isClasses && !column.isNumeric);
  if (bad || (isClasses && targets.length > 1)) {
    throw wrong(`the labels ${labels.join(", ")} must be columns of numbers, or one column of classes.`);
  }
  if (isClasses) target.column.requireFewValues(source.name, true);
  const width = inputs.reduce((sum, { column }) => sum + column.width, 0);

  const encode = (rows: readonly TableRow[]): Dataset => {
    const x = new Float32Array(rows.length * width);
    let at = 0;
    for (const { values, place } of rows) {
      for (const input of inputs) {
        const { column } = input;
        const value = values[input.at];
        if (column.isNumeric)
          x[at] = isMissing(value) ? column.mean : numberOf(source.name, column, value, place);
        else if (!isMissing(value)) x[at + indexOf(source.name, column, value, place)] = 1;
        at += column.width;
      }
    }
    const count = rows.length;
    if (isClasses) {
      const data = BigInt64Array.from(rows, ({ values, place }) =>
        BigInt(indexOf(source.name, target.column, values[target.at], place)),
      );
      return { inputs: { shape: [count, width], data: x }, labels: { shape: [count], data } };
    }
    const data = Float32Array.from(
      rows.flatMap(({ values, place }) =>
        targets.map(({ at: t, column }) => numberOf(source.name, column, values[t], place)),
      ),
    );
    return { inputs: { shape: [count, width], data: x }, labels: { shape: [count, targets.length], data } };
  };

  const all = places;
  return {
    stream: {
      length,
      async *batches() {
        let rows: TableRow[] = [];
        for await (const row of source.read()) {
          if (!isRow(row) || isDropped(row, all)) continue;
          rows.push(row);
          if (rows.length < partSize) continue;
          yield encode(rows);
          rows = [];
        }
        if (rows.length > 0) yield encode(rows);
      },
    },
    features: inputs.flatMap(({ column }) =>
      column.isNumeric ? [column.name] : column.values.map((value) => `${column.name}=${value}`),
    ),
    ...(isClasses ? { classes: target.column.values } : {}),
    means: inputs.flatMap(({ column }) => (column.isNumeric ? [column.mean] : column.values.map(() => 0))),
    stds: inputs.flatMap(({ column }) => (column.isNumeric ? [column.std] : column.values.map(() => 1))),
  };
}

/** Whether it is a row, and not the names of the columns. */
export const isRow = (row: readonly string[] | TableRow): row is TableRow => !Array.isArray(row);

interface Place {
  readonly at: number;
  readonly column: Column;
}

function indexOf(file: string, column: Column, value: unknown, place: string): number {
  const found = column.index.get(String(value).trim());
  if (found !== undefined) return found;
  throw new DataError(
    `${file}: ${place} has the value "${String(value)}" of "${column.name}", which was not there before: has the file changed?`,
  );
}

function numberOf(file: string, { name }: Column, value: unknown, place: string): number {
  const number = typeof value === "string" ? Number(value.trim()) : Number(value);
  if (Number.isFinite(Math.fround(number))) return number;
  throw new DataError(
    `${file}: ${place} has no finite number of float32 in "${name}", but "${String(value)}".`,
  );
}
