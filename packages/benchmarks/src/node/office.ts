// Office-31 and Office-Home, read from folders of images: a task for each source of images, all with the same classes. Lists and parts
// are as B. Lin and Y. Zhang, "LibMTL: a Python library for deep multi-task learning", JMLR 24, 2023, has them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Batch, DataError, ndarray } from "isoloss";
import { createRng, type DataStream, exampleStream } from "isoloss/data";
import { flag, inCode, integerFrom, isFunction, type OptionsOf, optionTable, text } from "isoloss/internal";
import { reasonOf } from "isoloss/node";
import { Folder, type FolderGuide } from "./folder.js";
import { imageExamples } from "./image-part.js";

export interface OfficeOptions extends OptionsOf<typeof office31Options> {}

const rows = {
  /** A folder for the resized images, which are made there at the first reading, and again where one has another size or time; default none: decoded every time. */
  cache: text("a folder").otherwise("none: decoded every time"),
  /** Whether there must be as many examples as were published; default true. */
  isWhole: flag.default(true),
  /**
   * A folder with lists TASK_train.txt, TASK_val.txt and TASK_test.txt; default the folder `lists` beside the images, and where there
   * is none 60, 20 and 20 % of each class by seed.
   */
  lists: text("a folder").otherwise("the folder lists, or 60, 20 and 20 % of each class"),
  /** Called for each image that is put into the cache, with the number of those done and of all of the part; default none. */
  onCached: inCode<(images: number, of: number) => void>("a function", isFunction).otherwise("none"),
  /** Examples of a part of the stream; default 16. */
  partSize: integerFrom(1).default(16),
  /** Pixels of a side; default 224. */
  side: integerFrom(1).default(224),
  /** Seed of the parts without lists; default 0. */
  splitSeed: integerFrom(0).default(0),
};

const office31Options = optionTable("loadOffice31", rows);

const officeHomeOptions = optionTable("loadOfficeHome", rows);

/** Parts of the images of one task. */
export interface OfficeTask {
  /** In an order of each epoch's own. */
  readonly train: DataStream<Batch>;
  readonly validation: DataStream<Batch>;
  readonly test: DataStream<Batch>;
}

/** Tasks with images of their own, of the same classes. */
export interface OfficeData {
  readonly tasks: Readonly<Record<string, OfficeTask>>;
  readonly classes: number;
}

interface Form {
  readonly guide: FolderGuide;
  readonly classes: number;
  /** Folders of a task, one of which is there: the classes are in it. */
  readonly folders: Readonly<Record<string, readonly string[]>>;
}

export const office31: Form = {
  guide: {
    title: "Office-31",
    layout: [
      "amazon/images/back_pack/frame_0001.jpg   dslr/ and webcam/ likewise; a folder for each of 31 classes",
    ],
    source:
      "faculty.cc.gatech.edu/~judy/domainadapt; lists are in github.com/median-research-group/LibMTL, examples/office/data_txt",
    license: "Office-31 is for research",
    published: { amazon: 2817, dslr: 498, webcam: 795 },
  },
  classes: 31,
  folders: {
    amazon: ["amazon/images", "amazon"],
    dslr: ["dslr/images", "dslr"],
    webcam: ["webcam/images", "webcam"],
  },
};

export const officeHome: Form = {
  guide: {
    title: "Office-Home",
    layout: [
      "Art/Calendar/00001.jpg   Clipart/, Product/ and Real World/ (or Real_World/) likewise; a folder for each of 65 classes",
    ],
    source:
      "hemanthdv.github.io/officehome-dataset; lists are in github.com/median-research-group/LibMTL, examples/office/data_txt",
    license: "Office-Home is for non-commercial research",
    published: { Art: 2427, Clipart: 4365, Product: 4439, Real_World: 4357 },
  },
  classes: 65,
  folders: {
    Art: ["Art"],
    Clipart: ["Clipart"],
    Product: ["Product"],
    Real_World: ["Real_World", "Real World"],
  },
};

/** Those of ImageNet, which the weights that models start from were trained with. */
const normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Office-31: a task for amazon, dslr and webcam, each with streams of `amazonImages` [n, 3, 224, 224], normalized as for ImageNet, and
 * `amazonLabels` [n] of int64.
 *
 * @throws MissingDataError, which says how the folder must look and where to get it; DataError for lists that do not fit, and from
 *   the streams for images that cannot be decoded; OptionError
 *
 * @example
 * const { tasks, classes } = await loadOffice31("office31", { isWhole: false, side: 32 });
 * for await (const { amazonImages, amazonLabels } of tasks.amazon.train.batches(0, 0)) console.log(amazonImages.shape);
 */
export const loadOffice31 = (directory: string, options: OfficeOptions = {}): Promise<OfficeData> =>
  loadOffice(directory, office31, office31Options.read(options));

/**
 * Office-Home: a task for Art, Clipart, Product and Real_World, each with streams of `ArtImages` [n, 3, 224, 224], normalized as for
 * ImageNet, and `ArtLabels` [n] of int64.
 *
 * @throws MissingDataError, which says how the folder must look and where to get it; DataError for lists that do not fit, and from
 *   the streams for images that cannot be decoded; OptionError
 *
 * @example
 * const { tasks } = await loadOfficeHome("office-home", { isWhole: false, side: 32 });
 * console.log(tasks.Real_World.test.length);
 */
export const loadOfficeHome = (directory: string, options: OfficeOptions = {}): Promise<OfficeData> =>
  loadOffice(directory, officeHome, officeHomeOptions.read(options));

