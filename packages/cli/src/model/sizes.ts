// Sizes that an ONNX file leaves open: of a batch, of images, of sequences.
import { InvalidArgumentError } from "commander";
import { DataError, IsolossError, NumericalError, OptionError, type Shape, spec, trace } from "isoloss";
import type { ImportedInput } from "isoloss/onnx";
import { fromOnnx } from "isoloss-onnx";
import { oneOf } from "../config/nearest.js";
import type { ModelFile } from "../formats/read-model.js";
import { value } from "../option-rows.js";

/** Sizes by the name of an axis. */
export type Sizes = Readonly<Record<string, number>>;

/** `--size NAME=N`, of axes that a file leaves open. */
export const sizeOption = value(
  "<name=n>",
  "a size that the file leaves open; may be given several times",
  collectSize,
  {},
  "that of the data; without data 4 of a first axis, else 32",
);

function collectSize(text: string, before: Sizes): Sizes {
  const [, name, digits] = /^(.+)=(\d+)$/.exec(text) ?? [];
  const size = Number(digits);
  if (name === undefined || !(Number.isSafeInteger(size) && size >= 1)) {
    throw new InvalidArgumentError("It must be a name and an integer of at least 1, such as batch=8.");
  }
  return { ...before, [name]: size };
}

/** An input's name and shape, in which open sizes are names. */
type Sized = Pick<ImportedInput, "name" | "shape">;

/** An axis of an input whose size the file leaves open. */
interface OpenAxis {
  /** Its name in the file, or `input[axis]`. */
  readonly name: string;
  readonly input: string;
  readonly axis: number;
}

const axisName = (input: string, axis: number, size: string): string =>
  size === "" ? `${input}[${axis}]` : size;

function openAxes(inputs: readonly Sized[]): OpenAxis[] {
  return inputs.flatMap(({ name: input, shape = [] }) =>
    shape.flatMap((size, axis) =>
      typeof size === "string" ? [{ name: axisName(input, axis, size), input, axis }] : [],
    ),
  );
}

/** Default sizes: of a first axis, which is that of the examples, and of any other. */
const [EXAMPLES, OTHER] = [4, 32];

/**
 * A size for each open axis: as given, and without that as in the data, if there are some.
 *
 * @param batch arrays for some inputs
 * @param examples the size of a first axis without data
 * @throws OptionError for a size of an axis that is not open; DataError when the file leaves the number of axes open, and
 *   for arrays that have different sizes along axes of one name
 */
export function sizesOf(
  inputs: readonly Sized[],
  given: Sizes,
  batch: Arrays = {},
  examples = EXAMPLES,
): Sizes {
  const unranked = inputs.find(({ name, shape }) => shape === undefined && !Object.hasOwn(batch, name));
  if (unranked !== undefined) {
    throw new DataError(
      `The file does not say how many axes the input "${unranked.name}" has. Export the model with the shapes of its inputs.`,
    );
  }
  requireOpen(inputs, given);
  const axes = openAxes(inputs);
  const isFirst = (name: string) => axes.some((axis) => axis.name === name && axis.axis === 0);
  const guessed = axes.map(({ name }) => [name, isFirst(name) ? examples : OTHER]);
  return { ...Object.fromEntries(guessed), ...sizesIn(axes, batch), ...given };
}

/** Numbers of examples that a file leaves open, and another with the same inputs fixes. */
export const examplesFixedBy = (others: readonly Sized[], inputs: readonly Sized[]): Sizes =>
  Object.fromEntries(
    openAxes(inputs).flatMap(({ name, input, axis }) => {
      const fixed = axis === 0 ? others.find((other) => other.name === input)?.shape?.[0] : undefined;
      return typeof fixed === "number" ? [[name, fixed]] : [];
    }),
  );

/** Sizes beside those that were tried: one example, or two, and images and sequences of twice the size; empty where all are fixed. */
export function otherSizes(inputs: readonly Sized[], sizes: Sizes): Sizes {
  const other = (axis: number, size: number) => (axis > 0 ? 2 * size : size === 1 ? 2 : 1);
  return Object.fromEntries(openAxes(inputs).map(({ name, axis }) => [name, other(axis, sizes[name])]));
}

type Arrays = Readonly<Record<string, { readonly shape: Shape }>>;

/** The sizes that open axes have in a batch. */
function sizesIn(axes: readonly OpenAxis[], batch: Arrays): Sizes {
  const found = axes.flatMap((axis) =>
    Object.hasOwn(batch, axis.input) ? [{ ...axis, size: batch[axis.input].shape[axis.axis] }] : [],
  );
  for (const { name, input, size } of found) {
    const first = found.find((axis) => axis.name === name) as (typeof found)[number];
    if (first.size === size) continue;
    throw new DataError(
      `The model has one size ${name}; the data have ${first.size} in "${first.input}" and ${size} in "${input}".`,
    );
  }
  return Object.fromEntries(found.map(({ name, size }) => [name, size]));
}

/** Throws unless the sizes that are given are of open axes. */
function requireOpen(inputs: readonly Sized[], given: Sizes): void {
  const names = [...new Set(openAxes(inputs).map(({ name }) => name))];
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new OptionError(
    names.length === 0
      ? `--size ${unknown}: the file fixes all sizes.`
      : `--size: the open axis must be ${oneOf(unknown, names)}`,
  );
}

