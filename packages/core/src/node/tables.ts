// Tables in files: CSV, and Parquet by hyparquet.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { csvTable } from "../data/tables/csv-rows.js";
import { describeTable, type TableDescription } from "../data/tables/description.js";
import {
  labelsIn,
  type TableOf,
  type TableOptions,
  type TableRow,
  type TableSource,
  tableData,
  tableRows,
} from "../data/tables/table.js";
import { DataError, IsolossError, MissingDataError } from "../errors.js";
import { flag, listOf, type OptionsOf, oneOf, optionTable, text } from "../options.js";
import { reasonOf } from "./system-error.js";

/** The form of a CSV file. */
export interface CsvForm extends Pick<CsvOptions, keyof typeof formRows> {}

export interface CsvOptions extends TableOptions, OptionsOf<typeof csvOptions> {}

const formRows = {
  /** Whether the first line has the names of the columns; default true. Without, they are 0, 1, .... */
  header: flag.default(true),
  /** Between fields; default ",". */
  delimiter: oneOf([",", ";", "\t", "|"]).default(","),
};

export const csvOptions = optionTable("openCsv", {
  ...tableRows,
  ...formRows,
});

/** What is known of a table's columns before it is read. */
export interface DescribeTableOptions extends OptionsOf<typeof describeParquetOptions> {}

export interface DescribeCsvOptions extends OptionsOf<typeof describeCsvOptions> {}

const describeRows = {
  /** Words that mark a missing value, too, such as unknown; default none besides those of `missing`. */
  missingWords: tableRows.missingWords,
  /**
   * Columns that are text, also where they hold numbers, such as codes; default none. Others are text where less than 90 % of their values are numbers;
   * from 90 % on, text in them is an error.
   */
  text: tableRows.text,
  /** Columns without which a row is not counted, such as the label; default none. */
  required: listOf(text("the name of a column")).default([]),
};

const describeCsvOptions = optionTable("describeCsv", {
  ...formRows,
  ...describeRows,
});

const describeParquetOptions = optionTable("describeParquet", describeRows);

export const parquetOptions = optionTable("openParquet", tableRows);

/**
 * A CSV file in UTF-8 as data for a trainer. It is read once to find the types of its columns, and then part by part in each epoch: it may be
 * larger than the memory. A column of numbers is an input, one of text an input for each of its values (0 or 1). Where at least 90 % of a column's
 * values are numbers, the others are taken for mistakes, and so are integers with leading zeros, unless `missingWords` or `text` say what they are.
 *
 * @throws DataError for a file that cannot be read or is malformed, and for text in a column of numbers, with the line; OptionError for unknown options
 *
 * @example
 * const { stream, features, means, stds } = await openCsv("houses.csv", { label: "price" });
 * const data = mapped(shuffled(stream, { buffer: 10000 }), normalize({ mean: means, std: stds }));
 *
 * @example
 * const train = await openCsv("houses.csv", { label: "price" });
 * const test = await openCsv("more-houses.csv", train.options); // the same inputs, whichever values of text it has
 * const asked = await openCsv("new-houses.csv", { ...train.options, label: false }); // without prices
 * const { inputs } = await collected(asked.stream); // for trainer.predict(inputs)
 */
export async function openCsv<O extends CsvOptions>(
  path: string,
  options: O,
): Promise<TableOf<O, CsvOptions>> {
  const { header, delimiter, ...table } = csvOptions.read<CsvOptions>(options);
  await requireFile(path);
  const data = await tableData(csvSource(path, { header, delimiter }), table);
  // Without those of the usual form, they read a table of another format, too.
  const form = { ...(header ? {} : { header }), ...(delimiter === "," ? {} : { delimiter }) };
  return { ...data, options: { ...data.options, ...form } } as TableOf<O, CsvOptions>;
}

/**
 * Reads a CSV file once and says which columns it has: before {@link openCsv}, to choose labels and inputs.
 *
 * @throws DataError for a file that cannot be read, is malformed or has no rows; OptionError for unknown options
 *
 * @example
 * const { length, columns } = await describeCsv("houses.csv");
 * columns.map(({ name, isNumber }) => [name, isNumber]); // [["rooms", true], ["heating", false], ["price", true]]
 */
export async function describeCsv(path: string, options: DescribeCsvOptions = {}): Promise<TableDescription> {
  const { header, delimiter, ...columns } = describeCsvOptions.read(options);
  await requireFile(path);
  return describeTable(csvSource(path, { header, delimiter }), columns);
}

