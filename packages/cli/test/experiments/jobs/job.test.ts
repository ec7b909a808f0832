import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError, MissingDataError, OptionError } from "isoloss";
import { parseXml } from "isoloss-test-support/figures/well-formed";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseConfig } from "../../../src/config/load.js";
import { problemRegistry } from "../../../src/experiments/catalogue/problems.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../src/experiments/definition/schema.js";
import { executeJob, type Job, jobsOf } from "../../../src/experiments/jobs/job.js";
import { runJobs } from "../../../src/experiments/jobs/pool.js";
import { loadStored } from "../../../src/experiments/jobs/stored.js";
import { drawFigures } from "../../../src/experiments/report/figures.js";
import { booth, digits } from "../../commands/support.js";

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), "isoloss-jobs-"));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

const hooks = { progress() {}, shouldStop: () => false };
const jobs = (text: string, set: readonly string[] = []): Job[] =>
  jobsOf(resolveExperiment(parseConfig(text, { schema: experimentSchema, file: "x.yaml", set })), {
    out,
    checkpointSeconds: 100,
  });

describe("executeJob", () => {
  it("compiles a minimization once for all rates and repetitions, and anew for another seed or a race", async () => {
    const made = vi.spyOn(problemRegistry.booth, "make");
    const compiled = async (set: readonly string[], index = 1) => {
      made.mockClear();
      const { document, trajectory } = await executeJob(jobs(booth, set)[index], hooks);
      return { calls: made.mock.calls.length, loss: document.loss.history, trajectory };
    };
    const alone = await compiled(["learningRate=0.051", "seeds=[7]"]);
    const first = await compiled(["learningRate=0.05", "seeds=[8]"]);
    const again = await compiled(["learningRate=0.051", "seeds=[8]"]);
    expect([alone.calls, first.calls, again.calls]).toEqual([1, 1, 0]);
    expect(again.loss).not.toEqual(first.loss);
    // Nothing of Booth's function depends on the seed.
    expect({ ...again, calls: 1 }).toEqual(alone);
    const race = [
      "variants={ teleport: { teleport: { when: { atSteps: [4] }, search: bestAngle, guard: { race: true } } } }",
    ];
    for (const rate of [0.05, 0.051]) {
      expect((await compiled([...race, `learningRate=${rate}`, "seeds=[8]"], 0)).calls).toBe(1);
      // Its sessions would stay open.
      expect((await compiled(["runtime=onnx", `learningRate=${rate}`], 0)).calls).toBe(1);
    }
    made.mockRestore();
  });

  it("repeats the random angles of a job, and compiles a line search for each first step", async () => {
    const angle = "variants={ angle: { teleport: { when: { atSteps: [4, 6] }, search: referenceAngle } } }";
    const [one, two] = [
      await executeJob(jobs(booth, [angle])[0], hooks),
      await executeJob(jobs(booth, [angle])[0], hooks),
    ];
    expect(one.jumps.length).toBeGreaterThan(0);
    expect(two.trajectory).toEqual(one.trajectory);
    const losses = async (rate: number) => {
      const [job] = jobs(booth, ["optimizer=lbfgs", `learningRate=${rate}`]);
      return (await executeJob(job, hooks)).document.loss.history;
    };
    expect(await losses(0.01)).not.toEqual(await losses(0.02));
  });

  it("records where teleports led from and to, and the stored run tells the same", async () => {
    const [, job] = jobs(booth);
    const result = await executeJob(job, hooks);
    // Step 4 of gradient descent on Booth's function, by a plain loop, and from it the point of the shortest axis with the same
    // loss: the minimum (1, 3) and sqrt(L / 18) in both directions.
    expect(result.jumps[0].step).toBe(4);
    expect(result.jumps[0].from[0]).toBeCloseTo(3.91226624, 8);
    expect(result.jumps[0].from[1]).toBeCloseTo(-0.06219008, 8);
    expect(Math.abs(result.jumps[0].to[0] - 1)).toBeCloseTo(1 - 0.0014396093, 8);
    expect(result.trajectory?.[4]).toEqual(result.jumps[0].to);
    const stored = await loadStored(result.document.directory as string);
    expect({ ...stored.document }).toEqual(result.document);
    expect([stored.trajectory, stored.jumps, stored.seconds]).toEqual([
      result.trajectory,
      result.jumps,
      result.seconds,
    ]);
    const drawn = await drawFigures({ results: [stored], figures: ["levelSets", "loss"] });
    expect(drawn.map(({ name }) => name)).toEqual(["level-sets", "loss", "loss-seconds"]);
    for (const { svg } of drawn) parseXml(svg);
  });

  it("runs line searches, which nobody watches, and records their steps", async () => {
    const [job] = jobs(booth, ["optimizer=lbfgs"]);
    const { document } = await executeJob(job, hooks);
    expect(document.status).toBe("completed");
    expect(document.loss.last).toBeLessThan(1e-12);
    const stored = await loadStored(document.directory as string);
    expect(stored.document.loss).toEqual(document.loss);
  });

  it("is drawn alike before and after it was stored", async () => {
    const [, job] = jobs(booth, ["steps=100"]);
    const result = await executeJob(job, hooks);
    const stored = await loadStored(result.document.directory as string);
    const draw = (r: typeof result) => drawFigures({ results: [r], figures: ["loss", "gradNormSq"] });
    expect(await draw(stored)).toEqual(await draw(result));
  });

  it("evaluates networks every so often and at the end, once each", async () => {
    const [job] = jobs(digits, ["steps=200"]);
    const { evaluations, document } = await executeJob(job, hooks);
    // 1438 training images make 71 batches of 20: two epochs are 142 steps.
    expect(evaluations?.map(({ step }) => step)).toEqual([142, 200]);
    expect(document.metrics["validation.loss"]).toBe(evaluations?.at(-1)?.["validation.loss"]);
    expect(document.metrics["train.accuracy"]).toBeGreaterThan(0.5);
    const stored = await loadStored(document.directory as string);
    expect(stored.evaluations).toEqual(evaluations);
    expect(stored.document).toEqual(document);
  });

  it("has no evaluation of a run that diverged after it as what the run came to", async () => {
    const set = ["learningRate={ name: piecewise, rates: [0.01, 1.0e+12], boundaries: [150] }"];
    const [job] = jobs(digits, set);
    const { evaluations = [], document } = await executeJob(job, hooks);
    expect(document.status).toBe("diverged");
    expect(evaluations.length).toBeGreaterThan(0);
    expect(document.metrics["validation.leastLoss"]).toBeGreaterThan(0);
    expect([document.metrics["validation.loss"], document.metrics["validation.accuracy"]]).toEqual([
      null,
      null,
    ]);
    expect((await loadStored(document.directory as string)).document).toEqual(document);
  });

  it("ends soon when it is asked to, with a checkpoint", async () => {
    const [job] = jobs(digits);
    let asked = 0;
    const { document } = await executeJob(job, { ...hooks, shouldStop: () => ++asked > 3 });
    expect(document.status).toBe("interrupted");
    expect(document.steps).toBe(45);
    expect(readdirSync(document.directory as string)).toContain("checkpoint");
  });

  it("leaves nothing of a run that could not begin", async () => {
    const [job] = jobs(digits, ["batchSize=100000"]);
    await expect(executeJob(job, hooks)).rejects.toThrow(OptionError);
    expect(readdirSync(out)).toEqual([]);
  });

  it("tells data that are missing from other errors", async () => {
    const before = process.env.ISOLOSS_DATA;
    const [job] = jobs(digits, ["data=mnist"]);
    process.env.XDG_CACHE_HOME = out;
    try {
      const error = await executeJob(job, hooks).catch((e: unknown) => e);
      // A computer that has them is as good.
      if (!existsSync("/usr/share/datasets/mnist") && before === undefined) {
        expect(error).toBeInstanceOf(DataError);
        expect(error).toBeInstanceOf(MissingDataError);
      }
    } finally {
      delete process.env.XDG_CACHE_HOME;
    }
  });
});