/**
 * The inputs with the sizes that are given in the place of open ones.
 *
 * @throws OptionError for a size of an axis that is not open
 */
export function withGiven<I extends Sized>(inputs: readonly I[], given: Sizes): readonly I[] {
  requireOpen(inputs, given);
  return inputs.map((input) => ({
    ...input,
    shape: input.shape?.map((size, axis) => {
      if (typeof size === "number") return size;
      const name = axisName(input.name, axis, size);
      return Object.hasOwn(given, name) ? given[name] : size;
    }),
  }));
}

/** Shapes of inputs by name, with the sizes of open axes. */
export function shapesOf(inputs: readonly Sized[], sizes: Sizes): Readonly<Record<string, Shape>> {
  return Object.fromEntries(
    inputs.map(({ name, shape = [] }) => [
      name,
      shape.map((size, axis) => (typeof size === "number" ? size : sizes[axisName(name, axis, size)])),
    ]),
  );
}

/** The sizes as text: `batch 4, height 32`; empty without any. */
export const sizesText = (sizes: Sizes): string =>
  Object.entries(sizes)
    .map(([name, size]) => `${name} ${size}`)
    .join(", ");

/** With what a model was run: sizes of its open axes, which are those of data, or were given or guessed. */
interface Run {
  readonly file: ModelFile;
  readonly sizes: Sizes;
  readonly isOnData?: boolean;
}

/** The result of tracing a model; an error that it throws says which sizes its open axes had. */
export function tracing<T>(file: ModelFile, sizes: Sizes, trace: () => T): T {
  try {
    return trace();
  } catch (cause) {
    throw withSizes(`${file.path} cannot be run`, { file, sizes }, cause);
  }
}

/**
 * An error of running a model, with what could not be done, the sizes of open axes and some with which it runs, unless its data
 * or numbers were at fault; a defect stays as it is.
 */
export function withSizes(what: string, { file, sizes, isOnData = false }: Run, cause: unknown): unknown {
  if (!(cause instanceof IsolossError)) return cause;
  const isOfNumbers = cause instanceof DataError || cause instanceof NumericalError;
  const advice = Object.keys(sizes).length === 0 || isOfNumbers ? "" : adviceOn({ file, sizes, isOnData });
  return new DataError(`${what}: ${cause.message}${advice}`, { cause });
}

function adviceOn({ file, sizes, isOnData = false }: Run): string {
  const others = sizesThatRun(file, sizes);
  if (others !== undefined && Object.keys(others).length === 0) return "";
  const hasBranches = file.model.graph.nodes.some(({ opType }) => opType === "If");
  const branches = hasBranches ? " Both branches of each If must take the sizes." : "";
  if (isOnData) {
    const found = others === undefined ? "" : ` It runs with ${sizesText(others)}: give data of that size.`;
    return ` The data have ${sizesText(sizes)}.${found}${branches}`;
  }
  const options = Object.entries(others ?? {}).map(([name, size]) => `--size ${name}=${size}`);
  const found = others === undefined ? "" : `, such as ${options.join(" ")}, with which it runs`;
  return ` It was run with ${sizesText(sizes)}: give others by --size NAME=N${found}.${branches}`;
}

/** Sizes that are tried where a file does not run, and milliseconds for that. */
const [TRIED, MOST_TIME] = [[1, 3, 7].flatMap((n) => Array.from({ length: 11 }, (_, k) => n * 2 ** k)), 5000];

/**
 * Other sizes with which a file runs: of one axis, of all but first ones alike, or of one beside axes of 1, the nearest that
 * are found; empty where it runs with those that it has.
 */
function sizesThatRun({ bytes, external }: ModelFile, sizes: Sizes): Sizes | undefined {
  const model = fromOnnx(bytes, { external });
  const runs = (own: Sizes): boolean => {
    const shapes = shapesOf(model.inputs, own);
    const x = Object.fromEntries(model.inputs.map(({ name, dtype }) => [name, spec(shapes[name], dtype)]));
    try {
      trace((at) => model.apply(at.p, at.x), { p: model.params, x });
      return true;
    } catch (cause) {
      if (!(cause instanceof IsolossError)) throw cause;
      return false;
    }
  };
  if (runs(sizes)) return {};
  const axes = openAxes(model.inputs);
  const names = Object.keys(sizes);
  const inner = names.filter((name) => !axes.some((own) => own.name === name && own.axis === 0));
  const ones = Object.fromEntries(names.map((name) => [name, 1]));
  const attempts = [
    ...names.map((name) => ({ changed: [name], rest: sizes })),
    ...(inner.length > 1 ? [{ changed: inner, rest: sizes }] : []),
    ...(names.length > 1 ? names.map((name) => ({ changed: [name], rest: ones })) : []),
  ];
  const end = performance.now() + MOST_TIME;
  for (const { changed, rest } of attempts) {
    const far = (size: number) => Math.abs(Math.log(size / sizes[changed[0]]));
    for (const size of [...TRIED].sort((a, b) => far(a) - far(b))) {
      if (performance.now() > end) return undefined;
      const own = { ...rest, ...Object.fromEntries(changed.map((name) => [name, size])) };
      if (!runs(own)) continue;
      return Object.fromEntries(Object.entries(own).filter(([name, value]) => value !== sizes[name]));
    }
  }
  return undefined;
}
