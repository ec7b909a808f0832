import { decodeSafetensors } from "isoloss/data";
import { readFileOrThrow } from "isoloss/node";
import {
  attributeTasks,
  type BenchmarkTasks,
  denseTasks,
  moleculeTasks,
  ownImageTasks,
} from "isoloss-benchmarks";
import { z } from "zod";
import {
  type BenchmarkName,
  type BenchmarkParts,
  type BenchmarkPlace,
  benchmarkParts,
} from "./benchmark-data.js";
import { count, countOption, countsOption, flagOption, ownOption, textOption } from "./named.js";
import type { OwnOptions } from "./schema-of.js";

/** Tasks and data of a benchmark. */
export interface MadeBenchmark {
  readonly tasks: BenchmarkTasks<never, unknown>;
  readonly parts: BenchmarkParts;
}

interface Benchmark {
  readonly summary: string;
  readonly own: OwnOptions;
  /** The options that say where the data are, and how they are read. */
  readonly ofData: readonly (keyof BenchmarkPlace)[];
  tasks(options: never, parts: BenchmarkParts): unknown;
}

const folder = textOption("a folder");

/** Where the data are, of every benchmark. */
const place: OwnOptions = {
  root: folder("Where the data are: see `isoloss data verify`.", "data/NAME"),
  part: flagOption("Whether root may have fewer examples than were published.", "false"),
  sample: countOption(
    "Instead of the data so many examples of each part in the same format, of Office for each class, written for the run.",
    "none: the data of root",
  ),
};
const cache: OwnOptions = { cache: folder("Keeps resized images there.", "none: decoded every time") };
const dense: OwnOptions = {
  ...place,
  size: ownOption(z.tuple([count, count]), "[height, width]")("Of the images of a sample.", "[32, 64]"),
  augment: flagOption("Whether training images are scaled, cropped and mirrored anew in each epoch.", "true"),
  depthScale: ownOption(z.enum(["divide", "multiply"]), "divide or multiply")(
    "What the scale of an augmented image does to its depth: as published, or as is right for inverse depth.",
    "divide",
  ),
  keep: flagOption("Whether images stay in memory once they are read.", "false"),
  channels: countsOption(
    "Channels of SegNet's stages; others are not the published network.",
    "[64, 128, 256, 512, 512]",
  ),
  attention: flagOption("Whether each task has an attention network (MTAN), or only a head (split).", "true"),
};
const office: OwnOptions = {
  ...place,
  ...cache,
  lists: folder("Lists of the images of each part.", "the folder lists"),
  side: countOption("Pixels of a side, to which images are resized.", "224"),
  width: countOption("Channels of ResNet-18's first stage; others are not the published network.", "64"),
  hidden: countOption("Units of the hidden layer behind it.", "512"),
  weights: textOption("a .safetensors file")(
    "Where the ResNet-18 starts from, under torchvision's names, such as ImageNet's.",
    "drawn by chance",
  ),
};

const placeData = ["root", "part", "sample"] as const;
const denseData = [...placeData, "size", "augment", "depthScale", "keep"] as const;
const officeData = [...placeData, "cache", "lists", "side"] as const;

const named = ({ tasks = [], classes = 2, units }: BenchmarkParts) => ({ tasks, classes, units });

const benchmarks: Readonly<Record<BenchmarkName, Benchmark>> = {
  cityscapes: {
    summary: "class and depth of each pixel of streets by SegNet or MTAN",
    own: dense,
    ofData: denseData,
    tasks: (options) => denseTasks(options),
  },
  nyuv2: {
    summary: "class, depth and surface normal of each pixel of rooms by SegNet or MTAN",
    own: dense,
    ofData: denseData,
    tasks: (options: object) => denseTasks({ classes: 13, normals: true, ...options }),
  },
  celeba: {
    summary: "40 yes-or-no attributes of faces by a network of nine layers",
    own: {
      ...place,
      ...cache,
      stages: ownOption(z.array(z.array(count).min(1)).min(1), "a list of lists of integers >= 1")(
        "Channels of the convolutions of each stage; others are not the published network.",
        "[[64], [128, 128], [256, 256], [512, 512]]",
      ),
      hidden: countsOption("Widths of the linear layers behind them.", "[512, 512]"),
    },
    ofData: [...placeData, "cache"],
    tasks: (options: object, parts) => attributeTasks({ attributes: named(parts).tasks, ...options }),
  },
  qm9: {
    summary: "eleven properties of molecules by a message passing network",
    own: {
      ...place,
      order: textOption("an .npy file")(
        "Numbers of all molecules, first those of test, then of validation, then of training.",
        "drawn by chance",
      ),
      width: countOption("Numbers of an atom inside; others are not the published network.", "64"),
      hidden: countOption("Hidden units of the network that makes messages.", "128"),
    },
    ofData: [...placeData, "order"],
    tasks: (options: object, parts) => {
      const { tasks, units } = named(parts);
      return moleculeTasks({ tasks, units, ...options });
    },
  },
  office31: {
    summary: "31 classes of images of three kinds, each a task with its own, by ResNet-18",
    own: office,
    ofData: officeData,
    tasks: officeTasks,
  },
  officeHome: {
    summary: "65 classes of images of four kinds, each a task with its own, by ResNet-18",
    own: office,
    ofData: officeData,
    tasks: officeTasks,
  },
};

async function officeTasks(
  { weights: file, ...options }: { readonly weights?: string },
  parts: BenchmarkParts,
) {
  const { tasks, classes } = named(parts);
  return ownImageTasks({ tasks, classes, ...options, weights: file ? await tensorsOf(file) : undefined });
}

async function tensorsOf(file: string) {
  const bytes = await readFileOrThrow(file, { what: "weights" });
  return decodeSafetensors(bytes).tensors;
}

/** Benchmarks by name, with the options that configs have for them. */
export const benchmarkEntries = Object.entries(benchmarks).map(([name, { summary, own }]) => ({
  name,
  summary,
  own,
  make: (options: Readonly<Record<string, unknown>>) => makeBenchmark(name as BenchmarkName, options),
}));

async function makeBenchmark(
  name: BenchmarkName,
  options: Readonly<Record<string, unknown>>,
): Promise<MadeBenchmark> {
  const { ofData, tasks } = benchmarks[name];
  const isOfData = (key: string) => (ofData as readonly string[]).includes(key);
  const pick = (wanted: boolean) =>
    Object.fromEntries(Object.entries(options).filter(([key]) => isOfData(key) === wanted));
  const parts = await benchmarkParts({ name, ...pick(true) });
  return { tasks: (await tasks(pick(false) as never, parts)) as BenchmarkTasks<never, unknown>, parts };
}
