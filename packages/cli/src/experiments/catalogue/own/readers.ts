// Readers of data in files, as arrays.
import { astype, DataError, type Dataset, dtypeOf, isNdArray, type NdArray, OptionError } from "isoloss";
import { collected, type TableData, type TableOptions } from "isoloss/data";
import { requireClasses } from "isoloss/internal";
import { type CsvOptions, loadArrays, openCsv, openImageFolder, openParquet } from "isoloss/node";
import type { ImageShape, RunData } from "../run-data.js";
import { exportOf, placeInModule } from "./file.js";

/** Data of a file before they are divided. */
export interface Opened
  extends Pick<RunData, "validation" | "test" | "image" | "features" | "classes" | "table" | "tasks"> {
  readonly data: Dataset;
  /** Whether each input is a column of numbers: others are 0 or 1 for a value of a column of text. */
  readonly isNumber?: readonly boolean[] | undefined;
  /** Of a table: rows that were left out without a label. */
  readonly unlabeled?: number | undefined;
}

export const openCsvFile = (path: string, options: object): Promise<Opened> =>
  fromTable(path, openCsv(path, options as CsvOptions));

export const openParquetFile = (path: string, options: object): Promise<Opened> =>
  fromTable(path, openParquet(path, options as TableOptions));

async function fromTable(path: string, opening: Promise<TableData>): Promise<Opened> {
  const { stream, features, isNumber, unlabeled, classes, options } = await opening;
  requireTwo(classes, path);
  const data = await collected(stream);
  return { data, features, classes, isNumber, unlabeled, table: options };
}

function requireTwo(classes: readonly string[] | undefined, path: string): void {
  if (classes?.length !== 1) return;
  throw new DataError(`${path}: all labels are "${classes[0]}"; a classifier needs two classes or more.`);
}

/**
 * A table whose labels are columns of numbers and of classes: float32 [n, columns], of classes their numbers. A row without one of its labels is
 * left out of all tasks.
 *
 * @param asClasses labels that are integers and classes; text always is
 * @throws DataError for labels that are not there
 */
export async function openTasks(
  path: string,
  { label, features: chosen, ...rest }: CsvOptions,
  { isParquet, asClasses }: { readonly isParquet: boolean; readonly asClasses: readonly string[] },
): Promise<Opened> {
  const labels = [label || []].flat();
  // Labels are read among the inputs.
  const inputs = { label: false as const, features: chosen && [...chosen, ...labels] };
  const form = { ...rest, ...inputs, required: labels };
  const opened = await (isParquet ? openParquet(path, form) : openCsv(path, form));
  const {
    stream,
    features: inputNames,
    isNumber,
    unlabeled,
    options,
  } = opened as unknown as TableData<CsvOptions>;
  const { features: names = [], columns = {} } = options;
  const unknown = asClasses.find((name) => !labels.includes(name));
  if (unknown !== undefined) {
    throw new DataError(`${path}: there is no label "${unknown}"; the labels are ${labels.join(", ")}.`);
  }
  const features = names.filter((name) => !labels.includes(name));
  if (features.length === 0) throw new DataError(`${path}: there is no column besides the labels.`);
  const { shape, data } = (await collected(stream)).inputs;
  const [count, width] = shape;
  const at = (row: number, place: number) => Number(data[row * width + place]);
  const textOf = (name: string) => ("values" in columns[name] ? columns[name].values : undefined);
  let next = 0;
  const places = new Map(
    names.map((name) => [name, Array.from({ length: textOf(name)?.length ?? 1 }, () => next++)]),
  );
  const placesOf = (name: string) => places.get(name) as number[];

  const tasks = labels.map((name) => {
    const [text, own] = [textOf(name), placesOf(name)];
    const requireFew = (values: readonly string[]) => {
      const column = { name, values, areNumbers: text === undefined, count, leave: "it out of classes" };
      if (!rest.text?.includes(name)) requireClasses(path, column);
    };
    const values = Array.from({ length: count }, (_, row) =>
      text ? own.findIndex((place) => at(row, place) === 1) : at(row, own[0]),
    );
    if (text) requireFew(text);
    if (text || !asClasses.includes(name)) return { name, classes: text, values };
    const known = [...new Set(values)].sort((a, b) => a - b);
    requireFew(known.map(String));
    // Of others float32 may hold two as one.
    if (!known.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 24)) {
      throw new DataError(
        `${path}: "${name}" has numbers that are no integers of up to 24 bits, which are classes only as text: text: [${JSON.stringify(name)}].`,
      );
    }
    return { name, classes: known.map(String), values: values.map((value) => known.indexOf(value)) };
  });
  for (const { classes } of tasks) requireTwo(classes, path);
  const kept = features.flatMap(placesOf);
  return {
    data: {
      inputs: columnsOf([count, kept.length], (row, k) => at(row, kept[k])),
      labels: columnsOf([count, tasks.length], (row, k) => tasks[k].values[row]),
    },
    features: kept.map((place) => inputNames[place]),
    table: { ...options, label: labels, features },
    tasks: tasks.map(({ name, classes }) => ({ name, classes })),
    isNumber: kept.map((place) => isNumber[place]),
    unlabeled,
  };
}

const columnsOf = (
  shape: readonly [number, number],
  valueAt: (row: number, column: number) => number,
): NdArray => ({
  shape,
  data: Float32Array.from({ length: shape[0] * shape[1] }, (_, i) =>
    valueAt(Math.floor(i / shape[1]), i % shape[1]),
  ),
});

