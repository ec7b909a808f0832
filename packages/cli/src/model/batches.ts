// Data of a file as batches for the inputs of a model.
import { astype, DataError, dtypeOf, type NdArray, OptionError, sizeOf, takeRows } from "isoloss";
import { withoutUndefined } from "isoloss/internal";
import type { ImportedInput } from "isoloss/onnx";
import { oneOf } from "../config/nearest.js";
import { countText } from "../experiments/results/format-number.js";
import { type DataFile, type ImageSettings, type ReadDataOptions, readData } from "../formats/read-data.js";
import { namingFile } from "../formats/read-model.js";
import { type Sizes, shapesOf, sizesOf, withGiven } from "./sizes.js";

/** Arrays by the name of an input. */
export type Batch = Readonly<Record<string, NdArray>>;

/** Where data for a model are, and how images become numbers. */
export interface DataSource extends ReadDataOptions {
  readonly path: string;
}

/** Examples that run at once where the file leaves it open. */
const MOST_AT_ONCE = 32;

/** An array for an input of a model, with examples along the first axis. */
export interface InputData {
  readonly input: ImportedInput;
  readonly array: NdArray;
  /** How many examples the data have, where `--limit` left some out. */
  readonly rows?: number | undefined;
}

/**
 * Reads arrays of equally many examples for some or all inputs of a model. Images get the size and the channels of the
 * input.
 *
 * @throws OptionError, DataError when the data do not fit
 */
export async function readInputs(
  inputs: readonly ImportedInput[],
  source: DataSource,
): Promise<readonly InputData[]> {
  const arrays = await readArrays(inputs, source);
  requireExamples(source.path, arrays);
  return arrays;
}

/**
 * Reads batches for some or all inputs of a model: of the size of the file or of `sizes`, or all examples in batches of up to
 * 32 whose sizes differ by 1 at most. A rest that does not fill a batch is left out; stderr says so, and where all examples
 * are constant. Data for inputs that have no examples along the first axis, such as a state or a sampling rate, are one batch
 * as they are.
 *
 * @param sizes sizes that are given for open axes; data must have them, and images get them
 * @throws OptionError, DataError when the data do not fit
 */
export async function readBatches(
  inputs: readonly ImportedInput[],
  source: DataSource,
  sizes: Sizes = {},
): Promise<Batch[]> {
  const arrays = await readArrays(withGiven(inputs, sizes), source, inputs);
  const batch = Object.fromEntries(arrays.map(({ input: { name }, array }) => [name, array]));
  if (isOneBatch(inputs, arrays)) return checked(inputs, [batch], source);
  requireExamples(source.path, arrays);
  const [examples] = arrays[0].array.shape;
  const fixed = arrays.flatMap(({ input: { shape = [] } }) =>
    typeof shape[0] === "number" ? [shape[0]] : [],
  );
  const [size] = fixed;
  if (examples < size)
    throw new DataError(`${source.path} has ${examples} examples; the model takes batches of ${size}.`);
  const count = size === undefined ? Math.ceil(examples / MOST_AT_ONCE) : Math.floor(examples / size);
  const used = size === undefined ? examples : count * size;
  for (const text of remarksOn(arrays, { rest: examples - used, size })) {
    process.stderr.write(`isoloss: ${source.path}: ${text}\n`);
  }
  const batches = Array.from({ length: count }, (_, b) => {
    const [first, next] = [b, b + 1].map((k) => Math.floor((k * used) / count));
    const rows = Array.from({ length: next - first }, (_, i) => first + i);
    return Object.fromEntries(arrays.map(({ input, array }) => [input.name, takeRows(array, rows)]));
  });
  return checked(inputs, batches, source);
}

