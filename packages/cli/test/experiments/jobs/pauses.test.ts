// Runs of each kind that pauses: the same bits with pauses and without, the values at pauses, and stops there.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { checkConfig } from "../../../src/config/load.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../src/experiments/definition/schema.js";
import { executeJob, type Job, jobsOf } from "../../../src/experiments/jobs/job.js";
import type { Kind, PausePlan, PauseReport } from "../../../src/experiments/kind.js";
import { kinds } from "../../../src/experiments/kinds/kinds.js";
import type { RunDocument } from "../../../src/formats/json.js";
import { readJsonLines } from "../../../src/run/json-lines.js";

const network = {
  data: { name: "digits", validation: 0.2 },
  model: { name: "mlp", sizes: [64, 8, 10] },
  optimizer: "sgd",
  learningRate: 0.1,
  batchSize: 100,
};
const configs: Readonly<Record<string, object>> = {
  train: { ...network, epochs: 3, runtime: "javascript" },
  continue: { ...network, steps: 40, runtime: "javascript", start: [{ name: "scaleLayers" }] },
  minimize: { problem: "rosenbrock", optimizer: "gd", learningRate: 1e-3, steps: 60 },
  "multi-task": {
    problem: "digitQuestions",
    method: "linearScalarization",
    optimizer: "adam",
    learningRate: 1e-3,
    batchSize: 20,
    steps: 9,
    runtime: "javascript",
  },
};

function jobOf(kind: string, set: object = {}): Job {
  const config = { name: "small", kind, seeds: [1], ...configs[kind], ...set };
  const experiment = checkConfig(config, { schema: experimentSchema, file: "test" });
  const [job] = jobsOf(resolveExperiment(experiment), { checkpointSeconds: 10 });
  return job as Job;
}

const plan = (set: Partial<PausePlan> = {}): PausePlan => ({
  from: 4,
  factor: 2,
  unit: "steps",
  metric: "loss",
  ...set,
});

/** Runs a job, and collects its reports; it is told to stop at a step. */
async function run(job: Job, stopAt = Infinity) {
  const reports: PauseReport[] = [];
  const { document, evaluations } = await executeJob(job, {
    progress() {},
    shouldStop: () => false,
    async report(at) {
      reports.push(at);
      return at.step >= stopAt ? "stop" : "go";
    },
  });
  return { document, evaluations, reports };
}

const numbers = ({ loss, gradNormSq, metrics, steps }: RunDocument) => ({
  loss,
  gradNormSq,
  steps,
  metrics: Object.fromEntries(Object.entries(metrics).filter(([name]) => !/seconds|fraction/.test(name))),
});

describe.each(Object.keys(configs))("a run of kind %s with pauses", (kind) => {
  let plain: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    plain = await run(jobOf(kind));
  });

  it("has the same numbers as without, and reports each pause before its end", async () => {
    const { pauseMetrics: [first, ...others] = [] } = kinds[kind] as Kind;
    for (const metric of [first, ...others.slice(-1)] as string[]) {
      const paused = await run({ ...jobOf(kind), pauses: plan({ metric }) });
      expect(numbers(paused.document)).toEqual(numbers(plain.document));
      expect(paused.evaluations?.map((e) => e.step)).toEqual(plain.evaluations?.map((e) => e.step));
      const steps = [4, 8, 16, 32].filter((step) => step < plain.document.steps);
      expect(paused.reports.map((r) => r.step)).toEqual(steps);
      expect(paused.reports.at(-1)?.values.every(Number.isFinite)).toBe(true);
    }
  });

  it("ends at a pause where it is told to, with the numbers up to there", async () => {
    const { document, reports } = await run({ ...jobOf(kind), pauses: plan() }, 8);
    expect(document.status).toBe("pruned");
    expect(document.steps).toBe(8);
    expect(reports).toHaveLength(2);
    expect(document.loss.history.slice(0, 8)).toEqual(plain.document.loss.history.slice(0, 8));
    // Fewer than 50 steps: the value is the last loss.
    expect(reports[1]?.values).toEqual([3, 7].map((step) => plain.document.loss.history[step]));
  });
});

describe("pauses", () => {
  it("are counted in epochs, and plus a constant", async () => {
    // 1438 examples, 14 batches of 100 an epoch.
    const pauses = plan({
      from: 1,
      factor: undefined,
      every: 0.5,
      unit: "epochs",
      metric: "validation.loss",
    });
    const { reports } = await run({ ...jobOf("train"), pauses });
    expect(reports.map(({ rung, step }) => [rung, step])).toEqual([
      [1, 14],
      [1.5, 21],
      [2, 28],
      [2.5, 35],
    ]);
  });

  it("happen once without factor and every, and not at or above the bound", async () => {
    const once = await run({ ...jobOf("minimize"), pauses: plan({ factor: undefined }) });
    expect(once.reports.map((r) => r.step)).toEqual([4]);
    const below = await run({ ...jobOf("minimize"), pauses: plan({ below: 16 }) });
    expect(below.reports.map((r) => r.step)).toEqual([4, 8]);
    // 50 / 9 three times by 3 is 49.99...: still the bound.
    const thirds = await run({ ...jobOf("minimize"), pauses: plan({ from: 50 / 9, factor: 3, below: 50 }) });
    expect(thirds.reports.map((r) => r.step)).toEqual([6, 17]);
  });

  it("are refused where the run has no such number", async () => {
    const job = jobOf("train", { data: { name: "digits", validation: 0 } });
    await expect(run({ ...job, pauses: plan({ metric: "validation.loss" }) })).rejects.toThrow(
      "This run has no validation.loss to compare it by at step 4.",
    );
    await expect(run({ ...jobOf("minimize", { optimizer: "lbfgs" }), pauses: plan() })).rejects.toThrow(
      "they cannot be pruned",
    );
  });

  it.each(["train", "minimize"])("are known to a run of kind %s that is resumed", async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), "isoloss-pauses-"));
    try {
      const job = { ...jobOf(kind), directory: join(folder, "run"), pauses: plan(), checkpointSteps: 10 };
      const plain = await run(job);
      const records = await readJsonLines(join(folder, "run/metrics.jsonl"));
      expect(records.filter((r) => "pause" in r).map((r) => r.step)).toEqual([4, 8, 16, 32]);
      rmSync(join(folder, "run"), { recursive: true });
      let isStopped = false;
      const first = await executeJob(job, {
        progress: ({ step }) => {
          isStopped = step >= 10;
        },
        shouldStop: () => isStopped,
        report: async () => "go",
      });
      expect(first.document.status).toBe("interrupted");
      const { document, reports } = await run(job);
      expect(numbers(document)).toEqual(numbers(plain.document));
      expect(reports.length).toBeGreaterThan(0);
      expect(reports).toEqual(plain.reports.slice(-reports.length));
      expect(JSON.parse(readFileSync(join(folder, "run/summary.json"), "utf8")).status).toBe("completed");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
