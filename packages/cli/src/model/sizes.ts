// Sizes that an ONNX file leaves open: of a batch, of images, of sequences.
import { InvalidArgumentError } from "commander";
import { DataError, IsolossError, OptionError, type Shape } from "isoloss";
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

/** An axis of an input whose size the file leaves open. */
interface OpenAxis {
  /** Its name in the file, or `input[axis]`. */
  readonly name: string;
  readonly input: string;
  readonly axis: number;
}

function openAxes(inputs: readonly Pick<ImportedInput, "name" | "shape">[]): OpenAxis[] {
  return inputs.flatMap(({ name: input, shape = [] }) =>
    shape.flatMap((size, axis) =>
      typeof size === "string" ? [{ name: size === "" ? `${input}[${axis}]` : size, input, axis }] : [],
    ),
  );
}

/** Default sizes: of a first axis, which is that of the examples, and of any other. */
const [EXAMPLES, OTHER] = [4, 32];

/**
 * A size for each open axis.
 *
 * @throws OptionError for a size of an axis that is not open; DataError when the file leaves the number of axes open
 */
export function sizesOf(inputs: readonly Pick<ImportedInput, "name" | "shape">[], given: Sizes): Sizes {
  const unranked = inputs.find(({ shape }) => shape === undefined);
  if (unranked !== undefined) {
    throw new DataError(
      `The file does not say how many axes the input "${unranked.name}" has. Export the model with the shapes of its inputs.`,
    );
  }
  const axes = openAxes(inputs);
  const names = [...new Set(axes.map(({ name }) => name))];
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new OptionError(
      names.length === 0
        ? `--size ${unknown}: the file fixes all sizes.`
        : `--size: the open axis must be ${oneOf(unknown, names)}`,
    );
  }
  const isFirst = (name: string) => axes.some((axis) => axis.name === name && axis.axis === 0);
  return Object.fromEntries(names.map((name) => [name, given[name] ?? (isFirst(name) ? EXAMPLES : OTHER)]));
}

/** The sizes that open axes have in a batch. */
export const sizesIn = (
  inputs: readonly Pick<ImportedInput, "name" | "shape">[],
  batch: Readonly<Record<string, { readonly shape: Shape }>>,
): Sizes =>
  Object.fromEntries(openAxes(inputs).map(({ name, input, axis }) => [name, batch[input].shape[axis]]));

/** Shapes of inputs by name, with the sizes of open axes. */
export function shapesOf(
  inputs: readonly Pick<ImportedInput, "name" | "shape">[],
  sizes: Sizes,
): Readonly<Record<string, Shape>> {
  return Object.fromEntries(
    inputs.map(({ name, shape = [] }) => [
      name,
      shape.map((size, axis) =>
        typeof size === "number" ? size : sizes[size === "" ? `${name}[${axis}]` : size],
      ),
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

/** An error of running a model, with what could not be done and the sizes of open axes; a defect stays as it is. */
export function withSizes(what: string, sizes: Sizes, cause: unknown): unknown {
  if (!(cause instanceof IsolossError)) return cause;
  const advice =
    Object.keys(sizes).length === 0
      ? ""
      : ` It was run with ${sizesText(sizes)}: give others by --size NAME=N.`;
  return new DataError(`${what}: ${cause.message}${advice}`, { cause });
}
