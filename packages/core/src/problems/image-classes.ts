import { astype } from "../array.js";
import { takeRows } from "../data/batches.js";
import { type LabeledImages, requireLabeled } from "../data/labeled-images.js";
import { OptionError } from "../errors.js";
import { torchGenerator } from "../math/mt19937.js";
import { permutation } from "../math/rng.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { type MlpParams, mlp } from "../nn/models/mlp.js";
import { integerFrom, listOf, number, type OptionsOf, oneOf, optionTable } from "../options.js";
import { hiddenAction } from "../symmetry/hidden/hidden-action.js";
import type { Problem } from "./problem.js";

export interface ImageClassesOptions extends OptionsOf<typeof imageClassesOptions> {}

export const imageClassesOptions = optionTable("imageClasses", {
  /** Seed of the choice of images and of the network; default 0. */
  seed: number({ integer: true }).default(0),
  /** Number of images; default 2000. */
  images: integerFrom(1).default(2000),
  /** Widths of the hidden layers; default [128, 64]. */
  hidden: listOf(integerFrom(1), { least: 1 }).default([128, 64]),
  /** Element type of the parameters and the images; default float64. */
  dtype: oneOf(["float32", "float64"]).default("float64"),
});

/**
 * The classes of n images by a network with tanh, all of them at every step:
 *
 * L = -1/n sum_i log softmax(f(x_i))_{y_i}
 *
 * The images are drawn without repetition. The batch is `x` [n, pixels] and `y` [n], int64.
 * `symmetry()` is eq. 8 of paper 1, which is exact for at most as many images as a layer has inputs (one more with a bias): for more it
 * refuses to move. Level-set steps need no symmetry.
 *
 * @param given images [count, pixels] and labels, such as the `train` of `loadIdxDataset`
 * @param options `seed` of all that is drawn; `images`: n, default 2000; `hidden` widths, default 128 and 64; `dtype`
 * @throws OptionError for settings out of range, and for more images than there are; DataError, ShapeError for others than images
 *   with labels
 *
 * @example
 * imageClasses(digits(), { images: 100, hidden: [16] }).start.layers.length; // 2
 */
export function imageClasses(given: LabeledImages, options: ImageClassesOptions = {}): Problem<MlpParams> {
  const { seed, images: n, hidden, dtype } = imageClassesOptions.read(options);
  requireLabeled("imageClasses", given);
  const { images, labels } = given;
  const [count, pixels] = images.shape;
  if (n > count) {
    throw new OptionError(`imageClasses: images must be at most ${count}, as many as there are; got ${n}.`);
  }
  const rows = permutation(count, seed).slice(0, n);
  const classes = 1 + labels.data.reduce((most, label) => Math.max(most, Number(label)), 0);
  const model = mlp({ sizes: [pixels, ...hidden, classes], activation: "tanh" });
  const { params: start } = model.init(torchGenerator(seed), { dtype });
  return {
    name: "image-classes",
    loss: (params, batch) => crossEntropy(model.apply(params, batch.x).output, batch.y),
    start,
    batch: { x: astype(takeRows(images, rows), dtype), y: takeRows(labels, rows) },
    symmetry: () => hiddenAction(start, { activation: "tanh" }),
  };
}
