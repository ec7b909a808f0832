import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch } from "isoloss";
import { type DataStream, readEpoch } from "isoloss/data";
import { loadCityscapes, loadNyuv2, writeSample } from "isoloss/node";
import { keptLast } from "./kept-last.js";

/** Parts of a benchmark's data. */
export interface BenchmarkParts {
  readonly train: Batch;
  readonly validation?: Batch;
  readonly test: Batch;
}

/** Where the data are: a folder, or a sample of so many examples that is written for the run. */
export interface BenchmarkPlace {
  readonly name: "cityscapes" | "nyuv2";
  readonly root?: string;
  readonly sample?: number;
  readonly size?: readonly [number, number];
}

interface Streams {
  readonly train: DataStream<Batch>;
  readonly test: DataStream<Batch>;
}

const loaders = { cityscapes: loadCityscapes, nyuv2: loadNyuv2 };

/** The data of a benchmark as arrays, read once for all runs of a thread. */
export const benchmarkParts: (place: BenchmarkPlace) => Promise<BenchmarkParts> = keptLast(
  async ({ name, root = join("data", name), sample, size }: BenchmarkPlace): Promise<BenchmarkParts> => {
    const load = (directory: string) =>
      loaders[name](directory, { isWhole: sample === undefined, augment: false });
    if (sample === undefined) return partsOf(await load(root));
    const directory = join(tmpdir(), `isoloss-${name}-${randomUUID()}`);
    try {
      await writeSample(name, directory, { examples: sample, ...(size === undefined ? {} : { size }) });
      return await partsOf(await load(directory));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);

async function partsOf({ train, test }: Streams): Promise<BenchmarkParts> {
  return { train: await readEpoch(train), test: await readEpoch(test) };
}
