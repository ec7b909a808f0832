import { DataError } from "../../errors.js";
import {
  anyOf,
  flag,
  inCode,
  isObject,
  listOf,
  type OptionsOf,
  oneOf,
  optionTable,
  text,
} from "../../options.js";
import type { Dataset } from "../dataset.js";
import type { DataStream } from "../stream.js";
import { Column, missingTest } from "./columns.js";
import { type ColumnEncoding, EncodedColumn } from "./encoding.js";

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

export interface TableOptions extends OptionsOf<typeof tableOptions> {}

const isEncoding = (value: unknown): boolean =>
  isObject(value) &&
  ("values" in value
    ? Array.isArray(value.values) && value.values.every((v) => typeof v === "string")
    : "mean" in value && Number.isFinite(value.mean) && "std" in value && Number.isFinite(value.std));

export const tableRows = {
  /** The column of labels, or several columns of numbers; false: none, of examples that are to be predicted. Rows without a label are left out. */
  label: anyOf(
    text("the name of a column"),
    listOf(text("the name of a column"), { least: 1 }),
    oneOf([false]),
  ).required(),
  /** Columns of the inputs, in this order; default all others. */
  features: listOf(text("the name of a column"), { least: 1 }).otherwise("all others"),
  /** Whether the label is one of a few classes: int64 [n], by default where it is text. Else numbers: float32 [n, columns]. */
  classes: flag.otherwise("whether the label is text"),
  /**
   * What becomes of values that are missing (empty, NA, NaN, null, ? and the like): an error, the mean of the training part, or the row is left out; default
   * refuse. With mean such a number is NaN until `standardization(train, { missing: "mean" })` knows that part; such a text is none of its values.
   */
  missing: oneOf(["refuse", "mean", "drop"]).default("refuse"),
  /** Words that mark a missing value, too, such as unknown; default none besides those of `missing`. */
  missingWords: listOf(text("a word")).default([]),
  /** Columns without which a row is left out, whatever `missing` says; default the labels. */
  required: listOf(text("the name of a column")).otherwise("the labels"),
  /**
   * Columns that are text, also where they hold numbers, such as codes; default none. Others are text where less than 90 % of their values are numbers;
   * from 90 % on, text in them is an error, and so are integers with leading zeros, such as 01067.
   */
  text: listOf(text("the name of a column")).default([]),
  /** Encodings of the columns, from {@link TableData.options} of another table; default found in this one. */
  columns: inCode<Readonly<Record<string, ColumnEncoding>>>(
    "columns as the options of an opened table have them",
    (value) => isObject(value) && Object.values(value).every(isEncoding),
  ).otherwise("found in the table"),
};

const tableOptions = optionTable("table", tableRows);

/** A table of examples without labels. */
export interface TableInputs {
  /** In the table's order: inputs float32 [n, features]. */
  readonly stream: DataStream<Pick<Dataset, "inputs">> & { readonly length: number };
  /** Names of the inputs: a column of numbers, or `color=red` for each value of one of text. */
  readonly features: readonly string[];
  /** Whether an input is a column of numbers, and not 0 or 1 for a value of text: for `standardization`. */
  readonly isNumber: readonly boolean[];
  /**
   * Means of the inputs, and standard deviations, 1 where an input is constant; of text 0 and 1: for `normalize`, or where gaps get the mean
   * `standardize(part, { inputs: { means, stds }, gaps: means })`. They are of all rows: of a table that is divided take `standardization(train)`.
   */
  readonly means: readonly number[];
  readonly stds: readonly number[];
  /** Number of rows that are left out as they have no label, or no value of another column that is required. */
  readonly unlabeled: number;
  /** Columns of text with cells whose values the given columns do not have: how many cells, and the first of the values. */
  readonly unknown: readonly { readonly column: string; readonly cells: number; readonly value: string }[];
}

/** A table as data for a trainer. */
export interface TableData<Options = TableOptions> extends TableInputs {
  /** In the table's order: inputs float32 [n, features], labels int64 [n] or float32 [n, columns]. */
  readonly stream: DataStream<Dataset> & { readonly length: number };
  /** Names of the classes in the order of their numbers; left out for numbers. */
  readonly classes?: readonly string[] | undefined;
  /**
   * What reads another table into the same inputs and classes, such as one of examples for a test; plain data, which JSON holds. A value of text that this
   * table has not counts as missing there, and is counted in `unknown`; text in a column of numbers is an error there, too.
   */
  readonly options: Options;
}

