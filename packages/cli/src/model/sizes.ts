// Sizes that an ONNX file leaves open: of a batch, of images, of sequences.
import { InvalidArgumentError } from "commander";
import { DataError, IsolossError, NumericalError, OptionError, type Shape } from "isoloss";
import type { ImportedInput } from "isoloss/onnx";
import { oneOf } from "../config/nearest.js";

/** Sizes by the name of an axis. */
export type Sizes = Readonly<Record<string, number>>;

/** Collects `--size NAME=N`. */
export function collectSize(text: string, before: Sizes): Sizes {
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
 * @throws OptionError for a size of an axis that is not open; DataError when the file leaves the number of axes open, and
 *   for arrays that have different sizes along axes of one name
 */
export function sizesOf(inputs: readonly Sized[], given: Sizes, batch: Arrays = {}): Sizes {
  const unranked = inputs.find(({ name, shape }) => shape === undefined && !Object.hasOwn(batch, name));
  if (unranked !== undefined) {
    throw new DataError(
      `The file does not say how many axes the input "${unranked.name}" has. Export the model with the shapes of its inputs.`,
    );
  }
  requireOpen(inputs, given);
  const axes = openAxes(inputs);
  const isFirst = (name: string) => axes.some((axis) => axis.name === name && axis.axis === 0);
  const guessed = axes.map(({ name }) => [name, isFirst(name) ? EXAMPLES : OTHER]);
  return { ...Object.fromEntries(guessed), ...sizesIn(axes, batch), ...given };
}

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

/** The result of tracing a model; an error that it throws says which sizes its open axes had. */
export function tracing<T>(path: string, sizes: Sizes, trace: () => T): T {
  try {
    return trace();
  } catch (cause) {
    throw withSizes(`${path} cannot be run`, sizes, cause);
  }
}

/**
 * An error of running a model, with what could not be done and the sizes of open axes, unless its data or numbers were at
 * fault; a defect stays as it is.
 */
export function withSizes(what: string, sizes: Sizes, cause: unknown): unknown {
  if (!(cause instanceof IsolossError)) return cause;
  const isOfNumbers = cause instanceof DataError || cause instanceof NumericalError;
  const advice =
    Object.keys(sizes).length === 0 || isOfNumbers
      ? ""
      : ` It was run with ${sizesText(sizes)}: give others by --size NAME=N.`;
  return new DataError(`${what}: ${cause.message}${advice}`, { cause });
}
