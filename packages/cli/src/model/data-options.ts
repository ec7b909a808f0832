// Options of commands that read data for a model.
import { type Command, InvalidArgumentError } from "commander";
import { finiteNumber, imageSize, positiveInteger } from "../parse.js";
import type { DataSource } from "./batches.js";

/** What the options below give. */
export interface DataOptions {
  readonly imageSize?: readonly [number, number];
  readonly scale?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly limit?: number;
}

/** Adds the options about images and the number of examples, by default 64. */
export const withDataOptions = (command: Command): Command =>
  withImageOptions(command.option("--limit <n>", "read at most so many examples", positiveInteger, 64));

/** Adds the options about images. */
export const withImageOptions = (command: Command): Command =>
  command
    .option("--image-size <HxW>", "resize images to this size; default that of the model's input", imageSize)
    .option(
      "--scale <number>",
      "images are (scale * pixel - mean) / std, pixels in 0..1; default 1",
      finiteNumber,
    )
    .option("--mean <numbers>", "one number, or one a channel: 0.485,0.456,0.406; default 0", numbers)
    .option("--std <numbers>", "likewise; default 1", deviations);

/** The place of data, with the options that were given. */
export const dataSource = (
  path: string,
  { imageSize: size, limit, scale, mean, std }: DataOptions,
): DataSource => ({
  path,
  ...(limit === undefined ? {} : { limit }),
  images: {
    ...(size === undefined ? {} : { size }),
    ...(scale === undefined ? {} : { scale }),
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
  },
});

const numbers = (text: string): readonly number[] => text.split(",").map(finiteNumber);

function deviations(text: string): readonly number[] {
  const list = numbers(text);
  if (list.some((n) => n <= 0)) throw new InvalidArgumentError("It must be positive numbers.");
  return list;
}

/** What data can be, for help texts. */
export const dataHelp = `Data are a .npy file with one array for the model's only input, an .npz file with arrays by the inputs' names, a PNG or
JPEG image, or a folder of images or of such folders, of which each gives one image in turn. The first axis has the
examples; they run up to 32 at once, or as many as the model takes, and a rest is left out. An .npz file for inputs of
which some have no examples, such as a state, is one batch. Images become float32 [N, C, H, W] with pixels in 0..1, in
the size (bilinear, without antialiasing) and the channels that the model takes; JPEG needs
npm install @jsquash/jpeg@1.6.0.`;
