// What other programs are given, read by the descriptions of their formats.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFields, readRecords } from "isoloss-test-support/node/history/read-events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { mean, square, sub } from "../../../src/entries/ops.js";
import { OptionError } from "../../../src/errors.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { mlflowContent } from "../../../src/node/history/mlflow.js";
import { recordedRun } from "../../../src/node/history/recorded-run.js";
import { saveRun } from "../../../src/node/history/save-run.js";
import { sgd } from "../../../src/optim/sgd.js";
import { createTrainer } from "../../../src/train/trainer.js";
import type { Trainer } from "../../../src/train/trainer-options.js";
import { someDigits } from "../../train/support.js";

let folder: string;
let trainer: Trainer<unknown, unknown>;
const startedAt = new Date("2026-01-02T03:04:05.500Z");
const options = { name: "first", experiment: "digits", startedAt, settings: { layers: { hidden: 8 } } };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "isoloss-recorded-"));
  trainer = await createTrainer({
    model: mlp({ sizes: [64, 8, 10] }),
    data: someDigits(0, 60),
    optimizer: sgd(),
    learningRate: 0.1,
    batchSize: 20,
    gradNorm: true,
    runtime: "javascript",
  });
  await trainer.run({ epochs: 2, validation: someDigits(60, 90) });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await trainer.dispose();
});

/** The numbers of the run by name, as [step, value]. */
function expectedSeries(): Map<string, [number, number][]> {
  const { loss, gradNormSq, epochs } = trainer.history;
  const [first, second] = epochs;
  const ends = (pick: (row: typeof first) => number | undefined): [number, number][] => [
    [3, pick(first) as number],
    [6, pick(second) as number],
  ];
  const last = second.validation;
  return new Map([
    ["loss", loss.map((value, step) => [step, value])],
    ["gradNormSq", gradNormSq.map((value, step) => [step, value])],
    ["epoch", ends((row) => row.epoch)],
    ["epoch.loss", ends((row) => row.loss)],
    ["validation.loss", ends((row) => row.validation?.loss)],
    ["validation.accuracy", ends((row) => row.validation?.accuracy)],
    ["result.validation.loss", [[6, last?.loss as number]]],
    ["result.validation.accuracy", [[6, last?.accuracy as number]]],
  ]);
}