const csvSource = (path: string, form: Parameters<typeof csvTable>[1]): TableSource => ({
  name: path,
  read: () =>
    told(
      path,
      csvTable(() => pieces(path), form),
    ),
});

/**
 * Reads a Parquet file once and says which columns it has, as {@link describeCsv} does of a CSV file. It needs the package `hyparquet`.
 *
 * @throws MissingDataError without that package; DataError for a file that cannot be read or has no rows
 *
 * @example
 * const { columns } = await describeParquet("iris.parquet");
 * columns[1]; // { name: "species", isNumber: false, values: ["setosa", "virginica"], missing: 0 }
 */
export async function describeParquet(
  path: string,
  options: DescribeTableOptions = {},
): Promise<TableDescription> {
  const columns = describeParquetOptions.read(options);
  await requireFile(path);
  return describeTable({ name: path, read: () => told(path, parquetRows(path)) }, columns);
}

/**
 * A Parquet file as data for a trainer, like that of {@link openCsv}. It needs the package `hyparquet`.
 *
 * @throws MissingDataError without that package; DataError for a file that cannot be read; OptionError for unknown options
 *
 * @example
 * const { stream, classes } = await openParquet("iris.parquet", { label: "species" });
 */
export async function openParquet<O extends TableOptions>(
  path: string,
  options: O,
): Promise<TableOf<O, TableOptions>> {
  const table = parquetOptions.read<TableOptions>(options);
  await requireFile(path);
  const source = { name: path, read: () => told(path, parquetRows(path, table)) };
  return (await tableData(source, table)) as TableOf<O, TableOptions>;
}

/** Text of a file in UTF-8, piece by piece, without the mark that it may begin with. @throws DataError for other bytes */
async function* pieces(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw new DataError(
        "The table is no text in UTF-8, so that its letters are not known. Save it as UTF-8 (of Excel: CSV UTF-8), or convert it: iconv -f latin1 -t utf-8.",
        { cause },
      );
    }
  };
  let isFirst = true;
  for await (const bytes of createReadStream(path, { highWaterMark: 2 ** 18 })) {
    if (isFirst) requireNoUtf16(bytes as Uint8Array);
    isFirst = false;
    yield decode(bytes as Uint8Array);
  }
  yield decode();
}

/** @param bytes that a file begins with: in UTF-16 with its mark, or with a letter that has a byte 0 */
function requireNoUtf16([first, second]: Uint8Array): void {
  const isUtf16 = (first ^ second) === 1 && first >= 0xfe;
  if (!isUtf16 && first !== 0 && second !== 0) return;
  throw new DataError(
    "The table is text in UTF-16. Save it as UTF-8 (of Excel: CSV UTF-8), or convert it: iconv -f utf-16 -t utf-8.",
  );
}

/** Rows that are decoded at once. */
const rowsAtOnce = 4096;

async function* parquetRows(
  path: string,
  { label = false, features }: Partial<Pick<TableOptions, "label" | "features">> = {},
): AsyncGenerator<readonly string[] | TableRow> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import(
    "hyparquet"
  ).catch((cause) => {
    throw new MissingDataError("Parquet files need the package hyparquet: npm install hyparquet.", {
      cause,
    });
  });
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const all = parquetSchema(metadata).children.map(({ element }) => element.name);
  const wanted = [...labelsIn(label), ...(features ?? all)];
  const names = all.filter((name) => wanted.includes(name));
  yield names;
  const count = Number(metadata.num_rows);
  for (let rowStart = 0; rowStart < count; rowStart += rowsAtOnce) {
    const rowEnd = Math.min(count, rowStart + rowsAtOnce);
    const records = await parquetReadObjects({ file, metadata, columns: names, rowStart, rowEnd });
    for (const [i, record] of records.entries()) {
      yield { values: names.map((name) => record[name]), place: `row ${rowStart + i + 1}` };
    }
  }
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause) => {
    throw new DataError(`Cannot read the table ${path}: ${reasonOf(cause)}.`, { cause });
  });
  if (!found.isFile()) throw new DataError(`Cannot read the table ${path}: it is no file.`);
}

/** The same rows; errors name the file. */
async function* told<R>(path: string, rows: AsyncIterable<R>): AsyncGenerator<R> {
  try {
    yield* rows;
  } catch (cause) {
    if (cause instanceof IsolossError && cause.message.includes(path)) throw cause;
    if (cause instanceof MissingDataError) throw cause;
    throw new DataError(`${path}: ${cause instanceof IsolossError ? cause.message : reasonOf(cause)}`, {
      cause,
    });
  }
}
