import { readFile } from "node:fs/promises";
import { type Batch, DataError, type NdArray, ndarray } from "isoloss";
import { type DataStream, exampleStream } from "isoloss/data";
import { flag, inCode, integerFrom, isFunction, type OptionsOf, optionTable, text } from "isoloss/internal";
import { facePartNames, parseFaceAttributes, parseFaceParts } from "../data/celeba.js";
import { Folder, type FolderGuide } from "./folder.js";
import { imageExamples } from "./image-part.js";

export interface CelebaOptions extends OptionsOf<typeof celebaOptions> {}

const celebaOptions = optionTable("loadCeleba", {
  /** A folder for the resized images, which are made there at the first reading, and again where one has another size or time; default none: decoded every time. */
  cache: text("a folder").otherwise("none: decoded every time"),
  /** Whether there must be as many examples as were published; default true. */
  isWhole: flag.default(true),
  /** Called for each image that is put into the cache, with the number of those done and of all of the part; default none. */
  onCached: inCode<(images: number, of: number) => void>("a function", isFunction).otherwise("none"),
  /** Examples of a part of the stream; default 64. */
  partSize: integerFrom(1).default(64),
});

/** Faces with their attributes. */
export interface CelebaData {
  /** In an order of each epoch's own. */
  readonly train: DataStream<Batch>;
  readonly validation: DataStream<Batch>;
  readonly test: DataStream<Batch>;
  /** The attributes, which are the tasks: names of their arrays. */
  readonly tasks: readonly string[];
}

export const celebaGuide: FolderGuide = {
  title: "CelebA",
  layout: [
    "list_attr_celeba.txt          or Anno/list_attr_celeba.txt: 40 attributes of each image",
    "list_eval_partition.txt       or Eval/list_eval_partition.txt: the part of each image",
    "img_align_celeba/000001.jpg   or Img/img_align_celeba/000001.jpg, and so on: aligned and cropped images",
  ],
  source: "mmlab.ie.cuhk.edu.hk/projects/CelebA.html, Align&Cropped Images",
  license: "CelebA is for non-commercial research",
  published: { train: 162_770, validation: 19_867, test: 19_962 },
};

const size = [64, 64] as const;

/**
 * CelebA: streams of `image` [n, 3, 64, 64] in [0, 1] and an array [n] of 1 and 0 for each attribute. Images are resized as Pillow
 * does it, not normalized, not changed by chance.
 *
 * @throws MissingDataError, which says how the folder must look and where to get it; DataError for lists that do not fit, and from
 *   the stream for images that cannot be decoded; OptionError
 *
 * @example
 * const { train, tasks } = await loadCeleba("celeba", { isWhole: false });
 * for await (const { image, Smiling } of train.batches(0, 0)) console.log(image.shape, Smiling.shape);
 */
export async function loadCeleba(directory: string, options: CelebaOptions = {}): Promise<CelebaData> {
  const { cache, isWhole, onCached, partSize } = celebaOptions.read(options);
  const folder = new Folder(directory, celebaGuide);
  const place = (name: string, within: string) => folder.first([name, `${within}/${name}`]);
  const read = async (path: string) => readFile(folder.at(path), "utf8");
  const attributes = await place("list_attr_celeba.txt", "Anno");
  const partition = await place("list_eval_partition.txt", "Eval");
  const images = await place("img_align_celeba", "Img");
  const { names, files, values } = await located(folder, attributes, async () =>
    parseFaceAttributes(await read(attributes)),
  );
  const parts = await located(folder, partition, async () => parseFaceParts(await read(partition), files));
  const there = new Set(await folder.names(images));
  const lost = files.find((file) => !there.has(file));
  if (lost !== undefined) {
    throw folder.wrong(
      images,
      `there is no ${lost}, which list_attr_celeba.txt names; the folder has ${there.size} files for ${files.length} images. Unpack img_align_celeba.zip again.`,
    );
  }
  if (isWhole) {
    folder.requireWhole(Object.fromEntries(facePartNames.map((part) => [part, parts[part].length])));
  }
  const streamOf = (part: (typeof facePartNames)[number]) => {
    const places = parts[part];
    const labels = (numbers: readonly number[]): Record<string, NdArray> =>
      Object.fromEntries(
        names.map((name, k) => [
          name,
          ndarray(
            Float32Array.from(numbers, (number) => values[k][places[number]]),
            [numbers.length],
          ),
        ]),
      );
    const paths = places.map((at) => folder.at(`${images}/${files[at]}`));
    return exampleStream(imageExamples({ paths, size, name: "image", cache, onCached, labels }), {
      partSize,
      shuffle: part === "train",
    });
  };
  return {
    train: streamOf("train"),
    validation: streamOf("validation"),
    test: streamOf("test"),
    tasks: names,
  };
}

/** What a file's parser says, with the folder that the file is in. */
async function located<T>(folder: Folder, path: string, parse: () => Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (error) {
    throw error instanceof DataError ? folder.wrong(path, error.message) : error;
  }
}