/** What is not used of some examples, and whether they can say anything. */
function remarksOn(
  given: readonly InputData[],
  { rest, size }: { readonly rest: number; readonly size: number | undefined },
): readonly string[] {
  const left = `${rest} of its ${given[0].array.shape[0]} examples ${rest === 1 ? "is" : "are"} left out: a batch has ${size}.`;
  const isFloat = ({ array }: InputData) => dtypeOf(array).startsWith("float");
  const areConstant = given.some(isFloat) && given.filter(isFloat).every(({ array }) => isConstant(array));
  const constant =
    "in every example all numbers are the same. What is found or measured on such data says little of others: give real examples.";
  const [{ array, rows }] = given;
  const read = `${array.shape[0]} of its ${rows} examples are read: --limit reads more.`;
  return [
    ...(rows === undefined ? [] : [read]),
    ...(rest > 0 ? [left] : []),
    ...(areConstant ? [constant] : []),
  ];
}

/** Whether each example, of several numbers, has one number everywhere. */
function isConstant({ shape: [count], data }: NdArray): boolean {
  const size = data.length / count;
  return size > 1 && data.every((x: number | bigint, i: number) => x === data[i - (i % size)]);
}

/** Batches whose sizes along axes of one name agree. */
function checked(inputs: readonly ImportedInput[], batches: Batch[], { path }: DataSource): Batch[] {
  const given = inputs.filter(({ name }) => Object.hasOwn(batches[0], name));
  namingFile(path, () => sizesOf(given, {}, batches[0]));
  return batches;
}

/** Whether some arrays have examples along the first axis and others cannot, as the file fixes its size or has none. */
function isOneBatch(inputs: readonly ImportedInput[], given: readonly InputData[]): boolean {
  const shapes = given.map(({ input: { name } }) => inputs.find((one) => one.name === name)?.shape);
  const areOpen = new Set(shapes.map((shape) => shape === undefined || typeof shape[0] === "string"));
  return areOpen.size > 1 && new Set(given.map(({ array }) => array.shape[0])).size > 1;
}

/** The arrays for inputs, in their types. */
async function readArrays(
  inputs: readonly ImportedInput[],
  { path, ...options }: DataSource,
  asInFile: readonly ImportedInput[] = inputs,
): Promise<readonly InputData[]> {
  const data = await readData(path, { defaults: imagesFor(inputs), ...options });
  if (data.kind === "named" && Object.keys(data.arrays).length === 0) {
    const names = inputs.map(({ name }) => name).join(", ");
    throw new DataError(`${path} holds no array: expected arrays by the names of the inputs, ${names}.`);
  }
  return Object.entries(namedArrays(path, inputs, data)).map(([name, array]) => {
    const at = inputs.findIndex((one) => one.name === name);
    requireShape(path, inputs[at], array, asInFile[at], data.rows);
    requireFinite(path, name, array);
    requireRows(path, inputs[at], array);
    return {
      input: inputs[at],
      array: astype(array, inputs[at].dtype),
      ...withoutUndefined({ rows: data.rows }),
    };
  });
}

/** How many examples batches have: the first axis of each batch's first array. */
export const examplesIn = (batches: readonly Batch[]): number =>
  batches.reduce((sum, batch) => sum + (Object.values(batch)[0].shape[0] ?? 1), 0);

/** `random inputs`, and which integers those are: they reach as many rows of a table as they can. */
export function randomText(inputs: readonly ImportedInput[], sizes: Sizes, examples = 4): string {
  const isOpen = inputs.some(({ shape }) => typeof shape?.[0] === "string");
  const shapes = shapesOf(inputs, sizes);
  const integers = inputs.flatMap(({ name, dtype, tableRows: rows }) => {
    if (dtype !== "int64") return [];
    if (rows === undefined) return [`"${name}" is 0 and 1 alone: give data for other integers`];
    const drawn = sizeOf(shapes[name]) * (isOpen ? 1 : examples);
    return [`"${name}" reaches ${Math.min(rows, drawn)} of the ${rows} rows of its table`];
  });
  return integers.length === 0 ? "random inputs" : `random inputs (${integers.join("; ")})`;
}

