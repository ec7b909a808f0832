// Runs that the library wrote, through the commands that show runs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createTrainer, digits, mlp, ndarray, sgd, takeRows } from "isoloss";
import { mseLoss } from "isoloss/nn";
import { recordedRun, saveRun } from "isoloss/node";
import { positiveScaling } from "isoloss/symmetry";
import { atSteps } from "isoloss/teleport";
import { beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { workbench } from "../../commands/support.js";

const bench = workbench({ isInProcess: true });

beforeAll(async () => {
  const { images, labels } = digits();
  const rows = (from: number, to: number) => {
    const list = Int32Array.from({ length: to - from }, (_, i) => from + i);
    return { inputs: takeRows(images, list), labels: takeRows(labels, list) };
  };
  for (const momentum of [0, 0.9]) {
    const trainer = await createTrainer({
      model: mlp({ sizes: [64, 8, 10] }),
      data: rows(0, 60),
      optimizer: sgd({ momentum }),
      learningRate: 0.1,
      batchSize: 20,
      gradNorm: true,
      runtime: "javascript",
    });
    const { status } = await trainer.run({ epochs: 3, validation: rows(60, 90) });
    const recorded = recordedRun(trainer, { name: `momentum-${momentum}`, status });
    await saveRun(join(bench.folder, "runs"), recorded);
    await trainer.dispose();
  }
});

const both = ["runs/training/momentum-0", "runs/training/momentum-0.9"];

it("are drawn: losses, gradients, validation", async () => {
  const { figures } = await bench.json<{ figures: string[] }>("plot", ...both, "--out", "figures", "--json");
  expect(figures.map((path) => path.split("/").at(-1))).toEqual(
    expect.arrayContaining([
      "loss.svg",
      "loss-seconds.svg",
      "grad-norm.svg",
      "validation.svg",
      "accuracy.svg",
    ]),
  );
  const svg = readFileSync(join(bench.folder, "figures/loss.svg"), "utf8");
  for (const name of ["momentum-0", "momentum-0.9"]) expect(svg).toContain(name);
});

it("are drawn with what they have: a regression without gradients, with teleports", async () => {
  const inputs = ndarray(
    Float32Array.from({ length: 80 }, (_, i) => Math.sin(i)),
    [40, 2],
  );
  const data = { inputs, labels: ndarray(inputs.data.slice(0, 40), [40, 1]) };
  const trainer = await createTrainer({
    model: mlp({ sizes: [2, 6, 1], activation: "relu" }),
    data,
    optimizer: sgd(),
    loss: mseLoss,
    learningRate: 0.01,
    batchSize: 20,
    runtime: "javascript",
    teleport: { when: atSteps([3]), symmetry: (p) => positiveScaling(p) },
  });
  await trainer.run({ epochs: 3, validation: data });
  await saveRun(join(bench.folder, "runs"), recordedRun(trainer, { name: "regression" }));
  await trainer.dispose();
  const args = ["plot", "runs/training/regression", "--out", "regression", "--json"];
  const { figures } = await bench.json<{ figures: string[] }>(...args);
  const names = figures.map((path) => path.split("/").at(-1)).filter((name) => !name?.endsWith(".png"));
  expect(names).toEqual([
    "loss.svg",
    "loss-seconds.svg",
    "validation.svg",
    "validation-seconds.svg",
    "data.csv",
    "teleports.csv",
  ]);
  const [head, line] = readFileSync(join(bench.folder, "regression/teleports.csv"), "utf8").split("\r\n");
  expect(head).toContain("step,");
  expect(line.split(",")[head.split(",").indexOf("step")]).toBe("3");
});

it("are compared", async () => {
  const { groups } = await bench.json<{ groups: { name: string }[] }>("compare", ...both, "--json");
  expect(groups.map(({ name }) => name)).toEqual(["momentum-0", "momentum-0.9"]);
});

it("go to a file store of MLflow, as runs of the command line do, whose metadata are YAML", async () => {
  const args = ["export", both[0], "--to", "mlflow", "--url", "./mlruns"];
  const sent = await bench.json<{ experimentId: string; runId: string }>(...args, "--json");
  const place = join(bench.folder, "mlruns", sent.experimentId);
  expect(parse(readFileSync(join(place, "meta.yaml"), "utf8"))).toMatchObject({
    experiment_id: sent.experimentId,
    name: "training",
    lifecycle_stage: "active",
  });
  expect(parse(readFileSync(join(place, sent.runId, "meta.yaml"), "utf8"))).toMatchObject({
    run_id: sent.runId,
    run_uuid: sent.runId,
    run_name: "momentum-0",
    status: 3,
    tags: [],
    experiment_id: sent.experimentId,
    source_type: 4,
  });
  expect(readdirSync(join(place, sent.runId, "metrics"))).toContain("validation.accuracy");
  expect((await bench.run(...args)).stdout).toBe(`mlruns/${sent.experimentId}/${sent.runId}\n`);
});

it("are not run again", async () => {
  const { status, stderr } = await bench.run("run", "runs/training/momentum-0/config.yaml");
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/A recorded run is made by a program of your own/);
});
