import type { Batch } from "../batch.js";
import { attributesOf, digitAttributes } from "../data/attributes.js";
import { split, takeRows } from "../data/batches.js";
import { digits } from "../data/digits.js";
import { type LabeledImages, requireLabeled } from "../data/labeled-images.js";
import { type OverlayOptions, overlayImages } from "../data/overlay.js";
import { resizeImages } from "../data/resize.js";
import { OptionError } from "../errors.js";
import { permutation } from "../math/rng.js";
import type { LinearParams } from "../nn/linear.js";
import type { MultiHeadParams } from "../nn/models/multi-head.js";
import { type LenetHeadParams, type LenetTrunkParams, multiLenet } from "../nn/models/multi-lenet.js";
import { type MlpTrunkParams, multiMlp } from "../nn/models/multi-mlp.js";
import { flag, integerFrom, listOf, number, type OptionsOf, optionTable, smoothing } from "../options.js";
import { classification, type MultiTaskProblem } from "./multi-task.js";

export type LenetParams = MultiHeadParams<LenetTrunkParams, LenetHeadParams>;
export type MlpParams = MultiHeadParams<MlpTrunkParams, LinearParams>;

/** A data set in two parts, such as `loadIdxDataset` gives. */
export interface SplitImages {
  readonly train: LabeledImages;
  readonly test: LabeledImages;
}

export interface ImageTasksOptions extends OptionsOf<typeof fashionDigitsOptions> {}

export interface MultiFashionOptions extends OptionsOf<typeof multiFashionOptions> {}

export interface FashionAttributesOptions extends OptionsOf<typeof fashionAttributesOptions> {}

export interface DigitQuestionsOptions extends OptionsOf<typeof digitQuestionsOptions> {}

const rows = {
  /** Seed of the choice of partners and, for digits, of the split; default 0. */
  seed: number({ integer: true }).default(0),
  /** Number of overlaid images to train on; default one for each left image. */
  trainCount: integerFrom(1).otherwise("one for each left image"),
  /** Number of overlaid images to test on; default one for each left image. */
  testCount: integerFrom(1).otherwise("one for each left image"),
  /** Dropout rate of the model; default 0.5. */
  dropout: smoothing.default(0.5),
};

export const multiFashionOptions = optionTable("multiFashion", {
  ...rows,
  /** Whether to multiply the left task's loss by 10 and ask only if the right item is a shoe; default false. */
  imbalanced: flag.default(false),
});

export const fashionDigitsOptions = optionTable("fashionDigits", rows);

export const fashionAttributesOptions = optionTable("fashionAttributes", {
  ...rows,
  /** Number of questions, half of them about each item; default 40. */
  questions: integerFrom(2).default(40),
});

export const digitQuestionsOptions = optionTable("digitQuestions", {
  /** Seed of the split; default 0. */
  seed: rows.seed,
  /** Widths of the shared layers; default [64, 32]. */
  hidden: listOf(integerFrom(1)).default([64, 32]),
});

/** Mean and standard deviation of the pixels of Fashion-MNIST's training images. */
const fashion = { mean: 0.286, deviation: 0.353 };

/** Fashion-MNIST's shoes: sandal, sneaker, ankle boot. */
const shoes = [5, 7, 9];

/**
 * Multi-Fashion: two items of clothing in one image, upper left and lower right, each of 10 classes, by a LeNet.
 *
 * With `imbalanced` the left task's loss is multiplied by 10, and the right task asks whether its item is a
 * shoe. The gradients then differ greatly in size; otherwise the smaller one hardly ever conflicts with the
 * mean.
 *
 * @throws OptionError; ShapeError when images are not 28 x 28
 *
 * @example
 * const problem = multiFashion(await loadIdxDataset("fashion-mnist"), { imbalanced: true });
 * const trainer = await createMultiTaskTrainer({
 *   ...problem, data: problem.train, method: caGrad(), optimizer: adam(), learningRate: 1e-3, batchSize: 256,
 * });
 */
export function multiFashion(
  images: SplitImages,
  given: MultiFashionOptions = {},
): MultiTaskProblem<LenetParams> {
  const options = multiFashionOptions.read(given);
  const { imbalanced } = options;
  const tasks = {
    left: { outputs: 10, scale: imbalanced ? 10 : 1 },
    right: { outputs: imbalanced ? 1 : 10 },
  };
  const parts = overlaid(images, images, options, imbalanced ? shoes : undefined);
  const name = imbalanced ? "multi-fashion-imbalanced" : "multi-fashion";
  return classification(name, { ...parts, tasks, make: lenetWith(options) });
}

/**
 * Fashion+digits: an item of clothing (upper left) and a handwritten digit (lower right) in one image, by a LeNet. The digits
 * are those of the package, resized from 8 x 8 to 28 x 28 pixels; four fifths of them are for training, the
 * others for testing.
 *
 * @throws OptionError; ShapeError when images are not 28 x 28
 *
 * @example
 * fashionDigits(await loadIdxDataset("fashion-mnist")).tasks; // left, right
 */
