import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch } from "isoloss";
import { type DataStream, decodeNpy, readEpoch } from "isoloss/data";
import type { MultiTaskData } from "isoloss/mtl";
import { readFileOrThrow } from "isoloss/node";
import { qm9Streams } from "isoloss-benchmarks";
import {
  loadCeleba,
  loadCityscapes,
  loadNyuv2,
  loadOffice31,
  loadOfficeHome,
  loadQm9,
  writeSample,
} from "isoloss-benchmarks/node";
import { keptLast } from "./kept-last.js";

/** Parts of a benchmark's data, and what they tell of its tasks. */
export interface BenchmarkParts {
  readonly train: MultiTaskData;
  readonly validation?: MultiTaskData;
  readonly test: MultiTaskData;
  /** Names of the tasks, where the data have them. */
  readonly tasks?: readonly string[];
  /** Classes, the same of all tasks. */
  readonly classes?: number;
  /** What a target of 1 is in its unit, by task. */
  readonly units?: readonly number[];
}

/** Where the data are: a folder, or a sample of so many examples that is written for the run. */
export interface BenchmarkPlace {
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

type Stream = DataStream<Batch>;
type Load = (directory: string, isWhole: boolean, place: BenchmarkPlace) => Promise<BenchmarkParts>;

const dense =
  (load: typeof loadCityscapes): Load =>
  async (directory, isWhole, { augment, depthScale, keep }) => {
    const { train, test } = await load(directory, { isWhole, augment, depthScale, keep });
    return { train, test };
  };

const office =
  (load: typeof loadOffice31): Load =>
  async (directory, isWhole, { cache, lists, side }) => {
    const { tasks, classes } = await load(directory, { isWhole, cache, lists, side });
    const part = (name: "train" | "validation" | "test") => Object.values(tasks).map((task) => task[name]);
    return {
      tasks: Object.keys(tasks),
      classes,
      train: part("train"),
      validation: part("validation"),
      test: part("test"),
    };
  };

const loaders = {
  cityscapes: dense(loadCityscapes),
  nyuv2: dense(loadNyuv2),
  celeba: (async (directory, isWhole, { cache }) => loadCeleba(directory, { isWhole, cache })) as Load,
  qm9: (async (directory, isWhole, { order }) => {
    const loaded = await loadQm9(directory, { isWhole });
    const { std, ...parts } = qm9Streams(loaded, {
      order: order === undefined ? undefined : await numbersOf(order),
    });
    return { ...parts, units: [...std] };
  }) as Load,
  office31: office(loadOffice31),
  officeHome: office(loadOfficeHome),
};

export type BenchmarkName = keyof typeof loaders;

/** The data of a benchmark: streams of its files, or arrays of a sample, which goes with the folder that it was written into. */
export const benchmarkParts: (
  given: BenchmarkPlace & { readonly name: BenchmarkName },
) => Promise<BenchmarkParts> = keptLast(
  async ({ name, ...place }: BenchmarkPlace & { readonly name: BenchmarkName }) => {
    const { root = join("data", name), sample, size, part = false } = place;
    if (sample === undefined) return loaders[name](root, !part, place);
    const directory = join(tmpdir(), `isoloss-${name}-${randomUUID()}`);
    try {
      await writeSample(name, directory, { examples: sample, ...(size === undefined ? {} : { size }) });
      const { train, validation, test, ...rest } = await loaders[name](directory, false, place);
      return {
        ...rest,
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

async function arraysOf(data: MultiTaskData): Promise<MultiTaskData> {
  const streams = [data].flat() as Stream[];
  const arrays: Batch[] = [];
  for (const stream of streams) arrays.push(await readEpoch(stream));
  return Array.isArray(data) ? arrays : arrays[0];
}
