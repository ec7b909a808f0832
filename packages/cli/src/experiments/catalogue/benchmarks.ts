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
import { count } from "./named.js";
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

const counts = z.array(count).min(1);
const folder = { schema: z.string().min(1), range: "a folder" };
const width = (otherwise: string, summary: string) => ({
  schema: count,
  range: "an integer >= 1",
  otherwise,
  summary,
});

/** Where the data are, of every benchmark. */
const place: OwnOptions = {
  root: { ...folder, otherwise: "data/NAME", summary: "Where the data are: see `isoloss data verify`." },
  part: {
    schema: z.boolean(),
    range: "true or false",
    otherwise: "false",
    summary: "Whether root may have fewer examples than were published.",
  },
  sample: {
    schema: count,
    range: "an integer >= 1",
    otherwise: "none: the data of root",
    summary: "Instead of the data so many examples in the same format, written for the run.",
  },
};

const cache: OwnOptions = {
  cache: { ...folder, otherwise: "none: decoded every time", summary: "Keeps resized images there." },
};

const dense: OwnOptions = {
  ...place,
  size: {
    schema: z.tuple([count, count]),
    range: "[height, width]",
    otherwise: "[32, 64]",
    summary: "Of the images of a sample.",
  },
  augment: {
    schema: z.boolean(),
    range: "true or false",
    otherwise: "true",
    summary: "Whether training images are scaled, cropped and mirrored anew in each epoch.",
  },
  depthScale: {
    schema: z.enum(["divide", "multiply"]),
    range: "divide or multiply",
    otherwise: "divide",
    summary:
      "What the scale of an augmented image does to its depth: as published, or as is right for inverse depth.",
  },
  keep: {
    schema: z.boolean(),
    range: "true or false",
    otherwise: "false",
    summary: "Whether images stay in memory once they are read.",
  },
  channels: {
    schema: counts,
    range: "a list of integers >= 1",
    otherwise: "[64, 128, 256, 512, 512]",
    summary: "Channels of SegNet's stages; others are not the published network.",
  },
  attention: {
    schema: z.boolean(),
    range: "true or false",
    otherwise: "true",
    summary: "Whether each task has an attention network (MTAN), or only a head (split).",
  },
};

const office: OwnOptions = {
  ...place,
  ...cache,
  lists: { ...folder, otherwise: "the folder lists", summary: "Lists of the images of each part." },
  side: width("224", "Pixels of a side, to which images are resized."),
  width: width("64", "Channels of ResNet-18's first stage; others are not the published network."),
  hidden: width("512", "Units of the hidden layer behind it."),
  weights: {
    schema: z.string().min(1),
    range: "a .safetensors file",
    otherwise: "drawn by chance",
    summary: "Where the ResNet-18 starts from, under torchvision's names, such as ImageNet's.",
  },
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
      stages: {
        schema: z.array(counts).min(1),
        range: "a list of lists of integers >= 1",
        otherwise: "[[64], [128, 128], [256, 256], [512, 512]]",
        summary: "Channels of the convolutions of each stage; others are not the published network.",
      },
      hidden: {
        schema: counts,
        range: "a list of integers >= 1",
        otherwise: "[512, 512]",
        summary: "Widths of the linear layers behind them.",
      },
    },
    ofData: [...placeData, "cache"],
    tasks: (options: object, parts) => attributeTasks({ attributes: named(parts).tasks, ...options }),
  },
  qm9: {
    summary: "eleven properties of molecules by a message passing network",
    own: {
      ...place,
      order: {
        schema: z.string().min(1),
        range: "an .npy file",
        otherwise: "drawn by chance",
        summary: "Numbers of all molecules, first those of test, then of validation, then of training.",
      },
      width: width("64", "Numbers of an atom inside; others are not the published network."),
      hidden: width("128", "Hidden units of the network that makes messages."),
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