export function fashionDigits(
  images: SplitImages,
  given: ImageTasksOptions = {},
): MultiTaskProblem<LenetParams> {
  const options = fashionDigitsOptions.read(given);
  const large = ({ images: small, labels }: LabeledImages): LabeledImages => ({
    images: resizeImages(small, { from: [8, 8], to: [28, 28] }),
    labels,
  });
  const { train, test } = splitDigits(options.seed);
  const parts = overlaid(images, { train: large(train), test: large(test) }, options);
  const tasks = { left: { outputs: 10 }, right: { outputs: 10 } };
  return classification("fashion-digits", { ...parts, tasks, make: lenetWith(options) });
}

/**
 * Many yes-or-no questions about the two items of clothing of a Multi-Fashion image, by a LeNet with a head for each: whether
 * the class of the left or the right item is one of some classes. A question has two to five of the ten, drawn once for
 * all seeds, and no two questions about an item are equal.
 *
 * @throws OptionError for more questions than there are; ShapeError when images are not 28 x 28
 *
 * @example
 * fashionAttributes(await loadIdxDataset("fashion-mnist")).tasks.length; // 40
 */
export function fashionAttributes(
  images: SplitImages,
  given: FashionAttributesOptions = {},
): MultiTaskProblem<LenetParams> {
  const options = fashionAttributesOptions.read(given);
  const parts = overlaid(images, images, options);
  const left = questionsAbout("left", Math.ceil(options.questions / 2));
  const right = questionsAbout("right", Math.floor(options.questions / 2));
  const answers = ({ x, left: l, right: r }: Batch): Batch => ({
    x,
    ...attributesOf(l as LabeledImages["labels"], left),
    ...attributesOf(r as LabeledImages["labels"], right),
  });
  return classification("fashion-attributes", {
    train: answers(parts.train),
    test: answers(parts.test),
    tasks: Object.fromEntries(Object.keys({ ...left, ...right }).map((name) => [name, { outputs: 1 }])),
    make: lenetWith(options),
  });
}

/** Sets of two to five classes by the name of their question, such as `left-0-3-7`. */
function questionsAbout(item: "left" | "right", count: number): Readonly<Record<string, readonly number[]>> {
  // Subsets of ten classes of two to five: C(10, 2) + ... + C(10, 5).
  const most = 45 + 120 + 210 + 252;
  if (count > most) throw new OptionError(`fashionAttributes: expected questions <= ${2 * most}; got more.`);
  const questions = new Map<string, readonly number[]>();
  for (let draw = 0; questions.size < count; draw++) {
    const classes = permutation(10, item === "left" ? 0 : 1, draw)
      .slice(0, 2 + (draw % 4))
      .sort();
    questions.set(`${item}-${classes.join("-")}`, [...classes]);
  }
  return Object.fromEntries(questions);
}

/**
 * Eight questions about each handwritten digit of the package (see {@link digitAttributes}) by one multilayer perceptron:
 * shared layers 64-64-32, one linear head for each question. Four fifths of the digits are for training.
 *
 * @throws OptionError
 *
 * @example
 * digitQuestions().tasks.length; // 8
 */
export function digitQuestions(options: DigitQuestionsOptions = {}): MultiTaskProblem<MlpParams> {
  const { seed, hidden } = digitQuestionsOptions.read(options);
  const { train, test } = splitDigits(seed);
  const batchOf = ({ images, labels }: LabeledImages): Batch => ({ x: images, ...attributesOf(labels) });
  return classification("digit-attributes", {
    tasks: Object.fromEntries(Object.keys(digitAttributes).map((name) => [name, { outputs: 1 }])),
    train: batchOf(train),
    test: batchOf(test),
    make: (heads) => multiMlp({ sizes: [64, ...hidden], heads }),
  });
}

function splitDigits(seed: number): SplitImages {
  const { images, labels } = digits();
  const [train, test] = split(labels.data.length, [0.8, 0.2], seed).map((rows) => ({
    images: takeRows(images, rows),
    labels: takeRows(labels, rows),
  }));
  return { train, test };
}

/** Overlays both parts; with `positives`, the right labels say whether the class is one of these. */
function overlaid(
  left: SplitImages,
  right: SplitImages,
  { seed = 0, trainCount, testCount }: ImageTasksOptions,
  positives?: readonly number[],
): { readonly train: Batch; readonly test: Batch } {
  for (const images of [left, right]) {
    const { train, test } = (images ?? {}) as Partial<SplitImages>;
    requireLabeled("A problem of images: train", train);
    requireLabeled("A problem of images: test", test);
  }
  const make = (part: "train" | "test", count: number | undefined): Batch => {
    const options: OverlayOptions = { ...fashion, seed: part === "train" ? seed : seed + 1, count };
    const { x, left: l, right: r } = overlayImages(left[part], right[part], options);
    return { x, left: l, right: positives ? attributesOf(r, { right: positives }).right : r };
  };
  return { train: make("train", trainCount), test: make("test", testCount) };
}

const lenetWith =
  ({ dropout }: ImageTasksOptions) =>
  (heads: Readonly<Record<string, number>>) =>
    multiLenet({ heads, dropout });
