// Seconds a step and memory of the benchmarks' networks at full size, on generated data in the published formats:
//   node bench/full-size.mjs NETWORK LS|conflicts|LS-COST [PROVIDER]
// LS: plain steps; conflicts: steps that also measure the tasks' gradients, as COST does until it teleports in an epoch; LS-COST: with
// the teleport of the preset `default` where it is triggered. Three steps, a JSON line after each; the first one compiles.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adam, createMultiTaskTrainer, torchGenerator } from "isoloss";
import { readEpoch } from "isoloss/data";
import { cost, linearScalarization } from "isoloss/mtl";
import { attributeTasks, denseTasks, moleculeTasks, ownImageTasks, qm9Streams } from "isoloss-benchmarks";
import {
  loadCeleba,
  loadCityscapes,
  loadNyuv2,
  loadOffice31,
  loadQm9,
  writeSample,
} from "isoloss-benchmarks/node";

const isWhole = false;
/** The convolutions of MTAN that the adapter moves, as in the experiments. */
const convolutions = ["encoder_block*.0.weight", "decoder_block*.0.weight", "conv_block_*.0.weight"];
/** What each network needs: its sample, its batch size, the layers of the adapter where not all, and its tasks and data from the folder. */
const networks = {
  cityscapes: {
    sample: { examples: 24, size: [128, 256] },
    batchSize: 8,
    layers: convolutions,
    make: async (at) => [denseTasks(), (await loadCityscapes(at, { isWhole })).train],
  },
  nyuv2: {
    sample: { examples: 6, size: [288, 384] },
    batchSize: 2,
    layers: convolutions,
    make: async (at) => [
      denseTasks({ classes: 13, normals: true }),
      (await loadNyuv2(at, { isWhole })).train,
    ],
  },
  celeba: {
    sample: { examples: 128 },
    batchSize: 256,
    async make(at) {
      const { train, tasks } = await loadCeleba(at, { isWhole });
      return [attributeTasks({ attributes: tasks }), await readEpoch(train)];
    },
  },
  qm9: {
    sample: { examples: 600 },
    batchSize: 120,
    layers: ["lin0.weight", "lin1.weight"],
    async make(at) {
      const { train, std, tasks } = qm9Streams(await loadQm9(at, { isWhole }));
      return [moleculeTasks({ tasks, units: [...std] }), await readEpoch(train)];
    },
  },
  office31: {
    sample: { examples: 30 },
    batchSize: 64,
    async make(at) {
      const { tasks, classes } = await loadOffice31(at, { isWhole });
      const data = [];
      for (const { train } of Object.values(tasks)) data.push(await readEpoch(train));
      return [ownImageTasks({ tasks: Object.keys(tasks), classes }), data];
    },
  },
};

const [, , name, mode, provider] = process.argv;
const { sample, batchSize, layers, make } = networks[name];
const folder = await mkdtemp(join(tmpdir(), "isoloss-full-size-"));
try {
  const at = join(folder, name);
  await writeSample(name, at, sample);
  const [problem, data] = await make(at);
  const trainer = await createMultiTaskTrainer({
    losses: problem.losses,
    params: problem.params(torchGenerator(0)),
    state: problem.state,
    tasks: problem.tasks,
    outputs: problem.outputs,
    data,
    batchSize,
    method: linearScalarization(),
    optimizer: adam(),
    learningRate: 1e-4,
    provider,
    recordGradients: mode === "conflicts",
    ...(mode === "LS-COST"
      ? { beforeStep: cost({ adapter: { layers }, schedule: { start: { epoch: 0 } } }).beforeStep }
      : {}),
  });
  let before = 0;
  for (let step = 0; step < 3; step++) {
    await trainer.run({ steps: 1 });
    const { seconds, events, conflicts } = trainer.history;
    const report = events.at(-1)?.step === step ? events.at(-1) : undefined;
    const line = {
      seconds: Number((seconds.at(-1) - before).toFixed(2)),
      gigabytes: Number((process.resourceUsage().maxRSS / 2 ** 20).toFixed(2)),
      ...(mode === "conflicts" ? { dominated: conflicts.dominated[step] } : {}),
      ...(report
        ? { teleport: report.seconds, outcome: report.event.outcome, why: report.event.reason }
        : {}),
    };
    console.log(name, mode, JSON.stringify(line));
    before = seconds.at(-1);
  }
  await trainer.dispose();
} finally {
  await rm(folder, { recursive: true });
}