/** Rows of a part of the stream. */
const partSize = 1024;

/** The table that options open. */
export type TableOf<O extends TableOptions, All extends TableOptions> = O extends { readonly label: false }
  ? TableInputs
  : TableData<All>;

/**
 * Reads a table once, to find the types of its columns, and makes a stream of it.
 *
 * @returns without labels where the option `label` is false
 * @throws DataError for columns that are not there, values that are missing, and labels that do not fit
 */
export async function tableData(
  source: TableSource,
  options: TableOptions,
): Promise<TableInputs & Pick<TableData, "classes" | "options">> {
  const { classes, missingWords, ...settings } = tableOptions.read(options);
  const labels = labelsIn(settings.label);
  const rules: Rules = {
    ...settings,
    required: settings.required ?? labels,
    file: source.name,
    labels,
    isMissing: missingTest(missingWords),
  };
  const { layout, length, unlabeled, unknown } = await survey(source, rules);
  const isClasses = checkKinds(layout, rules, classes);
  const readers = layout.inputs.map((place) => readerOf(place, rules, false));
  const targets = layout.targets.map((place) => readerOf(place, rules, isClasses));
  const columns = readers.map(({ column }) => column);
  const encode = encoder({
    inputs: readers,
    targets,
    isClasses,
    isMissing: rules.isMissing,
    isGiven: rules.columns !== undefined,
  });
  return {
    stream: {
      length,
      async *batches() {
        let rows: TableRow[] = [];
        for await (const row of source.read()) {
          if (!isRow(row) || isDropped(row, layout, rules)) continue;
          rows.push(row);
          if (rows.length < partSize) continue;
          yield encode(rows);
          rows = [];
        }
        if (rows.length > 0) yield encode(rows);
      },
    },
    features: columns.flatMap(({ name, values }) => values?.map((value) => `${name}=${value}`) ?? name),
    isNumber: columns.flatMap(({ values }) => values?.map(() => false) ?? true),
    ...(isClasses ? { classes: targets[0].column.values } : {}),
    means: columns.flatMap(({ mean, values }) => values?.map(() => mean) ?? mean),
    stds: columns.flatMap(({ std, values }) => values?.map(() => std) ?? std),
    unlabeled,
    unknown,
    options: {
      label: settings.label,
      features: columns.map(({ name }) => name),
      classes: isClasses,
      missing: settings.missing,
      ...(missingWords.length === 0 ? {} : { missingWords }),
      columns: Object.fromEntries(
        [...readers, ...targets].map(({ column }) => [column.name, column.encoding]),
      ),
    },
  };
}

/** The options of a table, by which its rows are judged. */
interface Rules extends Required<Pick<TableOptions, "label" | "missing" | "text" | "required">> {
  readonly features?: readonly string[] | undefined;
  readonly columns?: Readonly<Record<string, ColumnEncoding>> | undefined;
  readonly file: string;
  readonly labels: readonly string[];
  isMissing(value: unknown): boolean;
}

/** A column of the table, and where it stands in a row. */
interface Place {
  readonly at: number;
  readonly column: Column;
  /** Where its encoding was given. */
  readonly known: EncodedColumn | undefined;
}

/** The columns that are read. */
interface Layout {
  readonly inputs: readonly Place[];
  readonly targets: readonly Place[];
  /** Where the columns stand without which a row is left out. */
  readonly requiredAt: readonly number[];
}

const wrong = ({ file }: Rules, message: string) => new DataError(`${file}: ${message}`);

/** Finds the columns that the rules ask for among the names of a table's columns. */
function layoutOf(names: readonly string[], rules: Rules): Layout {
  const { file, label, labels, required, features, text: texts, columns: given } = rules;
  const placeOf = (name: string): Place => {
    if (given && !Object.hasOwn(given, name)) {
      throw wrong(rules, `the given columns have no "${name}", but ${Object.keys(given).join(", ")}.`);
    }
    const known = given && new EncodedColumn(name, given[name], file);
    return { at: names.indexOf(name), column: new Column(name, texts.includes(name)), known };
  };
  requireDifferent(file, names);
  const inputs = features ?? names.filter((name) => !labels.includes(name));
  requireColumns(file, inputs, names);
  const inputPlaces = inputs.map(placeOf);
  requireColumns(file, labels, names);
  const targetPlaces = labels.map(placeOf);
  const chosen = [...inputs, ...labels];
  const twice = chosen.find((name, i) => chosen.indexOf(name) < i);
  if (twice !== undefined) {
    throw wrong(rules, `the column "${twice}" is chosen twice among the features and labels.`);
  }
  requireColumns(file, [...texts, ...required], chosen);
  if (inputs.length === 0) {
    throw wrong(
      rules,
      label === false
        ? "there is no column."
        : `there is no column besides the label "${labels.join(", ")}".`,
    );
  }
  return {
    inputs: inputPlaces,
    targets: targetPlaces,
    requiredAt: required.map((name) => names.indexOf(name)),
  };
}

