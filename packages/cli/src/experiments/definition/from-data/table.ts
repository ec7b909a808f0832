import { DataError, OptionError } from "isoloss";
import type { TableColumn } from "isoloss/data";
import { isNumber } from "isoloss/internal";
import { type CsvForm, describeCsv, describeParquet } from "isoloss/node";
import { oneOf } from "../../../config/nearest.js";
import { shellWord } from "../../../shell-word.js";
import type { Guess } from "./arrays.js";

interface Table extends CsvForm {
  readonly path: string;
  readonly format: "csv" | "parquet";
}

export interface Told {
  /** The column, array or file of labels; left out: a guess. */
  readonly label?: string | undefined;
  /** Of tables: words that mark a missing value, and columns of text. */
  readonly missingWord: readonly string[];
  readonly text: readonly string[];
  /** Whether the first line names the columns; left out: a guess. */
  readonly header?: "yes" | "no" | undefined;
}

/** Names that columns of labels have, likely ones first. */
const usualLabels = ["label", "labels", "target", "class", "y", "species", "category", "outcome"];
/** Integers with at most so many values, each of which has some examples, are taken for classes. */
const mostClasses = 20;
const examplesOfClass = 5;
/** A column of text with more values is taken for names of examples. */
const mostWords = 50;

export async function guessTable(
  { path, format, ...form }: Table,
  { label, missingWord: missingWords, text, header }: Told,
): Promise<Guess> {
  const options = { missingWords, text };
  const describe = (required: readonly string[]) =>
    format === "csv"
      ? describeCsv(path, { ...form, ...options, required })
      : describeParquet(path, { ...options, required });
  const whole = await describe([]);
  if (whole.columns.length < 2) {
    throw new DataError(
      `${path} has one column, ${whole.columns[0].name}: expected a column to predict and others to predict it from.${format === "csv" ? " Fields are divided by a comma, semicolon, tab or |." : ""}`,
    );
  }
  const isGuessedData = form.header === false && header === undefined;
  const { name: targetName, missing: unlabeled } = targetOf(
    whole.columns,
    label,
    isGuessedData ? ` ${takenForData}` : "",
  );
  if (unlabeled === whole.length) throw new DataError(`${path}: "${targetName}" is empty.`);
  // Rows without a label are left out, and what they alone hold is no input.
  const { length, columns, repeated } = unlabeled > 0 ? await describe([targetName]) : whole;
  const target = targetOf(columns, targetName);
  const why =
    label !== undefined
      ? "as you said"
      : usualLabels.includes(target.name.toLowerCase())
        ? "by its name"
        : "as it is the last column";
  requireOneKind(path, target);
  const classes = isClasses(target, length);
  if (classes && target.values.length < 2) {
    throw new DataError(
      `${path}: "${target.name}" is "${target.values[0]}" everywhere, so there is nothing to predict.`,
    );
  }
  const [first] = target.values;
  // Of more than 1000 values no more are known, and none can be classes.
  const isTooMany = target.values.length > 1000;
  const isOwnOfMost = target.values.length > Math.max(mostClasses, length / 2) && !text.includes(target.name);
  if (!target.isNumber && (isTooMany || isOwnOfMost)) {
    throw new DataError(
      `${path}: "${target.name}" is text with ${isTooMany ? "more than 1000" : target.values.length} different values in ${length} rows, such as ${JSON.stringify(first)}: ${isTooMany ? "too many" : "too few rows of each"} for classes. Write numbers without other marks: 1000.5.${isTooMany ? "" : ` If they are classes: --text ${shellWord(target.name)}.`} Another column is predicted by --label.`,
    );
  }
  const others = columns.filter((column) => column !== target);
  const reasons = new Map(others.map((column) => [column.name, reasonToLeave(column, { length, repeated })]));
  // By its values, among all rows, a column is taken for such a number only where others are left to predict from.
  const numbering = whole.columns.filter(
    ({ name, numbersRows }) => numbersRows && reasons.has(name) && !text.includes(name),
  );
  if (others.some(({ name }) => !reasons.get(name) && !numbering.some((column) => column.name === name)))
    for (const { name } of numbering) reasons.set(name, "numbers the rows");
  const left = others.flatMap(({ name }) => {
    const reason = reasons.get(name);
    return reason === undefined ? [] : [{ name, reason }];
  });
  const used = others.filter(({ name }) => !left.some((column) => column.name === name));
  if (used.length === 0) {
    throw new DataError(
      `${path}: no column is of use to predict "${target.name}": ${left.map(({ name, reason }) => `${name} ${reason}`).join(", ")}.`,
    );
  }
  for (const column of used) requireOneKind(path, column);
  const texts = text.filter((name) => name === target.name || used.some((column) => column.name === name));
  const missing = used.some((column) => column.missing > 0);
  const categories = used.filter((column) => !column.isNumber || texts.includes(column.name));
  return {
    path,
    format,
    examples: length,
    options: {
      label: target.name,
      ...(left.length === 0 ? {} : { features: used.map(({ name }) => name) }),
      ...(classes && target.isNumber ? { classes: true } : {}),
      ...(form.delimiter === undefined || form.delimiter === "," ? {} : { delimiter: form.delimiter }),
      ...(form.header === false ? { header: false } : {}),
      ...(texts.length === 0 ? {} : { text: texts }),
      ...(missingWords.length === 0 ? {} : { missingWords }),
      ...(missing ? { missing: "mean" } : {}),
    },
    inputs: used.reduce((sum, { isNumber, values }) => sum + (isNumber ? 1 : values.length), 0),
    outputs: classes ? target.values.length : 1,
    classes,
    found: [
      `${whole.length} rows of ${columns.length} columns`,
      ...(form.header === false
        ? [
            `${header === "no" ? "the first line is data, as you said" : "the first line has a number, so it is taken for data"}, and columns are named 0, 1, ...${header === "no" ? "" : " (if it names the columns: --header yes)"}`,
          ]
        : []),
      `"${target.name}" is predicted, ${why}: ${classes ? `${target.values.length} classes, ${shortList(target.values)}` : "a number"} (--label COLUMN predicts another)`,
      ...(categories.length === 0
        ? []
        : [
            `taken for categories: ${categories.map(({ name, values }) => `"${name}" (${values.length})`).join(", ")}`,
          ]),
      ...columns
        .filter(({ name }) => !text.includes(name))
        .flatMap((column) => [...textNote(column), ...looksNote(column)]),
      ...left.map(({ name, reason }) => `"${name}" is left out: it ${reason}`),
      ...(repeated > 0
        ? [
            `${repeated} ${repeated === 1 ? "row is a copy" : "rows are copies"} of an earlier one: copies in both the training and the held-out part flatter what is measured there`,
          ]
        : []),
      ...(unlabeled > 0
        ? [
            `${unlabeled === 1 ? "1 row has" : `${unlabeled} rows have`} no "${target.name}", and ${unlabeled === 1 ? "is" : "are"} left out`,
          ]
        : []),
      ...(missing
        ? ["missing numbers are the mean of the training examples, and missing text is none of its values"]
        : []),
    ],
  };
}

