import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import {
  type BenchmarkName,
  benchmarkGuides,
  loadBenchmark,
  writeSample,
} from "../../src/node/benchmarks.js";

const [dense, images] = [{ channels: [2, 2] }, { width: 1, hidden: 2 }];

/** Options of a small network, and how many tasks it has. */
const networks: Readonly<Record<BenchmarkName, readonly [options: object, tasks: number]>> = {
  cityscapes: [dense, 2],
  nyuv2: [dense, 3],
  celeba: [{ stages: [[2]], hidden: [2] }, 40],
  qm9: [{ width: 2, hidden: 2 }, 11],
  office31: [images, 3],
  officeHome: [images, 4],
};

it.each(Object.keys(benchmarkGuides) as BenchmarkName[])(
  "loadBenchmark has the data of %s, and its network",
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "isoloss-benchmark-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    await writeSample(name, folder, { examples: name === "qm9" ? 20 : 1, size: [4, 6] });
    const { train, test, problem } = await loadBenchmark(name, folder, { isWhole: false });
    for (const { length } of [train, test].flat()) expect(length).toBeGreaterThan(0);
    const [options, tasks] = networks[name];
    expect(problem(options).tasks).toHaveLength(tasks);
  },
);