/** Whether a row has no value of a column that is required. */
const lacksOne = ({ values }: TableRow, { requiredAt }: Layout, { isMissing }: Rules): boolean =>
  requiredAt.some((at) => isMissing(values[at]));

/** Whether a row is to be left out. @throws DataError for a value that is missing and must not be, and for text among numbers */
function isDropped(row: TableRow, layout: Layout, rules: Rules): boolean {
  const { label, labels, missing, columns: given, isMissing } = rules;
  const { values, place } = row;
  if (lacksOne(row, layout, rules)) return true;
  for (const { at, column, known } of [...layout.inputs, ...layout.targets]) {
    const isGone = isMissing(values[at]);
    if (!isGone && (known?.has(values[at]) ?? true)) continue;
    if (!isGone && known?.values === undefined) {
      const value = JSON.stringify(values[at]);
      throw wrong(
        rules,
        `${place} has ${value} in "${column.name}", which is not a number. Correct it. If it marks a missing value: leave the cell empty, or train with missingWords: [${value}].`,
      );
    }
    if (missing === "drop") return true;
    const isLabel = labels.includes(column.name);
    if (missing !== "refuse" && !isLabel) continue;
    throw wrong(
      rules,
      (isGone
        ? `${place} has no value of "${column.name}". `
        : `${place} has the value "${String(values[at])}" of "${column.name}", which the given columns do not have${expectedText(known?.values)}. `) +
        (isLabel
          ? 'Leave such rows out: missing: "drop".'
          : given && label === false
            ? `${isGone ? "Fill it in" : "Correct it"} in the file, or train with missing: "mean".`
            : 'Fill it in, missing: "mean", or leave such rows out, missing: "drop".'),
    );
  }
  return false;
}

/** Values that are named in a message. */
const SHOWN = 8;

/** The values that a column has, as the end of a sentence. */
function expectedText(values: readonly string[] = []): string {
  const more = values.length > SHOWN ? `, and ${values.length - SHOWN} more` : "";
  return `: expected one of ${values.slice(0, SHOWN).join(", ")}${more}`;
}

interface Survey extends Pick<TableInputs, "unlabeled" | "unknown"> {
  readonly layout: Layout;
  /** Number of rows that are not left out. */
  readonly length: number;
}

/** Reads a table once: its columns note their values. */
async function survey(source: TableSource, rules: Rules): Promise<Survey> {
  let layout: Layout = { inputs: [], targets: [], requiredAt: [] };
  let [length, dropped, unlabeled] = [0, 0, 0];
  const unknown = new Map<string, { readonly cells: number; readonly value: string }>();
  for await (const row of source.read()) {
    if (!isRow(row)) {
      layout = layoutOf(row, rules);
      continue;
    }
    if (isDropped(row, layout, rules)) {
      dropped += 1;
      if (lacksOne(row, layout, rules)) unlabeled += 1;
      continue;
    }
    length += 1;
    for (const { at, column, known } of [...layout.inputs, ...layout.targets]) {
      const value = row.values[at];
      if (rules.isMissing(value)) continue;
      column.note(value, row.place);
      if (known?.has(value) ?? true) continue;
      const before = unknown.get(column.name) ?? { cells: 0, value: String(value) };
      unknown.set(column.name, { ...before, cells: before.cells + 1 });
    }
  }
  if (length === 0) {
    throw wrong(
      rules,
      dropped === 0
        ? "the table has no rows."
        : unlabeled === dropped
          ? `none of its ${dropped} rows has a value of ${rules.required.map((name) => `"${name}"`).join(", ")}.`
          : `each of its ${dropped} rows lacks a value, or has one that the given columns do not have: none is left.`,
    );
  }
  const found = Array.from(unknown, ([column, cells]) => ({ column, ...cells }));
  return { layout, length, unlabeled, unknown: found };
}

