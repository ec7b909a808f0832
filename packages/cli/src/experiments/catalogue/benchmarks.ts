import type { Batch } from "isoloss";
import { type BenchmarkTasks, denseTasks } from "isoloss/problems";
import { z } from "zod";
import { type BenchmarkPlace, benchmarkParts } from "./benchmark-data.js";
import { count } from "./named.js";
import type { OwnOptions } from "./schema-of.js";

/** Where the data are, of every benchmark. */
const place: OwnOptions = {
  root: {
    schema: z.string().min(1),
    range: "a folder",
    otherwise: "data/NAME",
    summary: "Where the data are: see `isoloss data verify`.",
  },
  sample: {
    schema: count,
    range: "an integer >= 1",
    otherwise: "none: the data of root",
    summary: "Instead of the data so many examples in the same format, written for the run.",
  },
};

/** Options of CityScapes and NYUv2. */
export const denseOwn: OwnOptions = {
  ...place,
  size: {
    schema: z.tuple([count, count]),
    range: "[height, width]",
    otherwise: "[32, 64]",
    summary: "Of the images of a sample.",
  },
  channels: {
    schema: z.array(count).min(2),
    range: "a list of integers >= 1",
    otherwise: "[64, 128, 256, 512, 512]",
    summary: "Channels of SegNet's stages; fewer are not the published network.",
  },
  attention: {
    schema: z.boolean(),
    range: "true or false",
    otherwise: "true",
    summary: "Whether each task has an attention network (MTAN), or only a head (split).",
  },
};

/** Tasks and data of a benchmark. */
export interface MadeBenchmark {
  readonly tasks: BenchmarkTasks<never, unknown>;
  readonly train: Batch;
  readonly validation?: Batch;
  readonly test: Batch;
}

/** CityScapes or NYUv2 as a config names it. */
export async function denseBenchmark(
  name: "cityscapes" | "nyuv2",
  options: Readonly<Record<string, unknown>>,
): Promise<MadeBenchmark> {
  const { channels, attention, ...where } = options;
  const tasks = denseTasks({
    ...(name === "nyuv2" ? { classes: 13, normals: true } : {}),
    channels: channels as number[] | undefined,
    attention: attention as boolean | undefined,
  });
  const parts = await benchmarkParts({ name, ...where } as BenchmarkPlace);
  return { tasks: tasks as unknown as BenchmarkTasks<never, unknown>, ...parts };
}
