// Dense prediction: classes, depth and normals for each pixel, on CityScapes and NYUv2 as S. Liu, E. Johns and A. Davison publish them for MTAN.
import type { Batch } from "isoloss";
import { type DataStream, exampleStream, scaleCropFlip } from "isoloss/data";
import { flag, integerFrom, keptExamples, type OptionsOf, oneOf, optionTable } from "isoloss/internal";
import { Folder, type FolderGuide } from "./folder.js";
import { type MapFiles, openNpyPart } from "./npy-folder.js";

export interface DenseOptions extends OptionsOf<typeof cityscapesOptions> {}

const rows = {
  /** Whether training examples are scaled, cropped and mirrored anew in each epoch; default true. */
  augment: flag.default(true),
  /** How the scale of an enlarged example changes its depth: `divide`, as published, or `multiply`; default `divide`. */
  depthScale: oneOf(["divide", "multiply"]).default("divide"),
  /** Whether there must be as many examples as were published; default true. */
  isWhole: flag.default(true),
  /** Whether examples stay in memory once they are read; default false. */
  keep: flag.default(false),
  /** Examples of a part of the stream; default 8. */
  partSize: integerFrom(1).default(8),
};

const cityscapesOptions = optionTable("loadCityscapes", rows);

const nyuv2Options = optionTable("loadNyuv2", rows);

/** Images with maps of numbers for each pixel, of training and of test. */
export interface DenseData {
  /** In an order of each epoch's own. */
  readonly train: DataStream<Batch>;
  /** The folder `val`, which the papers report. */
  readonly test: DataStream<Batch>;
  /** Classes of `semantic`; -1 is a pixel without one. */
  readonly classes: number;
  readonly size: readonly [height: number, width: number];
}

/** Numbers in a range, with a little for how they were rounded. */
const between = (low: number, high: number) => (value: number) => value >= low - 1e-3 && value <= high + 1e-3;

const image: MapFiles = {
  name: "image",
  folders: ["image"],
  channels: 3,
  kind: "image",
  accepts: between(0, 1),
  expected: "numbers in [0, 1] (of bytes: x / 255)",
};
const depth: MapFiles = {
  name: "depth",
  folders: ["depth"],
  channels: 1,
  kind: "depth",
  accepts: (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
  expected: "numbers >= 0, 0 where it is not known",
};
const normal: MapFiles = {
  name: "normal",
  folders: ["normal"],
  channels: 3,
  kind: "normal",
  accepts: between(-1, 1),
  expected: "vectors of length 1, or 0 where they are not known",
  // Loosely, for normals that were interpolated when the images were made smaller.
  length: (length) => length === 0 || Math.abs(length - 1) < 0.1,
};
const semantic = (classes: number, folders: readonly string[]): MapFiles => ({
  name: "semantic",
  folders,
  channels: 0,
  kind: "classes",
  accepts: (value) => Number.isInteger(value) && value >= -1 && value < classes,
  expected: `classes 0 to ${classes - 1}, -1 where there is none`,
});

const preprocessed = "the link to preprocessed data in the README of github.com/lorenmt/mtan";

export const cityscapesGuide: FolderGuide = {
  title: "CityScapes",
  layout: [
    "train/image/0.npy, 1.npy, ...    images [height, width, 3], numbers in [0, 1]",
    "train/label_7/0.npy, ...         classes 0 to 6 or -1, [height, width]; the folder may be named label",
    "train/depth/0.npy, ...           inverse depth [height, width, 1], 0 where it is not known",
    "val/...                          the same for testing",
  ],
  source: preprocessed,
  license: "Cityscapes is for non-commercial use, after registration",
  published: { train: 2975, test: 500 },
};

export const nyuv2Guide: FolderGuide = {
  title: "NYUv2",
  layout: [
    "train/image/0.npy, 1.npy, ...    images [height, width, 3], numbers in [0, 1]",
    "train/label/0.npy, ...           classes 0 to 12 or -1, [height, width]",
    "train/depth/0.npy, ...           meters [height, width, 1], 0 where it is not known",
    "train/normal/0.npy, ...          vectors of length 1 [height, width, 3], or 0",
    "val/...                          the same for testing",
  ],
  source: preprocessed,
  license: "NYUv2 is for research",
  published: { train: 795, test: 654 },
};

/**
 * CityScapes as preprocessed for MTAN: streams of `image` [n, 3, H, W] in [0, 1], `semantic` [n, H, W] of int64, classes 0 to 6 or -1, and
 * `depth` [n, 1, H, W], inverse depth or 0.
 *
 * Losses: `crossEntropy(logits, semantic, { axis: 1, ignoreIndex: -1 })`, `l1Loss(output, depth, { mask: greater(depth, 0) })`.
 *
 * @throws MissingDataError, which says how the folder must look and where to get it; DataError for gaps, and from the stream for
 *   files of other shapes or numbers; OptionError
 *
 * @example
 * const { train, test } = await loadCityscapes("cityscapes", { isWhole: false });
 * for await (const { image, semantic, depth } of train.batches(0, 0)) console.log(image.shape);
 */
export const loadCityscapes = (directory: string, options: DenseOptions = {}): Promise<DenseData> =>
  loadDense(new Folder(directory, cityscapesGuide), cityscapesOptions.read(options), {
    classes: 7,
    maps: [image, semantic(7, ["label_7", "label"]), depth],
  });

/**
 * NYUv2 as preprocessed for MTAN: streams of `image` [n, 3, H, W] in [0, 1], `semantic` [n, H, W] of int64, classes 0 to 12 or -1,
 * `depth` [n, 1, H, W] in meters or 0, and `normal` [n, 3, H, W], vectors of length 1 or 0.
 *
 * Losses as of CityScapes, and `normalLoss(output, normal)`.
 *
 * @throws MissingDataError, which says how the folder must look and where to get it; DataError for gaps, and from the stream for
 *   files of other shapes or numbers; OptionError
 *
 * @example
 * const { train, classes } = await loadNyuv2("nyuv2", { isWhole: false, augment: false }); // 13 classes
 */
export const loadNyuv2 = (directory: string, options: DenseOptions = {}): Promise<DenseData> =>
  loadDense(new Folder(directory, nyuv2Guide), nyuv2Options.read(options), {
    classes: 13,
    maps: [image, semantic(13, ["label"]), depth, normal],
  });

async function loadDense(
  folder: Folder,
  { augment, depthScale, isWhole, keep, partSize }: ReturnType<typeof nyuv2Options.read<DenseOptions>>,
  { classes, maps }: { readonly classes: number; readonly maps: readonly MapFiles[] },
): Promise<DenseData> {
  const [train, test] = [await openNpyPart(folder, "train", maps), await openNpyPart(folder, "val", maps)];
  if (train.size.join() !== test.size.join()) {
    throw folder.wrong(
      "val/image/0.npy",
      `images of training have [${train.size.join(", ")}] pixels, those of testing [${test.size.join(", ")}]: they must be of one size.`,
    );
  }
  if (isWhole) folder.requireWhole({ train: train.length, test: test.length });
  const kept = keep ? keptExamples : <T>(examples: T) => examples;
  const kinds = Object.fromEntries(maps.map(({ name, kind }) => [name, kind]));
  return {
    train: exampleStream(kept(train), {
      partSize,
      shuffle: true,
      ...(augment
        ? { transform: (part, reading) => scaleCropFlip(part, { maps: kinds, depthScale, ...reading }) }
        : {}),
    }),
    test: exampleStream(kept(test), { partSize }),
    classes,
    size: train.size,
  };
}
