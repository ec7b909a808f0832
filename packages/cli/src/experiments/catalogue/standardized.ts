import { array, type Dataset, dtypeOf, type Model, type NdArray, sizeOf } from "isoloss";
import { add, div, mul, sub } from "isoloss/ops";
import type { Tree } from "./problems.js";
import { mapParts, type RunData, type Scaled } from "./run-data.js";

/**
 * Data whose inputs, and labels that are numbers, have mean 0 and standard deviation 1 over the training examples: each column
 * by itself, or each channel of images. The other parts are changed by the same numbers.
 *
 * @param isNumber whether an input is a number, of a table; default all
 */
export function standardized(data: RunData, isNumber?: readonly boolean[]): RunData {
  const { train, image, tasks } = data;
  const [, ...example] = train.inputs.shape;
  const groups = image ? image[0] : example.length === 1 ? example[0] : 1;
  const found = scaleOf(train.inputs, groups);
  const inputScale = scaleWhere(isNumber, found);
  const hasTargets = dtypeOf(train.labels) !== "int64";
  const isTarget = tasks?.map(({ classes }) => classes === undefined);
  const targetScale = hasTargets
    ? scaleWhere(isTarget, scaleOf(train.labels, train.labels.shape[1] ?? 1))
    : undefined;
  const changed = mapParts(
    data,
    ({ inputs, labels }): Dataset => ({
      inputs: scaledBy(inputs, inputScale),
      labels: targetScale ? scaledBy(labels, targetScale) : labels,
    }),
  );
  return { ...changed, inputScale, targetScale };
}

/** A scale that leaves alone what is no number. @param isNumber default all are */
const scaleWhere = (isNumber: readonly boolean[] | undefined, { means, stds }: Scaled): Scaled => ({
  means: means.map((mean, i) => ((isNumber?.[i] ?? true) ? mean : 0)),
  stds: stds.map((std, i) => ((isNumber?.[i] ?? true) ? std : 1)),
});

/** The group of an element: elements of an example are in groups of equal size, one after the other. */
const groupOf = (i: number, each: number, groups: number): number => Math.floor((i % (each * groups)) / each);

/** Mean and standard deviation of each group of elements; those that are constant have the deviation 1. */
function scaleOf(a: NdArray, groups: number): Scaled {
  const each = a.data.length / a.shape[0] / groups;
  const count = a.data.length / groups;
  const means = new Float64Array(groups);
  const squares = new Float64Array(groups);
  for (let i = 0; i < a.data.length; i++) means[groupOf(i, each, groups)] += Number(a.data[i]) / count;
  for (let i = 0; i < a.data.length; i++) {
    const g = groupOf(i, each, groups);
    squares[g] += (Number(a.data[i]) - means[g]) ** 2 / count;
  }
  // A column of equal numbers has a variance that is only the rounding of its mean.
  const stds = Array.from(squares, (v, g) => (v > 1e-14 * means[g] ** 2 ? Math.sqrt(v) : 1));
  return { means: [...means], stds };
}

export function scaledBy(a: NdArray, { means, stds }: Scaled): NdArray {
  const each = a.data.length / a.shape[0] / means.length;
  const data = dtypeOf(a) === "float64" ? new Float64Array(a.data.length) : new Float32Array(a.data.length);
  for (let i = 0; i < data.length; i++) {
    const g = groupOf(i, each, means.length);
    data[i] = (Number(a.data[i]) - means[g]) / stds[g];
  }
  return { shape: a.shape, data };
}

/** A model that was trained on standardized data as one that takes and gives numbers as they are in the data. */
export function inUnitsOfData(
  model: Model<Tree, Tree>,
  { train, inputScale, targetScale }: RunData,
): Model<Tree, Tree> {
  if (inputScale === undefined) return model;
  const example = train.inputs.shape.slice(1);
  const each = sizeOf(example) / inputScale.means.length;
  return {
    ...model,
    apply(params, x, context) {
      const constant = (values: readonly number[], size: number, shape: readonly number[]): NdArray => ({
        ...array(
          values.flatMap((value) => new Array<number>(size).fill(value)),
          x.dtype as "float32" | "float64",
        ),
        shape: [1, ...shape],
      });
      const [mean, std] = [inputScale.means, inputScale.stds].map((values) =>
        constant(values, each, example),
      );
      const { output, state } = model.apply(params, div(sub(x, mean), std), context);
      if (targetScale === undefined) return { output, state };
      const [shift, scale] = [targetScale.means, targetScale.stds].map((v) => constant(v, 1, [v.length]));
      return { output: add(mul(output, scale), shift), state };
    },
  };
}
