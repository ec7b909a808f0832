import { array, dtypeOf, type NdArray, sizeOf } from "../array.js";
import { DataError, ShapeError } from "../errors.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { equal, where } from "../graph/ops/compare.js";
import { formatShape } from "../graph/tensor.js";
import type { Model } from "../nn/model.js";
import { flag, integerFrom, listOf, type OptionsOf, oneOf, optionTable } from "../options.js";
import type { Dataset } from "./dataset.js";

/** Numbers by which others are centered and scaled, (x - mean) / std: one for each group of the elements of an example. */
export interface Scale {
  readonly means: readonly number[];
  readonly stds: readonly number[];
}

/** How data are standardized; plain data, which JSON holds. */
export interface Standardization {
  readonly inputs: Scale;
  /** Of labels that are numbers. */
  readonly labels?: Scale | undefined;
  /** What stands in the place of inputs that are missing (NaN), one for each group; left out: none may be missing. */
  readonly gaps?: readonly number[] | undefined;
}

export interface StandardizationOptions extends OptionsOf<typeof standardizationOptions> {}

const standardizationOptions = optionTable("standardization", {
  /** Groups of equal size, one after the other, in which the elements of an example are, such as channels; default each column of [n, columns] by itself, else one. */
  groups: integerFrom(1).otherwise("the columns of [n, columns], else 1"),
  /** Whether an input is a number: others, such as those of a table's text, stay as they are. Default all. */
  isNumber: listOf(flag).otherwise("all are"),
  /** What becomes of inputs that are NaN, such as a table's gaps: an error, or the mean of the others in these data (0 where `isNumber` is false); default refuse. */
  missing: oneOf(["refuse", "mean"]).default("refuse"),
});

/**
 * Means and standard deviations of the inputs of training data, and of labels that are numbers: for {@link standardize}, of these data and of
 * others, and for {@link inDataUnits}. What is constant has the deviation 1. With `missing: "mean"` they hold what fills gaps, too: held-out
 * rows have no part in it.
 *
 * @throws DataError for fewer than three examples, and for inputs that are missing and must not be; ShapeError for data whose examples do not divide into the groups, or of another number of inputs than `isNumber`
 *
 * @example
 * const { images, labels } = digits();
 * const { train, validation } = divide({ inputs: images, labels });
 * const scale = standardization(train); // of a table: standardization(train, { isNumber: table.isNumber })
 * const data = standardize(train, scale);
 */
export function standardization(
  { inputs, labels }: Dataset,
  options: StandardizationOptions = {},
): Standardization {
  const [, ...example] = inputs.shape;
  const {
    groups = example.length === 1 ? example[0] : 1,
    isNumber,
    missing,
  } = standardizationOptions.read(options);
  const count = inputs.shape[0];
  if (count < leastExamples) {
    throw new DataError(
      `standardization: ${count} example${count === 1 ? " is" : "s are"} too few to learn from; expected ${leastExamples} or more for training.`,
    );
  }
  if (missing === "refuse") requireNoGaps(inputs);
  const { means, stds } = scaleOf(inputs, groups);
  if (isNumber !== undefined && isNumber.length !== groups) {
    throw new ShapeError(
      `standardization: isNumber has ${isNumber.length} entries; the inputs ${formatShape(inputs.shape)} have ${groups} groups.`,
    );
  }
  const isLeft = (i: number) => isNumber?.[i] === false;
  // Text that is missing is none of its values, as in a table: 0.
  const centers = means.map((mean, i) => (isLeft(i) ? 0 : mean));
  return {
    inputs: { means: centers, stds: stds.map((std, i) => (isLeft(i) ? 1 : std)) },
    ...(missing === "mean" ? { gaps: centers } : {}),
    ...(dtypeOf(labels) === "int64" ? {} : { labels: scaleOf(labels, labels.shape[1] ?? 1) }),
  };
}

/**
 * Data as floats, (x - mean) / std; inputs that are missing are filled in before.
 *
 * @throws ShapeError for examples that do not divide into the groups of the scale; DataError for inputs that are missing, where nothing fills them in
 */
export function standardize({ inputs, labels }: Dataset, by: Standardization): Dataset {
  if (by.gaps === undefined) requireNoGaps(inputs);
  return {
    inputs: scaledBy(inputs, by.inputs, by.gaps),
    labels: by.labels ? scaledBy(labels, by.labels) : labels,
  };
}