const takenForData =
  "The first line has a number, so it is taken for data; if it names the columns: --header yes.";

/** @throws DataError where nearly all values are numbers */
function requireOneKind(path: string, { name, oddValue }: TableColumn): void {
  if (!oddValue) return;
  const { value, place } = oddValue;
  const ifText = `If the column is text: --text ${shellWord(name)}.`;
  const found = `${path}: ${place} has ${JSON.stringify(value)} in "${name}", `;
  if (/^0\d+$/.test(value)) {
    throw new DataError(
      `${found}an integer with leading zeros, which a number has not. If these are codes: --text ${shellWord(name)}. Else write them without these zeros.`,
    );
  }
  throw new DataError(
    isNumber(value.replaceAll(",", ""))
      ? `${found}a number with a comma. Write numbers with a decimal point, without other marks: 3.14. ${ifText}`
      : `${found}where nearly all values are numbers.${place === "line 1" ? ` ${takenForData}` : ""} Correct it. If it marks a missing value: --missing-word ${shellWord(value)}. ${ifText}`,
  );
}

/** Most different words that may all mark missing values. */
const mostMarks = 3;

/** Text that looks like numbers to a reader, and what to write instead. */
const looks: readonly (readonly [RegExp, string])[] = [
  [
    /^[-+]?[$\u20ac\u00a3]\s?[\d.,]+$|^[-+]?[\d.,]+\s?[$\u20ac\u00a3]$/,
    "amounts of money: write them without the sign",
  ],
  [/^[-+]?[\d.,]+\s?%$/, "percentages: write them without the sign"],
  [/^[-+]?\d{1,3}([_' ]\d{3})+(\.\d+)?$/, "numbers with marks between thousands: leave the marks out"],
  [
    /^\d{4}-\d{1,2}-\d{1,2}([T ].*)?$|^\d{1,2}[./]\d{1,2}[./]\d{2,4}$/,
    "dates: write them as numbers, such as days",
  ],
];

/** That a column of text looks like numbers. */
function looksNote({ name, isNumber: areNumbers, values }: TableColumn): string[] {
  const [, what] =
    looks.find(([pattern]) => !areNumbers && values.every((value) => pattern.test(value))) ?? [];
  return what === undefined
    ? []
    : [`"${name}" is text, such as ${JSON.stringify(values[0])}, that looks like ${what}`];
}

/** What a column of text may be, where most of its different values are numbers. */
function textNote({ name, isNumber: areNumbers, values }: TableColumn): string[] {
  const words = values.filter((value) => !isNumber(value));
  if (areNumbers || words.length === 0 || words.length > Math.min(mostMarks, (values.length - 1) / 2))
    return [];
  const marks = words.map((word) => `--missing-word ${shellWord(word)}`).join(" ");
  return [
    `"${name}" is text for ${words.map((word) => JSON.stringify(word)).join(", ")}; else it is numbers. Does this mark missing values? ${marks}`,
  ];
}

function targetOf(columns: readonly TableColumn[], label: string | undefined, hint = ""): TableColumn {
  const names = columns.map(({ name }) => name);
  if (label !== undefined) {
    const found = columns.find(({ name }) => name === label);
    if (found) return found;
    throw new OptionError(`--label must be a column, ${oneOf(label, names)}${hint}`);
  }
  const usual = usualLabels.flatMap(
    (name) => columns.find((column) => column.name.toLowerCase() === name) ?? [],
  );
  return usual[0] ?? columns[columns.length - 1];
}

function isClasses({ isNumber, values }: TableColumn, length: number): boolean {
  if (!isNumber) return true;
  const areIntegers = values.every((value) => Number.isInteger(Number(value)));
  return areIntegers && values.length <= mostClasses && values.length * examplesOfClass <= length;
}

/** Why a column tells nothing; undefined where it may. */
function reasonToLeave(
  { name, isNumber, oddValue, values, missing }: TableColumn,
  { length, repeated }: { readonly length: number; readonly repeated: number },
): string | undefined {
  if (missing === length) return "is empty";
  // A gap in text is told from its only value; in numbers it becomes their mean.
  if (values.length === 1 && (isNumber || missing === 0))
    return `is ${JSON.stringify(values[0])} ${missing === 0 ? "everywhere" : "wherever it is there"}`;
  if (
    /^(id|index|row|unnamed: 0|)$/i.test(name) &&
    values.length >= Math.min(length - repeated - missing, 1000)
  )
    return "numbers the rows";
  if (!isNumber && !oddValue && values.length > mostWords)
    return `is text with ${values.length > 1000 ? "more than 1000" : values.length} values`;
  return undefined;
}

const shortList = (values: readonly string[]): string =>
  values.length > 6 ? `${values.slice(0, 5).join(", ")}, ...` : values.join(", ");