/** A folder of images. @throws DataError where it has one class */
export async function openClasses(path: string, options?: object): ReturnType<typeof openImageFolder> {
  const opened = await openImageFolder(path, options);
  const { classes } = opened;
  if (classes.length > 1) return opened;
  throw new DataError(
    `${path} has one folder, ${classes[0]}: expected one for each of two or more classes, with images in it.`,
  );
}

export async function openImages(path: string, options: object): Promise<Opened> {
  const { stream, classes } = await openClasses(path, options);
  return { ...fromArrays(await collected(stream), path), classes };
}

interface ArrayOptions {
  readonly inputs?: string;
  readonly labels?: string;
  readonly classes?: boolean;
}

export const openNpy = (path: string, { labels: labelFile, classes }: ArrayOptions): Promise<Opened> =>
  fromFile(path, loadArrays(path, { labelFile }), classes);

export const openNpz = (path: string, { classes, ...names }: ArrayOptions): Promise<Opened> =>
  fromFile(path, loadArrays(path, names), classes);

async function fromFile(path: string, loading: Promise<Dataset>, classes?: boolean): Promise<Opened> {
  const opened = fromArrays(await loading, path, classes);
  const { data } = opened.data.labels;
  if (data instanceof BigInt64Array) requireTwo([...new Set(data)].map(String), path);
  return opened;
}

/** Data, or a program of the kind module, which has data. */
type Exported = Partial<Dataset> & {
  readonly data?: Partial<Dataset>;
  readonly validation?: Partial<Dataset>;
  readonly test?: Partial<Dataset>;
};

export async function openModule(place: string, { classes }: ArrayOptions): Promise<Opened> {
  const { file, name } = placeInModule(place);
  const value = await exportOf({ file, name });
  const made = (await (typeof value === "function" ? value() : value)) as Exported | null | undefined;
  const part = (data: Partial<Dataset> | null | undefined, key: string): Opened => {
    if (isNdArray(data?.inputs) && isNdArray(data.labels)) {
      return fromArrays({ inputs: data.inputs, labels: data.labels }, file, classes);
    }
    const kind = data === null ? "null" : typeof data;
    const got = kind === "object" ? `{ ${Object.keys(data as object).join(", ")} }` : kind;
    throw new OptionError(
      `${file}: the export ${name}${key} must be data, { inputs, labels } of two arrays such as array([[1, 2], [3, 4]]), or a function that returns such; got ${got}.`,
    );
  };
  const opened = made?.data === undefined ? part(made, "") : part(made.data, ".data");
  return {
    ...opened,
    ...(made?.validation === undefined ? {} : { validation: part(made.validation, ".validation").data }),
    ...(made?.test === undefined ? {} : { test: part(made.test, ".test").data }),
  };
}

/**
 * Arrays as data of a run.
 *
 * @param classes whether labels are classes; default whether they are integers
 * @throws DataError for arrays of shapes that do not fit, and for numbers that are not finite
 */
function fromArrays({ inputs, labels }: Dataset, path: string, classes?: boolean): Opened {
  const [n, ...example] = inputs.shape;
  if (example.length === 0 || n === 0 || labels.shape[0] !== n) {
    throw new DataError(
      `${path}: expected inputs [n, ...] and as many labels [n], at least one; got inputs [${inputs.shape.join(", ")}] and labels [${labels.shape.join(", ")}].`,
    );
  }
  requireFinite(inputs, `${path}: the inputs`);
  requireFinite(labels, `${path}: the labels`);
  return { data: { inputs, labels: labelsOf(labels, path, classes) }, image: imageShape(example) };
}

/** Arrays of four axes are images with channels, those of three without. */
const imageShape = (example: readonly number[]): ImageShape | undefined =>
  example.length === 3
    ? (example as unknown as ImageShape)
    : example.length === 2
      ? [1, example[0], example[1]]
      : undefined;

/** @throws DataError that names the first example with another number */
export function requireFinite({ shape, data }: NdArray, what: string, { orMissing = false } = {}): void {
  if (data instanceof BigInt64Array) return;
  const at = data.findIndex((value) => !Number.isFinite(value) && !(orMissing && Number.isNaN(value)));
  if (at < 0) return;
  const row = Math.floor(at / (data.length / shape[0]));
  throw new DataError(
    `${what} must be finite numbers; example ${row} has ${data[at]}. Fill it in, or leave it out.`,
  );
}

/** Classes as int64, a column of them as [n]; numbers as floats, a list of them as [n, 1]. Other shapes stay. */
function labelsOf(labels: NdArray, path: string, classes?: boolean): NdArray {
  const { shape, data } = labels;
  const isInteger = !(data instanceof Float32Array || data instanceof Float64Array);
  const isColumn = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (classes ?? isInteger) {
    const values = Array.from<number | bigint, number>(data, Number);
    const wrong = values.findIndex((value) => !(value >= 0 && Number.isInteger(value)));
    if (wrong >= 0) {
      throw new DataError(
        `${path}: classes are 0, 1, 2, ...; label ${wrong} is ${data[wrong]}. Numbers to be predicted have classes: false.`,
      );
    }
    return { shape: isColumn ? [shape[0]] : shape, data: BigInt64Array.from(values, BigInt) };
  }
  const numbers = dtypeOf(labels) === "float64" ? labels : astype(labels, "float32");
  return { ...numbers, shape: shape.length === 1 ? [shape[0], 1] : shape };
}