/**
 * A model that was trained on standardized data as one that takes and gives numbers as they are in the data, with the same parameters. It fills in
 * what is missing, NaN, as they were filled in.
 *
 * @example
 * const model = mlp({ sizes: [2, 8, 1] });
 * const inUnits = inDataUnits(model, { inputs: { means: [50, 5000], stds: [10, 900] } });
 * const predictor = await createPredictor(inUnits, model.init(torchGenerator(0))); // or trainer.current
 */
export const inDataUnits = <P, S>(
  model: Model<P, S>,
  { inputs, labels, gaps }: Standardization,
): Model<P, S> => ({
  ...model,
  apply(params, x, context) {
    const constant = (values: readonly number[], example: readonly number[]) =>
      alongExample(values, example, x.dtype as "float32" | "float64");
    const [mean, std] = [inputs.means, inputs.stds].map((values) => constant(values, x.shape.slice(1)));
    const known = gaps ? where(equal(x, x), x, constant(gaps, x.shape.slice(1))) : x;
    const { output, state } = model.apply(params, div(sub(known, mean), std), context);
    if (labels === undefined) return { output, state };
    const [shift, scale] = [labels.means, labels.stds].map((values) => constant(values, [values.length]));
    return { output: add(mul(output, scale), shift), state };
  },
});

/** Any two examples lie on a line: nothing can be learned from them. */
const leastExamples = 3;

/** @throws DataError that names the first input that is NaN */
function requireNoGaps({ shape, data }: NdArray): void {
  if (data instanceof BigInt64Array) return;
  const at = data.findIndex(Number.isNaN);
  if (at < 0) return;
  const width = data.length / shape[0];
  throw new DataError(
    `Input ${at % width} of example ${Math.floor(at / width)} is NaN. Correct it. If it is missing: standardization(train, { missing: "mean" }) fills in the mean of the training part.`,
  );
}

/** Numbers of groups as a constant [1, ...example]. */
function alongExample(
  values: readonly number[],
  example: readonly number[],
  dtype: "float32" | "float64",
): NdArray {
  const each = sizeOf(example) / values.length;
  const elements = values.flatMap((value) => new Array<number>(each).fill(value));
  return { ...array(elements, dtype), shape: [1, ...example] };
}

/** Number of elements of a group. @throws ShapeError where examples do not divide into groups */
function groupSize({ shape }: NdArray, groups: number): number {
  const each = sizeOf(shape.slice(1)) / groups;
  if (Number.isInteger(each)) return each;
  throw new ShapeError(`Examples of ${formatShape(shape)} do not divide into ${groups} groups of one size.`);
}

/** Mean and standard deviation of each group of elements, where NaN counts as the mean; those that are constant have the deviation 1. */
function scaleOf(a: NdArray, groups: number): Scale {
  const each = groupSize(a, groups);
  const count = a.data.length / groups;
  const known = new Float64Array(groups);
  const means = new Float64Array(groups);
  const squares = new Float64Array(groups);
  const groupOf = (i: number) => Math.floor((i % (each * groups)) / each);
  const isThere = (i: number) => !Number.isNaN(Number(a.data[i]));
  for (let i = 0; i < a.data.length; i++) if (isThere(i)) known[groupOf(i)] += 1;
  for (let i = 0; i < a.data.length; i++) {
    if (isThere(i)) means[groupOf(i)] += Number(a.data[i]) / known[groupOf(i)];
  }
  for (let i = 0; i < a.data.length; i++) {
    const g = groupOf(i);
    if (isThere(i)) squares[g] += (Number(a.data[i]) - means[g]) ** 2 / count;
  }
  // A column of equal numbers has a variance that is only the rounding of its mean.
  const stds = Array.from(squares, (v, g) => (v > 1e-14 * means[g] ** 2 ? Math.sqrt(v) : 1));
  return { means: [...means], stds };
}

/** @param gaps in the place of NaN */
function scaledBy(a: NdArray, { means, stds }: Scale, gaps?: readonly number[]): NdArray {
  const each = groupSize(a, means.length);
  const data = dtypeOf(a) === "float64" ? new Float64Array(a.data.length) : new Float32Array(a.data.length);
  for (let i = 0; i < data.length; i++) {
    const g = Math.floor((i % (each * means.length)) / each);
    const value = Number(a.data[i]);
    data[i] = ((gaps && Number.isNaN(value) ? gaps[g] : value) - means[g]) / stds[g];
  }
  return { shape: a.shape, data };
}