describe("runJobs", () => {
  it("goes on after a job that fails, and keeps the order", async () => {
    const all = jobs(booth);
    const broken: Job = { ...all[0], variant: "broken", settings: { ...all[0].settings, dtype: "float32" } };
    const ended: string[] = [];
    const outcomes = await runJobs([broken, ...all], {
      threads: 1,
      onEnd: ({ job }) => ended.push(job.variant),
    });
    expect(outcomes.map((o) => [o.job.variant, "error" in o])).toEqual([
      ["broken", true],
      ["plain", false],
      ["exact", false],
    ]);
    expect(ended).toEqual(["broken", "plain", "exact"]);
  });

  it("keeps no points of runs that are only compared", async () => {
    const [plain] = jobs(booth);
    const outcomes = await runJobs([plain, { ...plain, isCompared: true }], { threads: 1 });
    const [drawn, compared] = outcomes.map((o) => ("result" in o ? o.result : undefined));
    expect([drawn?.trajectory?.length, compared?.trajectory]).toEqual([11, undefined]);
    expect(compared?.document.loss).toEqual(drawn?.document.loss);
  });

  it("begins no job after an abort", async () => {
    const controller = new AbortController();
    const outcomes = await runJobs(jobs(booth), {
      threads: 1,
      signal: controller.signal,
      onEnd: () => controller.abort(),
    });
    expect(outcomes.map((o) => o.job.variant)).toEqual(["plain"]);
  });
});