describe("MLflow's file store", () => {
  it("has a file a metric with lines of milliseconds, value and step, and files of parameters and tags", async () => {
    const store = join(folder, "mlruns");
    const place = await saveRun(store, recordedRun(trainer, options), { to: "mlflow" });
    const [experiment, ...rest] = readdirSync(store);
    expect(rest).toEqual([]);
    expect(experiment).toMatch(/^\d+$/);
    const [run] = readdirSync(join(store, experiment)).filter((name) => name !== "meta.yaml");
    expect(place).toBe(join(store, experiment, run));
    expect(run).toMatch(/^[0-9a-f]{32}$/);
    const found = new Map(
      readdirSync(join(place, "metrics")).map((name) => [
        name,
        readFileSync(join(place, "metrics", name), "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => line.split(" ").map(Number)),
      ]),
    );
    const values = [...found].map(([name, lines]) => [name, lines.map(([, value, step]) => [step, value])]);
    expect(new Map(values as never)).toEqual(expectedSeries());
    const times = found.get("loss")?.map(([time]) => time);
    expect(times).toEqual(trainer.history.seconds.map((s) => Math.round(startedAt.getTime() + 1000 * s)));
    const param = (name: string) => readFileSync(join(place, "params", name), "utf8");
    expect([param("batchSize"), param("layers.hidden"), param("learningRate")]).toEqual(["20", "8", "0.1"]);
    expect(readFileSync(join(place, "tags", "mlflow.runName"), "utf8")).toBe("first");
    const meta = readFileSync(join(place, "meta.yaml"), "utf8");
    for (const line of [
      `experiment_id: "${experiment}"`,
      `run_id: "${run}"`,
      'run_name: "first"',
      'lifecycle_stage: "active"',
      "status: 3",
      "start_time: 1767323045500",
    ]) {
      expect(meta).toContain(`${line}\n`);
    }
    expect(readFileSync(join(store, experiment, "meta.yaml"), "utf8")).toContain('name: "digits"\n');
  });

  it("keeps an experiment of that name that MLflow has made, and replaces a run of the same name", async () => {
    const store = join(folder, "theirs");
    const own = recordedRun(trainer, options);
    const first = await saveRun(store, own, { to: "mlflow" });
    expect(await saveRun(store, { ...own, status: "interrupted" }, { to: "mlflow" })).toBe(first);
    expect(readFileSync(join(first, "meta.yaml"), "utf8")).toContain("status: 5\n");
    mkdirSync(join(store, "471"));
    writeFileSync(join(store, "471", "meta.yaml"), "experiment_id: '471'\nname: other\n");
    const other = await saveRun(store, { ...own, experiment: "other" }, { to: "mlflow" });
    expect(other.startsWith(join(store, "471"))).toBe(true);
    expect(readFileSync(join(store, "471", "meta.yaml"), "utf8")).toBe("experiment_id: '471'\nname: other\n");
  });
});

describe("mlflowContent", () => {
  it("names what is nested by its path, and cuts what is too long for MLflow", () => {
    const run = recordedRun(trainer, {
      ...options,
      settings: {
        optimizer: { name: "sgd", nesterov: false },
        sizes: [64, 10],
        none: null,
        "a/b": "x".repeat(7000),
      },
    });
    const { params } = mlflowContent(run);
    expect(params).toMatchObject({
      "optimizer.name": "sgd",
      "optimizer.nesterov": "false",
      sizes: "[64,10]",
      none: "null",
    });
    expect(params.a_b).toMatch(/^x{5997}\.\.\.$/);
  });
});

describe("TensorBoard's event file", () => {
  it("has the numbers as float32 at their steps and times, and the settings as a text", async () => {
    const file = await saveRun(folder, recordedRun(trainer, options), { to: "tensorboard" });
    expect(file).toBe(join(folder, "digits", "first", "events.out.tfevents.1767323045.isoloss"));
    const [version, settings, ...events] = readRecords(readFileSync(file)).map(readFields);
    expect(version[3]).toEqual([Buffer.from("brain.Event:2")]);
    expect(String(settings[5])).toContain('"batchSize": 20');
    const found = new Map<string, [number, number][]>();
    for (const { 1: time, 2: step = [0n], 5: summary } of events) {
      const values = readFields(summary[0] as Buffer)[1].map((bytes) => readFields(bytes as Buffer));
      for (const { 1: tag, 2: value } of values) {
        found.set(String(tag[0]), [
          ...(found.get(String(tag[0])) ?? []),
          [Number(step[0]), value[0] as number],
        ]);
      }
      expect(time[0]).toBeGreaterThanOrEqual(startedAt.getTime() / 1000);
    }
    const rounded = [...expectedSeries()].map(([name, list]) => [
      name,
      list.map(([step, value]) => [step, Math.fround(value)]),
    ]);
    expect(found).toEqual(new Map(rounded as never));
  });

  it("replaces that of an earlier saving", async () => {
    const at = (seconds: number) =>
      recordedRun(trainer, { ...options, name: "again", startedAt: new Date(1e12 + 1000 * seconds) });
    await saveRun(folder, at(0), { to: "tensorboard" });
    await saveRun(folder, at(5), { to: "tensorboard" });
    expect(readdirSync(join(folder, "digits", "again"))).toEqual(["events.out.tfevents.1000000005.isoloss"]);
  });
});

describe.each(["isoloss", "tensorboard", "mlflow"] as const)("runs for %s", (to) => {
  it("of one name in two experiments are both kept", async () => {
    const root = join(folder, "two", to);
    const save = (experiment: string, settings: { rate: number }) =>
      saveRun(root, recordedRun(trainer, { ...options, experiment, settings }), { to });
    const filesOf = (place: string) =>
      (readdirSync(root, { recursive: true }) as string[])
        .map((name) => join(root, name))
        .filter((path) => path.startsWith(place) && statSync(path).isFile())
        .map((path) => [path, readFileSync(path, "base64")]);
    const first = await save("digits", { rate: 1 });
    const written = filesOf(first);
    expect(written.length).toBeGreaterThan(0);
    expect(await save("letters", { rate: 2 })).not.toBe(first);
    expect(filesOf(first)).toEqual(written);
  });
});

describe("recordedRun", () => {
  it("takes the names and the cosines of several tasks", async () => {
    const several = await createMultiTaskTrainer({
      losses: (p, b) => [mean(square(sub(p.w, b.x))), mean(square(sub(p.w, b.y)))],
      params: { w: array([1, 2]) },
      data: { x: array([[1, 0]]), y: array([[0, 1]]) },
      method: caGrad(),
      optimizer: sgd(),
      learningRate: 0.1,
      tasks: ["left", "right"],
    });
    await several.run({ steps: 2 });
    const { records } = recordedRun(several, { name: "two" });
    const { losses, weights, norms, cosines, directionNorms, seconds } = several.history;
    expect(records).toHaveLength(2);
    expect(records[1]).toEqual({
      step: 1,
      seconds: seconds[1],
      loss: (losses[0][1] + losses[1][1]) / 2,
      gradNormSq: directionNorms[1] ** 2,
      "loss.left": losses[0][1],
      "loss.right": losses[1][1],
      "weight.left": weights[0][1],
      "weight.right": weights[1][1],
      "norm.left": norms[0][1],
      "norm.right": norms[1][1],
      "cosine.0": cosines[0][1],
    });
    await several.dispose();
  });

  it.each([
    [{ name: "../x" }, /name must be up to 60 letters/],
    [{ name: "a", experiment: "" }, /experiment must be/],
    [{ name: "a", status: "done" }, /status must be/],
    [{ name: "a", startedAt: "now" }, /startedAt must be a valid Date/],
    [{}, /name must be given/],
  ])("refuses %j", (wrong, message) => {
    expect(() => recordedRun(trainer, wrong as never)).toThrow(OptionError);
    expect(() => recordedRun(trainer, wrong as never)).toThrow(message);
  });

  it("is not written in an unknown format", async () => {
    const run = recordedRun(trainer, options);
    await expect(saveRun(folder, run, { to: "comet" as never })).rejects.toThrow(/to must be/);
    expect(existsSync(join(folder, "comet"))).toBe(false);
  });
});
