import { astype, type Dataset, dtypeOf, type NdArray, OptionError, sizeOf } from "isoloss";
import type { DividedData, Scale } from "isoloss/data";

/** Channels, height and width of an image. */
export type ImageShape = readonly [number, number, number];

/** Data of a run. Images may be rows of pixels, too. */
export interface RunData extends DividedData {
  /** Data that the publishers keep for testing. */
  readonly test?: Dataset | undefined;
  /** Of images. */
  readonly image?: ImageShape | undefined;
  /** Names of inputs, of a table. */
  readonly features?: readonly string[] | undefined;
  /** Names of classes by their numbers, where the data have such. */
  readonly classes?: readonly string[] | undefined;
  /** Left out: the inputs are as in the data. */
  readonly inputScale?: Scale | undefined;
  /** Of labels that are numbers. */
  readonly targetScale?: Scale | undefined;
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