/**
 * Whether the label is one of a few classes.
 *
 * @param classes whether it must be; undefined: if it is text
 * @throws DataError for columns of numbers and text, and for labels that do not fit
 */
function checkKinds({ inputs, targets }: Layout, rules: Rules, classes: boolean | undefined): boolean {
  for (const { column, known } of [...inputs, ...(classes ? [] : targets)]) {
    if (!known) column.requireOneKind(rules.file);
  }
  const isOfNumbers = ({ column, known }: Place) => (known ? known.values === undefined : column.isNumeric);
  const target = targets.at(0);
  const isClasses = target !== undefined && (classes ?? !isOfNumbers(target));
  if (isClasses && target.known && isOfNumbers(target)) {
    throw wrong(
      rules,
      `the given columns have numbers for "${target.column.name}", not classes: leave classes out.`,
    );
  }
  if (isClasses ? targets.length > 1 : !targets.every(isOfNumbers)) {
    throw wrong(
      rules,
      `the labels ${rules.labels.join(", ")} must be columns of numbers, or one column of classes. An experiment learns others as several tasks: kind: multi-task, problem: { name: columns, data }.`,
    );
  }
  return isClasses;
}

interface Reader {
  readonly at: number;
  readonly column: EncodedColumn;
}

function readerOf({ at, column, known }: Place, { file }: Rules, isClass: boolean): Reader {
  if (!known) column.requireFewValues(file, isClass);
  return { at, column: known ?? new EncodedColumn(column.name, column.encoding(isClass), file) };
}

/** Makes arrays of rows that are not dropped. */
function encoder({
  inputs,
  targets,
  isClasses,
  isMissing,
  isGiven,
}: {
  readonly inputs: readonly Reader[];
  readonly targets: readonly Reader[];
  readonly isClasses: boolean;
  isMissing(value: unknown): boolean;
  /** Whether the encodings are another table's: a value that they do not have is missing. */
  readonly isGiven: boolean;
}): (rows: readonly TableRow[]) => Pick<Dataset, "inputs"> & Partial<Dataset> {
  const width = inputs.reduce((sum, { column }) => sum + column.width, 0);
  const [target] = targets;
  return (rows) => {
    const count = rows.length;
    const x = new Float32Array(count * width);
    let start = 0;
    for (const { values, place } of rows) {
      for (const { at, column } of inputs) {
        const value = values[at];
        const isThere = !isMissing(value) && (!isGiven || column.has(value));
        if (column.values !== undefined) {
          if (isThere) x[start + column.indexOf(value, place)] = 1;
        } else x[start] = isThere ? column.numberOf(value, place) : Number.NaN;
        start += column.width;
      }
    }
    const arrays = { inputs: { shape: [count, width], data: x } };
    if (targets.length === 0) return arrays;
    const labels = isClasses
      ? {
          shape: [count],
          data: BigInt64Array.from(rows, ({ values, place }) =>
            BigInt(target.column.indexOf(values[target.at], place)),
          ),
        }
      : {
          shape: [count, targets.length],
          data: Float32Array.from(
            rows.flatMap(({ values, place }) =>
              targets.map(({ at, column }) => column.numberOf(values[at], place)),
            ),
          ),
        };
    return { ...arrays, labels };
  };
}

/** @throws DataError for columns of one name */
export function requireDifferent(file: string, columns: readonly string[]): void {
  const twice = columns.find((name, i) => columns.indexOf(name) < i);
  if (twice === undefined) return;
  throw new DataError(`${file}: two columns have the name "${twice}": give one of them another.`);
}

/** @throws DataError for a column that is none of those of the file */
export function requireColumns(file: string, wanted: readonly string[], columns: readonly string[]): void {
  const unknown = wanted.find((name) => !columns.includes(name));
  if (unknown === undefined) return;
  throw new DataError(`${file}: there is no column "${unknown}"; the columns are ${columns.join(", ")}.`);
}

/** The columns of labels. */
export const labelsIn = (label: TableOptions["label"]): readonly string[] =>
  label === false ? [] : [label].flat();

/** Whether it is a row, and not the names of the columns. */
export const isRow = (row: readonly string[] | TableRow): row is TableRow => !Array.isArray(row);
