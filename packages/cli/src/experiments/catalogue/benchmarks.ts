import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { omit, pick } from "es-toolkit";
import type { Batch } from "isoloss";
import { decodeNpy, decodeSafetensors, readEpoch } from "isoloss/data";
import type { MultiTaskData } from "isoloss/mtl";
import { readFileOrThrow } from "isoloss/node";
import type { BenchmarkTasks } from "isoloss-benchmarks";
import { type BenchmarkData, type BenchmarkName, loadBenchmark, writeSample } from "isoloss-benchmarks/node";
import { z } from "zod";
import { keptLast } from "./kept-last.js";
import { count, countOption, countsOption, flagOption, ownOption, textOption } from "./named.js";
import type { OwnOption, OwnOptions } from "./schema-of.js";

/** A benchmark's data: streams of its files, or arrays of a sample. */
interface BenchmarkParts extends Omit<BenchmarkData, "train" | "validation" | "test"> {
  readonly train: MultiTaskData;
  readonly validation?: MultiTaskData | undefined;
  readonly test: MultiTaskData;
}

/** Where the data are: a folder, or a sample of so many examples that is written for the run. */
interface BenchmarkPlace {
  readonly root?: string;
  readonly sample?: number;
  readonly size?: readonly [number, number];
  /** The folder may have fewer examples than were published. */
  readonly part?: boolean;
  readonly augment?: boolean;
  readonly depthScale?: "divide" | "multiply";
  readonly keep?: boolean;
  /** An .npy file of molecules' numbers. */
  readonly order?: string;
  /** A folder for resized images. */
  readonly cache?: string;
  readonly lists?: string;
  readonly side?: number;
}

