import {
  array,
  astype,
  crossEntropy,
  type Dataset,
  type DType,
  dtypeOf,
  type NdArray,
  OptionError,
  sizeOf,
  type Tensor,
  takeRows,
} from "isoloss";
import { concatenateRows, type DividedData, type Scale, split, type TableOptions } from "isoloss/data";
import { mseLoss } from "isoloss/nn";
import { z } from "zod";
import { count, fromZero } from "./named.js";

/** Channels, height and width of an image. */
export type ImageShape = readonly [number, number, number];

export interface ColumnTask {
  readonly name: string;
  /** Left out of numbers. */
  readonly classes?: readonly string[] | undefined;
}

/** Data of a run. Images may be rows of pixels, too. */
export interface RunData extends DividedData {
  readonly image?: ImageShape | undefined;
  /** Names of inputs, of a table. */
  readonly features?: readonly string[] | undefined;
  /** Names of classes by their numbers, where the data have such. */
  readonly classes?: readonly string[] | undefined;
  /** Of a table: what reads another one into the same inputs. */
  readonly table?: TableOptions | undefined;
  /** What stands in the place of inputs that are missing, one for each column. */
  readonly gaps?: readonly number[] | undefined;
  /** Of data of the user's own, among the results of a run: how many rows have no label, and a yardstick. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  /** Of several tasks: the columns of the labels, which are numbers, or the classes by which they are numbered. */
  readonly tasks?: readonly ColumnTask[] | undefined;
  /** Left out: the inputs are as in the data. */
  readonly inputScale?: Scale | undefined;
  /** Of labels that are numbers. */
  readonly targetScale?: Scale | undefined;
}

/** What prediction needs of a run's data, as JSON: all but the examples, of which it has the form. */
interface DataForm extends Omit<RunData, keyof DividedData> {
  readonly inputs: { readonly shape: readonly number[]; readonly dtype: DType };
  readonly labels: DataForm["inputs"];
}

export function formOf({ train, validation: _, test: __, ...rest }: RunData): DataForm {
  const form = (a: NdArray) => ({ shape: a.shape.slice(1), dtype: dtypeOf(a) });
  return { ...rest, inputs: form(train.inputs), labels: form(train.labels) };
}

/** Data without examples. @param form of {@link formOf}, as a run stored it */
export function withoutExamples(form: object): RunData {
  const { inputs, labels, ...rest } = form as DataForm;
  const none = ({ shape, dtype }: DataForm["inputs"]): NdArray => ({
    ...array([], dtype),
    shape: [0, ...shape],
  });
  return { ...rest, train: { inputs: none(inputs), labels: none(labels) } };
}

export const mapParts = <D extends RunData>(data: D, change: (part: Dataset) => Dataset): D => ({
  ...data,
  train: change(data.train),
  validation: data.validation && change(data.validation),
  test: data.test && change(data.test),
});

/** Which of several equal parts of the test data judges a run: [i, n], i from 0. */
export type TestFold = readonly [number, number];

export const testFoldSchema = z
  .tuple([fromZero, count])
  .refine(([i, n]) => i < n, "expected [i, n] with i below n");

/**
 * Data of the i-th of n fresh runs: a part of the test data that is its own, so that the spread of the runs is also that of the
 * rows that judge them. Without test data they are as they are.
 *
 * @param isDivided whether training and validation data are a random division, of which each run then has its own
 * @throws OptionError for fewer test data than runs
 */
export function ofTestFold<D extends RunData>(
  data: D,
  [i, n]: TestFold,
  { isDivided }: { readonly isDivided: boolean },
): D {
  const { train, validation, test } = data;
  if (test === undefined) return data;
  const count = test.inputs.shape[0];
  if (count < n) {
    throw new OptionError(
      `The test data have ${count} example${count === 1 ? "" : "s"}, and each of ${n} fresh seeds is judged by some of its own: take a larger part (data.test), more data, or fewer seeds.`,
    );
  }
  const judged = { ...data, test: rowsOf(test, split(count, new Array<number>(n).fill(1 / n), 0)[i]) };
  if (!isDivided || validation === undefined) return judged;
  const [a, b] = [train, validation].map(({ inputs }) => inputs.shape[0]);
  const both: Dataset = {
    inputs: concatenateRows([train.inputs, validation.inputs]),
    labels: concatenateRows([train.labels, validation.labels]),
  };
  const [first, second] = split(a + b, [a / (a + b), b / (a + b)], i);
  return { ...judged, train: rowsOf(both, first), validation: rowsOf(both, second) };
}

const rowsOf = ({ inputs, labels }: Dataset, rows: ArrayLike<number>): Dataset => ({
  inputs: takeRows(inputs, rows),
  labels: takeRows(labels, rows),
});

const reshaped = ({ inputs, labels }: Dataset, shape: readonly number[]): Dataset => ({
  inputs: { ...inputs, shape: [inputs.shape[0], ...shape] } as NdArray,
  labels,
});

/** The same data with each example as a row of numbers. */
export const asRows = (data: RunData): RunData =>
  mapParts(data, (part) => reshaped(part, [sizeOf(part.inputs.shape.slice(1))]));

/** The same data with floats in the place of integers as inputs. */
export const asFloats = (data: RunData): RunData =>
  mapParts(data, ({ inputs, labels }) => ({
    inputs: dtypeOf(inputs) === "float64" ? inputs : astype(inputs, "float32"),
    labels,
  }));

/** The same data with images as [n, channels, height, width]. */
export function asImages(data: RunData): RunData {
  const { image } = data;
  return image ? mapParts(data, (part) => reshaped(part, image)) : data;
}

/** Shape of an example as a model of the user's own gets it. */
export const exampleShape = ({ image, train }: RunData): readonly number[] =>
  image ?? train.inputs.shape.slice(1);

/** @throws OptionError unless the examples are images */
export function requireImages({ image, train }: RunData, what: string): ImageShape {
  if (image) return image;
  throw new OptionError(
    `${what} takes images, and an example of the data is [${train.inputs.shape.slice(1).join(", ")}]. Of rows of numbers choose the model mlp, or one of your own: { module: FILE }.`,
  );
}

export type LossFunction = (output: Tensor, labels: Tensor) => Tensor;

/** The loss of a run by its labels: cross-entropy for classes, the mean squared error for numbers. */
export const lossOf = ({ labels }: Pick<Dataset, "labels">): LossFunction =>
  dtypeOf(labels) === "int64" ? crossEntropy : mseLoss;