interface LabeledPath {
  readonly path: string;
  readonly label: number;
}

type Parts = Readonly<Record<keyof OfficeTask, readonly LabeledPath[]>>;

async function loadOffice(
  directory: string,
  form: Form,
  options: ReturnType<typeof office31Options.read<OfficeOptions>>,
): Promise<OfficeData> {
  const { cache, isWhole, lists: named, onCached, partSize, side, splitSeed } = options;
  const folder = new Folder(directory, form.guide);
  const lists = named ?? ((await folder.has("lists")) ? folder.at("lists") : undefined);
  const parts: Record<string, Parts> = {};
  for (const [task, folders] of Object.entries(form.folders)) {
    const place = await folder.first(folders);
    parts[task] =
      lists === undefined
        ? await splitClasses(folder, { task, place, classes: isWhole ? form.classes : undefined, splitSeed })
        : await listedParts(folder, { task, place, lists, classes: form.classes });
  }
  if (isWhole) {
    folder.requireWhole(
      Object.fromEntries(
        Object.entries(parts).map(([task, { train, validation, test }]) => [
          task,
          train.length + validation.length + test.length,
        ]),
      ),
    );
  }
  const streamOf = (task: string, part: keyof OfficeTask): DataStream<Batch> => {
    const images = parts[task][part];
    const examples = imageExamples({
      paths: images.map(({ path }) => folder.at(path)),
      size: [side, side],
      name: `${task}Images`,
      cache,
      onCached,
      normalization,
      labels: (numbers) => ({
        [`${task}Labels`]: ndarray(
          BigInt64Array.from(numbers, (number) => BigInt(images[number].label)),
          [numbers.length],
        ),
      }),
    });
    return exampleStream(examples, { partSize, shuffle: part === "train" });
  };
  const tasks = Object.keys(parts).map((task): [string, OfficeTask] => [
    task,
    {
      train: streamOf(task, "train"),
      validation: streamOf(task, "validation"),
      test: streamOf(task, "test"),
    },
  ]);
  return { tasks: Object.fromEntries(tasks), classes: form.classes };
}

/** 60, 20 and 20 % of the images of each class, which are numbered in the order of their names. */
async function splitClasses(
  folder: Folder,
  {
    task,
    place,
    classes,
    splitSeed,
  }: {
    readonly task: string;
    readonly place: string;
    readonly classes: number | undefined;
    readonly splitSeed: number;
  },
): Promise<Parts> {
  const names = await folder.names(place);
  if (classes !== undefined && names.length !== classes) {
    throw folder.wrong(
      place,
      `there must be ${classes} folders, one for each class; there are ${names.length}.`,
    );
  }
  const parts = { train: [] as LabeledPath[], validation: [] as LabeledPath[], test: [] as LabeledPath[] };
  for (const [label, name] of names.entries()) {
    const images = await folder.names(`${place}/${name}`);
    const order = createRng(splitSeed).fork(task).fork(name).shuffle(images.slice());
    const [first, second] = [0.6, 0.8].map((share) => Math.round(share * order.length));
    order.forEach((image, i) => {
      const part = i < first ? "train" : i < second ? "validation" : "test";
      parts[part].push({ path: `${place}/${name}/${image}`, label });
    });
  }
  return parts;
}

const listNames = { train: "train", validation: "val", test: "test" } as const;

/** The parts of lists, whose lines are a path and a label. No image may be in two: that would be testing on training data. */
async function listedParts(
  folder: Folder,
  {
    task,
    place,
    lists,
    classes,
  }: { readonly task: string; readonly place: string; readonly lists: string; readonly classes: number },
): Promise<Parts> {
  const parts: Partial<Record<keyof OfficeTask, LabeledPath[]>> = {};
  const there = new Set<string>();
  /** Where each image is listed. */
  const listed = new Map<string, string>();
  for (const name of await folder.names(place)) {
    for (const image of await folder.names(`${place}/${name}`)) there.add(`${place}/${name}/${image}`);
  }
  for (const part of ["train", "validation", "test"] as const) {
    const list = join(lists, `${task}_${listNames[part]}.txt`);
    const content = await readFile(list, "utf8").catch((cause) => {
      throw new DataError(
        `Cannot read the list ${list}: ${reasonOf(cause)}. It has a line "path label" for each image of the part.`,
        { cause },
      );
    });
    const lines = content.split(/\r?\n/).map((line, i) => ({ line, number: i + 1 }));
    parts[part] = lines
      .filter(({ line }) => line.trim() !== "")
      .map(({ line, number }) => {
        const [, path = "", digits = ""] = /^(.+) (\d+)$/.exec(line.trim()) ?? [];
        const label = Number(digits);
        if (path === "" || label >= classes) {
          throw new DataError(
            `${list}, line ${number}: expected a path and a class 0 to ${classes - 1}; got "${line.slice(0, 60)}".`,
          );
        }
        // A folder may have a space where the list has none.
        const own = path.replace(new RegExp(`^${task}(?=/)`), place.split("/")[0]);
        if (!there.has(own)) {
          throw folder.wrong(own, `there is no such image, which line ${number} of ${list} names.`);
        }
        const before = listed.get(own);
        if (before !== undefined) {
          throw folder.wrong(
            own,
            `line ${number} of ${list} names this image, as does ${before}: an image is in one part, and once.`,
          );
        }
        listed.set(own, `line ${number} of ${list}`);
        return { path: own, label };
      });
  }
  return parts as Parts;
}