/** The data of a benchmark: streams of its files, or arrays of a sample, which goes with the folder that it was written into. */
export const benchmarkParts: (
  given: BenchmarkPlace & { readonly name: BenchmarkName },
) => Promise<BenchmarkParts> = keptLast(
  async ({ name, ...place }: BenchmarkPlace & { readonly name: BenchmarkName }) => {
    const { root = join("data", name), sample, size, part = false, order: file, ...rest } = place;
    const order = file === undefined ? {} : { order: await numbersOf(file) };
    const load = (directory: string, isWhole: boolean) =>
      loadBenchmark(name, directory, { isWhole, ...order, ...rest });
    if (sample === undefined) return load(root, !part);
    const directory = join(tmpdir(), `isoloss-${name}-${randomUUID()}`);
    try {
      await writeSample(name, directory, { examples: sample, ...(size === undefined ? {} : { size }) });
      const { train, validation, test, ...told } = await load(directory, false);
      return {
        ...told,
        train: await arraysOf(train),
        test: await arraysOf(test),
        ...(validation === undefined ? {} : { validation: await arraysOf(validation) }),
      };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);

async function numbersOf(file: string): Promise<number[]> {
  const { data } = decodeNpy(await readFileOrThrow(file, { what: "order" }));
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

async function arraysOf(data: BenchmarkData["train"]): Promise<MultiTaskData> {
  const arrays: Batch[] = [];
  for (const stream of [data].flat()) arrays.push(await readEpoch(stream));
  return Array.isArray(data) ? arrays : arrays[0];
}

export interface MadeBenchmark {
  readonly tasks: BenchmarkTasks<never, unknown>;
  readonly parts: BenchmarkParts;
}

/** Options that say where the data are, and how they are read. */
type DataOptions = Readonly<Partial<Record<keyof BenchmarkPlace, OwnOption>>>;

interface Benchmark {
  readonly summary: string;
  readonly data: DataOptions;
  readonly network: OwnOptions;
}

const folder = textOption("a folder");

/** Where the data are, of every benchmark. */
const place: DataOptions = {
  root: folder("Where the data are: see `isoloss data verify`.", "data/NAME"),
  part: flagOption("Whether root may have fewer examples than were published.", "false"),
  sample: countOption(
    "Instead of the data so many examples of each part in the same format, of Office for each class, written for the run.",
    "none: the data of root",
  ),
};
const cache: DataOptions = { cache: folder("Keeps resized images there.", "none: decoded every time") };

/** What benchmarks of dense predictions have in common. */
const dense = {
  data: {
    ...place,
    size: ownOption(z.tuple([count, count]), "[height, width]")("Of the images of a sample.", "[32, 64]"),
    augment: flagOption(
      "Whether training images are scaled, cropped and mirrored anew in each epoch.",
      "true",
    ),
    depthScale: ownOption(z.enum(["divide", "multiply"]), "divide or multiply")(
      "What the scale of an augmented image does to its depth: as published, or as is right for inverse depth.",
      "divide",
    ),
    keep: flagOption("Whether images stay in memory once they are read.", "false"),
  },
  network: {
    channels: countsOption(
      "Channels of SegNet's stages; others are not the published network.",
      "[64, 128, 256, 512, 512]",
    ),
    attention: flagOption(
      "Whether each task has an attention network (MTAN), or only a head (split).",
      "true",
    ),
  },
};

const office = {
  data: {
    ...place,
    ...cache,
    lists: folder("Lists of the images of each part.", "the folder lists"),
    side: countOption("Pixels of a side, to which images are resized.", "224"),
  },
  network: {
    width: countOption("Channels of ResNet-18's first stage; others are not the published network.", "64"),
    hidden: countOption("Units of the hidden layer behind it.", "512"),
    weights: textOption("a .safetensors file")(
      "Where the ResNet-18 starts from, under torchvision's names, such as ImageNet's.",
      "drawn by chance",
    ),
  },
};

const benchmarks: Readonly<Record<BenchmarkName, Benchmark>> = {
  cityscapes: {
    summary: "class and depth of each pixel of streets by SegNet or MTAN",
    ...dense,
  },
  nyuv2: {
    summary: "class, depth and surface normal of each pixel of rooms by SegNet or MTAN",
    ...dense,
  },
  celeba: {
    summary: "40 yes-or-no attributes of faces by a network of nine layers",
    data: { ...place, ...cache },
    network: {
      stages: ownOption(z.array(z.array(count).min(1)).min(1), "a list of lists of integers >= 1")(
        "Channels of the convolutions of each stage; others are not the published network.",
        "[[64], [128, 128], [256, 256], [512, 512]]",
      ),
      hidden: countsOption("Widths of the linear layers behind them.", "[512, 512]"),
    },
  },
  qm9: {
    summary: "eleven properties of molecules by a message passing network",
    data: {
      ...place,
      order: textOption("an .npy file")(
        "Numbers of all molecules, first those of test, then of validation, then of training.",
        "drawn by chance",
      ),
    },
    network: {
      width: countOption("Numbers of an atom inside; others are not the published network.", "64"),
      hidden: countOption("Hidden units of the network that makes messages.", "128"),
    },
  },
  office31: {
    summary: "31 classes of images of three kinds, each a task with its own, by ResNet-18",
    ...office,
  },
  officeHome: {
    summary: "65 classes of images of four kinds, each a task with its own, by ResNet-18",
    ...office,
  },
};

/** Weights of a file, by name. */
const weightsOf = async (file: string) =>
  decodeSafetensors(await readFileOrThrow(file, { what: "weights" })).tensors;

/** Benchmarks by name, with the options that configs have for them. */
export const benchmarkEntries = Object.entries(benchmarks).map(([name, { summary, data, network }]) => ({
  name,
  summary,
  own: { ...data, ...network },
  async make(options: Readonly<Record<string, unknown>>): Promise<MadeBenchmark> {
    const ofData = Object.keys(data);
    const parts = await benchmarkParts({ name: name as BenchmarkName, ...pick(options, ofData) });
    const { weights, ...rest }: Readonly<Record<string, unknown>> = omit(options, ofData);
    const start = weights === undefined ? {} : { weights: await weightsOf(weights as string) };
    return { tasks: parts.problem({ ...rest, ...start }), parts };
  },
}));
