// Options of commands that read data for a model.
import { InvalidArgumentError } from "commander";
import { isUndefined, omitBy } from "es-toolkit";
import { type Values, value } from "../option-rows.js";
import { finiteNumber, imageSize, positiveInteger } from "../parse.js";
import type { DataSource } from "./batches.js";

const numbers = (text: string): readonly number[] => text.split(",").map(finiteNumber);

function deviations(text: string): readonly number[] {
  const list = numbers(text);
  if (list.some((n) => n <= 0)) throw new InvalidArgumentError("It must be positive numbers.");
  return list;
}

/** How images become numbers. */
export const imageOptions = {
  imageSize: value("<HxW>", "resize images to this size; default that of the model's input", imageSize),
  scale: value(
    "<number>",
    "images are (scale * pixel - mean) / std, pixels in 0..1; default 1",
    finiteNumber,
  ),
  mean: value("<numbers>", "one number, or one a channel: 0.485,0.456,0.406; default 0", numbers),
  std: value("<numbers>", "likewise; default 1", deviations),
};

export const dataOptions = {
  limit: value("<n>", "read at most so many examples", positiveInteger, 64),
  ...imageOptions,
};

export type DataOptions = Partial<Values<typeof dataOptions>>;

/** The place of data, with the options that were given. */
export const dataSource = (
  path: string,
  { imageSize: size, limit, scale, mean, std }: DataOptions,
): DataSource => ({
  path,
  limit,
  images: omitBy({ size, scale, mean, std }, isUndefined),
});

/** What data can be, for help texts. */
export const dataHelp = `Data are a .npy file with one array for the model's only input, an .npz file with arrays by the inputs' names, a PNG or
JPEG image, or a folder of images or of such folders, of which each gives one image in turn. The first axis has the
examples; they run up to 32 at once, or as many as the model takes, and a rest is left out. An .npz file for inputs of
which some have no examples, such as a state, is one batch. Images become float32 [N, C, H, W] with pixels in 0..1, in
the size (bilinear, without antialiasing) and the channels that the model takes; JPEG needs
npm install @jsquash/jpeg.`;