/** `16 examples of x.npy`; `one batch` where its arrays do not have equally many. */
export function examplesText(batches: readonly Batch[], path: string): string {
  const [first] = batches;
  if (new Set(Object.values(first).map(({ shape }) => shape[0])).size > 1) return `one batch of ${path}`;
  const count = examplesIn(batches);
  return `${countText(count, "example")} of ${path}`;
}

function requireExamples(path: string, given: readonly InputData[]): void {
  const counts = new Set(given.map(({ array }) => array.shape[0]));
  if (counts.size !== 1) {
    throw new DataError(`${path}: all arrays must have as many examples; got ${[...counts].join(" and ")}.`);
  }
  if (counts.has(0)) throw new DataError(`${path} has no examples.`);
}

/** What the shape of a single input of images says of them; nothing for other inputs. */
function imagesFor(inputs: readonly ImportedInput[]): ImageSettings {
  const [{ shape = [] } = {}, ...others] = inputs;
  if (others.length > 0 || shape.length !== 4) return {};
  const [, channels, height, width] = shape;
  return {
    ...(channels === 1 || channels === 3 ? { channels } : {}),
    ...(typeof height === "number" && typeof width === "number" ? { size: [height, width] as const } : {}),
  };
}

function namedArrays(path: string, inputs: readonly ImportedInput[], data: DataFile): Batch {
  const names = inputs.map(({ name }) => name);
  if (data.kind === "one") {
    if (names.length === 1) return { [names[0]]: data.array };
    throw new OptionError(
      `${path} holds one array, but the model has the inputs ${names.join(", ")}. Give them by name: np.savez("data.npz", ${names.map((name) => `${name}=...`).join(", ")}).`,
    );
  }
  const unknown = Object.keys(data.arrays).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new DataError(`${path}: the names of arrays must be ${oneOf(unknown, names)}`);
  return data.arrays;
}

function requireShape(
  path: string,
  { name, dtype, shape }: ImportedInput,
  array: NdArray,
  asInFile: ImportedInput,
  rows = array.shape[0],
): void {
  if (shape === undefined || isShape(array, shape)) return;
  const takes = `the input "${name}" takes ${dtype}[${shape.map((n) => n || "?").join(", ")}]`;
  const isGiven = asInFile.shape !== undefined && isShape(array, asInFile.shape);
  throw new DataError(
    `${path} has the shape [${[rows, ...array.shape.slice(1)].join(", ")}]; ${takes}${isGiven ? " with --size. Sizes are those of the data: leave --size out" : ""}.`,
  );
}

function requireFinite(path: string, name: string, { data }: NdArray): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  const wrong = data.findIndex((x) => !Number.isFinite(x));
  if (wrong < 0) return;
  throw new DataError(
    `${path} has numbers that are not finite: element ${wrong} for "${name}" is ${data[wrong]}. Leave such examples out.`,
  );
}

/** Throws for the number of a row that a table lacks: the runtime would say neither in which data it is, nor where. */
function requireRows(path: string, { name, tableRows: rows }: ImportedInput, array: NdArray): void {
  if (rows === undefined) return;
  const { shape, data } = array;
  const values = data as BigInt64Array;
  const wrong = values.findIndex((x) => x >= rows || x < -rows);
  if (wrong < 0) return;
  const example = Math.floor((wrong * (shape[0] ?? 1)) / data.length);
  throw new DataError(
    `${path}: element ${wrong} for "${name}", in its example ${example}, is ${values[wrong]}; the model's table has the rows 0 to ${rows - 1}. Leave such examples out.`,
  );
}

/** Whether an array has a shape, but for its number of examples and open sizes. */
const isShape = ({ shape: own }: NdArray, shape: readonly (number | string)[]): boolean =>
  own.length === shape.length && shape.every((n, d) => d === 0 || typeof n === "string" || n === own[d]);
