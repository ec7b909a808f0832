import { astype, type Dataset, dtypeOf, type NdArray, OptionError, sizeOf } from "isoloss";
import type { DividedData, TableOptions } from "isoloss/data";

/** Channels, height and width of an image. */
export type ImageShape = readonly [number, number, number];

/** Numbers that were centered and scaled: (x - mean) / std. */
export interface Scaled {
  /** One for each column of inputs or targets, or for each channel. */
  readonly means: readonly number[];
  readonly stds: readonly number[];
}

/** A column of labels. */
export interface ColumnTask {
  readonly name: string;
  /** Left out of numbers. */
  readonly classes?: readonly string[] | undefined;
}

/** Data of a run. Images may be rows of pixels, too. */
export interface RunData extends DividedData {
  /** Of images. */
  readonly image?: ImageShape | undefined;
  /** Names of inputs, of a table. */
  readonly features?: readonly string[] | undefined;
  /** Names of classes by their numbers, where the data have such. */
  readonly classes?: readonly string[] | undefined;
  /** Of a table: what reads another one into the same inputs. */
  readonly table?: TableOptions | undefined;
  /** Of inputs where the data lack values: what stands in their place, one for each column. */
  readonly gapMeans?: readonly number[] | undefined;
  /** Of several tasks: the columns of the labels, which are numbers, or the classes by which they are numbered. */
  readonly tasks?: readonly ColumnTask[] | undefined;
  /** Left out: the inputs are as in the data. */
  readonly inputScale?: Scaled | undefined;
  /** Of labels that are numbers. */
  readonly targetScale?: Scaled | undefined;
}

/** The same change of every part. */
export const mapParts = <D extends RunData>(data: D, change: (part: Dataset) => Dataset): D => ({
  ...data,
  train: change(data.train),
  validation: data.validation && change(data.validation),
  test: data.test && change(data.test),
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

/** Shape of an example as a model of the user's own is told it. */
export const exampleShape = ({ image, train }: RunData): readonly number[] =>
  image ?? train.inputs.shape.slice(1);

/** @throws OptionError unless the examples are images */
export function requireImages({ image, train }: RunData, what: string): ImageShape {
  if (image) return image;
  throw new OptionError(
    `${what} takes images, and an example of the data is [${train.inputs.shape.slice(1).join(", ")}]. Of rows of numbers choose the model mlp, or one of your own: { module: FILE }.`,
  );
}
