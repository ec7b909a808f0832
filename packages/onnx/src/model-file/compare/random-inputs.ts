import { DataError, type DType, type ImportedInput, type NdArray, OptionError, sizeOf } from "isoloss";
import { createRng, type Rng } from "isoloss/data";
import { allocate, inCode, isObject, ownEntry } from "isoloss/internal";

/** Size of an axis that the file leaves open, other than a first axis: small images, short sequences. */
export const OPEN_SIZE = 32;

export type NamedValues = Readonly<Record<string, NdArray>>;

/** Sizes of axes that a file leaves open, as an option. */
export const axisSizes = inCode<Readonly<Record<string, number>>>(
  "an object of integers >= 1 by the name of an axis, such as { height: 64 }",
  (value) => isObject(value) && Object.values(value).every((n) => Number.isSafeInteger(n) && n >= 1),
);

/** Batches as an option, of which `requireBatches` knows more. */
export const batchList = inCode<readonly NamedValues[]>(
  "a list of batches, such as [{ x: images }]",
  Array.isArray,
);

interface RandomInputSettings {
  readonly seed: number;
  readonly examples: number;
  readonly sizes: Readonly<Record<string, number>>;
  /** Arrays that are given; default none. */
  readonly inputs?: NamedValues | undefined;
}

/** Batches of inputs that fit a model: those that are given, and random numbers for the others. */
export function randomInputs(
  op: string,
  inputs: readonly ImportedInput[],
  settings: RandomInputSettings,
): readonly NamedValues[] {
  const { inputs: given = {} } = settings;
  requireInputs(op, inputs, given);
  const drawn = inputs.filter(({ name }) => !Object.hasOwn(given, name));
  const sizeOfAxis = openSizes(op, inputs, settings);
  const isOpen = drawn.some(({ shape }) => typeof shape?.[0] === "string");
  const count = isOpen || drawn.length === 0 ? 1 : settings.examples;
  const rng = createRng(settings.seed);
  const rowsOf = new Map(inputs.map(({ name, tableRows }) => [name, tableDraw(tableRows, rng.fork(name))]));
  return Array.from({ length: count }, () =>
    Object.fromEntries(
      inputs.map((input) => [
        input.name,
        ownEntry(given, input.name) ?? draw(input, sizeOfAxis, rng, rowsOf.get(input.name)),
      ]),
    ),
  );
}

/** Open axes of which nothing says the size, by the names under which `sizes` gives it. */
export function guessedAxes(
  inputs: readonly ImportedInput[],
  { sizes, inputs: given = {} }: RandomInputSettings,
): readonly string[] {
  const drawn = inputs.filter(({ name }) => !Object.hasOwn(given, name));
  const names = drawn.flatMap(({ name, shape = [] }) =>
    shape.flatMap((size, axis) => (typeof size === "string" && axis > 0 ? [namesOf(name, axis, size)] : [])),
  );
  const guessed = names.filter((own) => !own.some((name) => Object.hasOwn(sizes, name)));
  return [...new Set(guessed.map((own) => own[own.length - 1]))];
}

function requireInputs(op: string, inputs: readonly ImportedInput[], given: NamedValues): void {
  const names = inputs.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new OptionError(`${op}: the model has no input "${unknown}"; it has ${names.join(", ")}.`);
  }
  const unranked = inputs.find(({ name, shape }) => shape === undefined && !Object.hasOwn(given, name));
  if (unranked !== undefined) {
    throw new DataError(
      `${op}: the file does not say how many axes the input "${unranked.name}" has. Give an array: inputs: { "${unranked.name}": ... }.`,
    );
  }
}

/** The name by which `sizes` can give an open axis: its own, or `input[axis]`. */
const namesOf = (input: string, axis: number, size: string): readonly string[] =>
  size === "" ? [`${input}[${axis}]`] : [`${input}[${axis}]`, size];

type AxisSize = (input: string, axis: number, size: number | string) => number;

/** Sizes of open axes: as given, as in the given arrays, `examples` for a first axis, else a small number. */
function openSizes(
  op: string,
  inputs: readonly ImportedInput[],
  { sizes, inputs: given = {}, examples }: RandomInputSettings,
): AxisSize {
  const open = inputs.flatMap(({ name, shape = [] }) =>
    shape.flatMap((size, axis) => (typeof size === "string" ? [{ name, axis, size }] : [])),
  );
  const known = new Map<string, number>();
  for (const { name, axis, size } of open) {
    if (axis === 0) known.set(size || `${name}[0]`, examples);
  }
  for (const { name, axis, size } of open) {
    if (Object.hasOwn(given, name)) known.set(size || `${name}[${axis}]`, given[name].shape[axis]);
  }
  const names = open.flatMap(({ name, axis, size }) => namesOf(name, axis, size));
  for (const [name, value] of Object.entries(sizes)) {
    if (!names.includes(name)) {
      throw new OptionError(
        `${op}: sizes has "${name}"; the model's open axes are ${[...new Set(names)].join(", ") || "none"}.`,
      );
    }
    known.set(name, value);
  }
  return (input, axis, size) => {
    if (typeof size === "number") return size;
    return known.get(`${input}[${axis}]`) ?? known.get(size) ?? OPEN_SIZE;
  };
}

/**
 * Standard normal numbers; for integers rows of the table that they number, or 0 and 1 where none is known, as they may be
 * indices or masks; 0 and 1 for truth values.
 */
function draw(
  { name, dtype, shape = [] }: ImportedInput,
  sizeOfAxis: AxisSize,
  rng: Rng,
  row: (() => number) | undefined,
): NdArray {
  const sizes = shape.map((size, axis) => sizeOfAxis(name, axis, size));
  return { shape: sizes, data: drawn(dtype, sizeOf(sizes), rng, row) };
}

/** Rows of a table one after the other in a random order, so that as many as possible are read. */
function tableDraw(rows: number | undefined, rng: Rng): (() => number) | undefined {
  if (rows === undefined) return undefined;
  const order = rng.shuffle(Int32Array.from({ length: rows }, (_, i) => i));
  let next = 0;
  return () => order[next++ % rows];
}

function drawn(dtype: DType, count: number, rng: Rng, row: () => number = () => rng.int(2)): NdArray["data"] {
  const data = allocate(dtype, count);
  for (let i = 0; i < count; i++) {
    if (data instanceof BigInt64Array) data[i] = BigInt(row());
    else data[i] = dtype === "bool" ? rng.int(2) : rng.normal();
  }
  return data;
}
