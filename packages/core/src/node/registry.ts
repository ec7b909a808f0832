import { digits } from "../data/digits.js";
import { type DividedData, type DivideOptions, divide, divideOptions } from "../data/divide.js";
import type { Choice } from "../registry.js";
import { loadIdxDataset } from "./datasets.js";

/** A data set of images for training. Inputs are rows of pixels. Published test data are those for testing. */
export interface TrainingImages extends DividedData {
  /** Channels, height and width of an image. */
  readonly image: readonly [number, number, number];
}

type Make = (options?: DivideOptions) => Promise<TrainingImages>;

const idx =
  (name: "mnist" | "fashion-mnist"): Make =>
  async (options) => {
    const { train, test } = await loadIdxDataset(name);
    return {
      ...divide(train, options),
      test: { inputs: test.images, labels: test.labels },
      image: [1, 28, 28],
    };
  };

const { test: _, ...rows } = divideOptions.rows;
/** Of data whose publishers keep some for testing. */
const withoutTest = { ...divideOptions, rows };

/** Every data set by name. */
export const datasets = {
  digits: {
    make: async (options) => ({ ...divide(digits(), options), image: [1, 8, 8] }),
    options: divideOptions,
    summary: "1797 handwritten digits of 8 x 8 pixels, part of the package",
  },
  fashionMnist: {
    make: idx("fashion-mnist"),
    options: withoutTest,
    summary: "70000 pictures of clothes of 28 x 28 pixels: isoloss data fetch fashionMnist",
  },
  mnist: {
    make: idx("mnist"),
    options: withoutTest,
    summary: "70000 handwritten digits of 28 x 28 pixels: isoloss data fetch mnist",
  },
} satisfies Readonly<Record<string, Choice<Make>>>;
