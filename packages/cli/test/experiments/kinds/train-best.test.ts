// Early stopping and the best epoch in experiments, beside the same training in a program.
import { join } from "node:path";
import { adam, array, createTrainer, type Dataset, mlp, torchGenerator } from "isoloss";
import { mseLoss, torchRand } from "isoloss/nn";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/config/load.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../src/experiments/definition/schema.js";
import { executeJob, jobsOf } from "../../../src/experiments/jobs/job.js";
import { workbench } from "../../commands/support.js";

const bench = workbench({ isInProcess: true });

/** A line with noise, of which a network learns the line first and then the noise. */
const noisy = (n: number, seed: number): Dataset => {
  const numbers = Array.from(torchRand(torchGenerator(seed), [n, 3]).data, (v) => 2 * Number(v) - 1);
  const rows = Array.from({ length: n }, (_, i) => numbers.slice(3 * i, 3 * i + 3));
  return {
    inputs: array(rows.map(([a, b]) => [a, b])),
    labels: array(rows.map(([a, , e]) => [0.5 * a + e])),
  };
};
const [train, validation, test] = [noisy(24, 0), noisy(16, 1), noisy(16, 2)];
const text = ({ inputs, labels }: Dataset) =>
  `{ inputs: ndarray(Float32Array.of(${inputs.data}), [${inputs.shape}]), labels: ndarray(Float32Array.of(${labels.data}), [${labels.shape}]) }`;
const settings = `kind: train
data: { module: noisy.mjs }
model: { name: mlp, sizes: [2, 24, 1] }
optimizer: adam
learningRate: 0.05
batchSize: 8
`;
const yaml = `name: noisy\n${settings}epochs: 60\nearlyStopping: { patience: 5 }\nbest: restore\n`;
const prepared = (change = "") => {
  bench.write(
    "noisy.mjs",
    `import { ndarray } from "isoloss";\nexport const train = ${text(train)};\nexport default { data: ${text(train)}, validation: ${text(validation)}, test: ${text(test)} };\n`,
  );
  return bench.write("noisy.yaml", yaml + change);
};

/** The same in a program. */
async function programmed() {
  const trainer = await createTrainer({
    model: mlp({ sizes: [2, 24, 1] }),
    data: train,
    loss: mseLoss,
    optimizer: adam(),
    learningRate: 0.05,
    batchSize: 8,
    seed: 0,
    gradNorm: true,
  });
  const { status } = await trainer.run({
    epochs: 60,
    validation,
    earlyStopping: { patience: 5 },
    best: "restore",
  });
  const parts = { train, validation, test };
  const losses = await Promise.all(Object.values(parts).map((part) => trainer.evaluate(part)));
  const { current, history } = trainer;
  await trainer.dispose();
  return { status, epoch: current.best?.epoch, steps: current.step, epochs: history.epochs, losses };
}

interface Document {
  readonly status: string;
  readonly steps: number;
  readonly directory: string;
  readonly metrics: Readonly<Record<string, number>>;
}

describe("earlyStopping and best: restore in an experiment", () => {
  it("end a run where a program ends, with the figures of the best epoch", async () => {
    const document = await bench.json<Document>("run", prepared(), "--json", "--quiet");
    const { status, epoch, steps, epochs, losses } = await programmed();
    expect([status, document.status, document.steps]).toEqual(["stopped", "completed", steps]);
    expect(steps).toBeLessThan(60 * 3);
    expect(epoch).toBe(epochs.length - 5);
    const { metrics } = document;
    expect(metrics["best.epoch"]).toBe(epoch);
    expect(metrics["validation.loss"]).toBe(metrics["validation.leastLoss"]);
    expect(["train", "validation", "test"].map((part) => metrics[`${part}.loss`])).toEqual(
      losses.map(({ loss }) => loss),
    );
    const { stdout } = await bench.run("run", "noisy.yaml", "--quiet");
    expect(stdout.split("\n")[0]).toMatch(/best epoch +validation loss .* test root mean squared error/);
    // The records have every epoch, also those after the best one.
    const recorded = bench.records("runs/noisy-0-1/metrics.jsonl").filter((r) => "validation.loss" in r);
    expect(recorded.map((r) => r["validation.loss"])).toEqual(epochs.map((row) => row.validation?.loss));
  });

  it("are left out by null", async () => {
    const line = ["run", prepared(), "--set", "earlyStopping=null", "--json", "--quiet"];
    const { steps } = await bench.json<Document>(...line);
    expect(steps).toBe(60 * 3);
  });

  it("end an interrupted run, when it is resumed, as it would have ended", async () => {
    const experiment = parseConfig(yaml.replace("noisy.mjs", join(bench.folder, "noisy.mjs")), {
      schema: experimentSchema,
      file: "noisy.yaml",
    });
    const [job] = jobsOf(resolveExperiment(experiment), { checkpointSeconds: 1e9 });
    const whole = await executeJob(job, { progress() {}, shouldStop: () => false });
    const again = { ...job, directory: join(bench.folder, "stopped") };
    let asked = 0;
    const first = await executeJob(again, { progress() {}, shouldStop: () => ++asked > 5 });
    expect([first.document.status, first.document.metrics["best.epoch"]]).toEqual(["interrupted", undefined]);
    const second = await executeJob(again, { progress() {}, shouldStop: () => false });
    expect(second.document.loss).toEqual(whole.document.loss);
    expect(second.document.metrics).toMatchObject({
      "best.epoch": whole.document.metrics["best.epoch"],
      "test.loss": whole.document.metrics["test.loss"],
    });
  });

  it.each([
    ["best: last", /best: unknown value "last"\. Known: restore/],
    ["earlyStopping: { patience: 0 }", /earlyStopping\.patience: expected an integer >= 1; got 0/],
    ["earlyStopping: { metric: accuracy }", /metric must be one of loss, rmse; got "accuracy"/],
    [
      'data: { module: "noisy.mjs#train", validation: 0 }',
      /earlyStopping chooses by the validation data, and this run has none: .* validation: 0\.2/,
    ],
  ])("are refused where they do not fit: %s", async (change, message) => {
    const [key] = change.split(":");
    prepared();
    bench.write("wrong.yaml", `${yaml.replace(new RegExp(`^${key}:.*\n`, "m"), "")}${change}\n`);
    const { status, stderr } = await bench.run("run", "wrong.yaml", "--quiet");
    expect([status !== 0, stderr]).toEqual([true, expect.stringMatching(message)]);
  });
});
