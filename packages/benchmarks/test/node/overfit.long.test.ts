// Samples of the benchmarks have labels that their inputs tell, as real data have: networks of the quick parts learn them by heart.
// Losses are those of training, with the statistics of the batch.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adam, type Batch, createMultiTaskTrainer, type NdArray } from "isoloss";
import { type DataStream, readEpoch } from "isoloss/data";
import { linearScalarization } from "isoloss/mtl";
import { stepSchedule } from "isoloss/optim";
import { attributeTasks, denseTasks, moleculeTasks, ownImageTasks } from "isoloss-benchmarks";
import { afterAll, describe, expect, it } from "vitest";
import { qm9Streams } from "../../src/data/qm9-streams.js";
import { type BenchmarkName, writeSample } from "../../src/node/benchmarks.js";
import { loadCeleba } from "../../src/node/celeba.js";
import { loadCityscapes, loadNyuv2 } from "../../src/node/dense.js";
import { loadOffice31, loadOfficeHome } from "../../src/node/office.js";
import { loadQm9 } from "../../src/node/qm9.js";
import type { BenchmarkTasks } from "../../src/problems/benchmark-tasks.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-overfit-"));
afterAll(() => rmSync(root, { recursive: true }));

type Tasks = BenchmarkTasks<never, never>;
interface Fit {
  readonly problem: Tasks;
  readonly data: Batch | Batch[];
  readonly rate: number;
  readonly steps: number;
}

const sample = async (name: BenchmarkName, options: object): Promise<string> => {
  const folder = join(root, name);
  await writeSample(name, folder, options);
  return folder;
};
const isWhole = false;

const dense = async (name: "cityscapes" | "nyuv2"): Promise<Fit> => {
  const folder = await sample(name, { examples: 4, size: [16, 32] });
  const load = name === "nyuv2" ? loadNyuv2 : loadCityscapes;
  const { train, classes } = await load(folder, { isWhole, augment: false });
  const normals = name === "nyuv2";
  const problem = denseTasks({ classes, normals, channels: [4, 6, 8] }) as never as Tasks;
  return { problem, data: await readEpoch(train), rate: 0.02, steps: 480 };
};

const office = async (name: "office31" | "officeHome"): Promise<Fit> => {
  const folder = await sample(name, { examples: 4 });
  const { tasks, classes } = await (name === "office31" ? loadOffice31 : loadOfficeHome)(folder, {
    isWhole,
    side: 32,
  });
  const data: Batch[] = [];
  for (const { train } of Object.values(tasks)) data.push(await readEpoch(train as DataStream<Batch>));
  const problem = ownImageTasks({ tasks: Object.keys(tasks), classes, width: 2, hidden: 8, dropout: 0 });
  return { problem: problem as never as Tasks, data, rate: 0.02, steps: 120 };
};

const benchmarks: Record<BenchmarkName, () => Promise<Fit>> = {
  cityscapes: () => dense("cityscapes"),
  nyuv2: () => dense("nyuv2"),
  async celeba() {
    const { train, tasks } = await loadCeleba(await sample("celeba", { examples: 12 }), { isWhole });
    const problem = attributeTasks({ attributes: tasks, stages: [[4], [8], [8]], hidden: [16] });
    return { problem: problem as never as Tasks, data: await readEpoch(train), rate: 0.01, steps: 150 };
  },
  async qm9() {
    const { train, tasks } = qm9Streams(await loadQm9(await sample("qm9", { examples: 40 }), { isWhole }));
    const problem = moleculeTasks({ tasks, width: 8, hidden: 8 });
    return { problem: problem as never as Tasks, data: await readEpoch(train), rate: 0.005, steps: 180 };
  },
  office31: () => office("office31"),
  officeHome: () => office("officeHome"),
};

/** The least loss of an output that is the same everywhere, of depths, normals or standardized numbers. */
function constantLoss(labels: NdArray): number {
  const all = Array.from<number | bigint, number>(labels.data, Number);
  if (labels.shape[1] === 3) {
    // Normals: 1 - |their mean|, where they are known.
    const [n, , height, width] = labels.shape;
    const sums = [0, 0, 0];
    let length = 0;
    for (let i = 0; i < n * height * width; i++) {
      const at = Math.floor(i / (height * width)) * 3 * height * width + (i % (height * width));
      const vector = [0, 1, 2].map((c) => all[at + c * height * width] as number);
      vector.forEach((v, c) => {
        sums[c] = (sums[c] as number) + v;
      });
      length += Math.hypot(...vector);
    }
    return 1 - Math.hypot(...sums) / length;
  }
  if (labels.shape.length === 4) {
    // Depth: the mean distance to the median, where it is known.
    const known = all.filter((v) => v > 0).sort((a, b) => a - b);
    const median = known[known.length >> 1] as number;
    return known.reduce((sum, v) => sum + Math.abs(v - median), 0) / known.length;
  }
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  return all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length;
}

describe("the sample of", () => {
  it.each(Object.keys(benchmarks) as BenchmarkName[])("%s is learned by heart", async (name) => {
    const { problem, data, rate, steps } = await benchmarks[name]();
    const { losses, params, state, tasks, outputs } = problem;
    const trainer = await createMultiTaskTrainer({
      losses,
      params,
      state,
      tasks,
      outputs,
      data,
      method: linearScalarization(),
      optimizer: adam(),
      learningRate: stepSchedule(rate, { size: Math.ceil(0.8 * steps), gamma: 0.1 }),
    } as never);
    await trainer.run({ steps });
    const arrays: Batch = Object.assign({}, ...[data].flat());
    const reached = tasks.map((task, k) => {
      const loss = trainer.history.losses[k]?.at(-1) as number;
      const isNumber = ["depth", "normal"].includes(task) || name === "qm9";
      return { task, loss, most: isNumber ? 0.1 * constantLoss(arrays[task] as NdArray) : 0.05 };
    });
    expect(reached.filter(({ loss, most }) => !(loss < most))).toEqual([]);
    await trainer.dispose();
  });
});
