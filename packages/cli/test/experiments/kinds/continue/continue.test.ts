import { decodeCheckpoint } from "isoloss";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../../../src/config/load.js";
import { resolveExperiment } from "../../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../../src/experiments/definition/schema.js";
import { executeJob, jobsOf } from "../../../../src/experiments/jobs/job.js";
import type { JobResult, Role } from "../../../../src/experiments/kind.js";
import { kinds } from "../../../../src/experiments/kinds/kinds.js";

const config = `name: small
kind: continue
data: { name: digits, validation: 0.2, limit: 300 }
model: { name: convnet, stages: [[4], [6]] }
pretrain: { start: [restoreBatchNorm], optimizer: adam, learningRate: 1.0e-2, epochs: 10 }
optimizer: sgd
learningRate: 0.01
batchSize: 50
steps: 4
variants:
  never-folded: {}
  folded: { start: [foldBatchNorm] }
  restored: { start: [foldBatchNorm, restoreBatchNorm] }
  scaled: { start: [foldBatchNorm, scaleLayers, scaleChannels] }
  balanced: { start: [foldBatchNorm, scaleLayers, scaleChannels, balance] }
  pruned: { start: [foldBatchNorm, { name: prune, fraction: 0.95 }] }
  int2: { start: [foldBatchNorm, { name: quantize, bits: 2 }] }
  int8: { start: [foldBatchNorm, { name: quantize, granularity: channel }] }
  file8: { start: [foldBatchNorm, { name: quantizeFile, examples: 60 }], steps: 0 }
  noise: { start: [foldBatchNorm, { name: minimizeNoise, examples: 64 }] }
  turned: { start: [foldBatchNorm], shift: turned }
`;

const jobs = jobsOf(resolveExperiment(parseConfig(config, { schema: experimentSchema, file: "small" })), {
  checkpointSeconds: 1e9,
});

describe("the kind continue", () => {
  const runs: Record<string, JobResult> = {};
  const metric = (name: string, key: string) => runs[name].document.metrics[key] ?? Number.NaN;
  const start = (name: string) => metric(name, "start.loss");

  beforeAll(async () => {
    for (const job of jobs) {
      runs[job.variant] = await executeJob(job, { progress: () => {}, shouldStop: () => false });
    }
  });

  it("begins every variant with the same trained network, and folds, scales and moves it without its function", () => {
    expect(metric("never-folded", "start.accuracy")).toBeGreaterThan(0.6);
    for (const name of ["folded", "restored", "scaled", "balanced", "noise"]) {
      expect(Math.abs(start(name) / start("never-folded") - 1)).toBeLessThan(1e-4);
    }
    for (const name of ["restored", "balanced", "noise"])
      expect(metric(name, "move.drift")).toBeLessThan(1e-4);
    for (const name of ["never-folded", "folded", "scaled", "pruned"]) {
      expect(runs[name].document.metrics).not.toHaveProperty("move.drift");
    }
  });

  it("counts the time of moves, and of nothing else before the first step", () => {
    const { seconds, document } = runs.restored;
    expect(seconds[0]).toBeGreaterThan(document.metrics["move.seconds"] as number);
    expect(metric("restored", "move.seconds")).toBeGreaterThan(0);
    expect(metric("folded", "move.seconds")).toBe(0);
  });

  it("trains on from there: a badly scaled network by other steps than a balanced one", () => {
    const [scaled, balanced, folded] = ["scaled", "balanced", "folded"].map(
      (name) => runs[name].document.loss,
    );
    expect(scaled.history).toHaveLength(4);
    expect(scaled.history[0]).toBeCloseTo(balanced.history[0] as number, 3);
    expect(scaled.history[3]).not.toBeCloseTo(balanced.history[3] as number, 3);
    expect(folded.history[3]).not.toBe(folded.history[0]);
  });

  it("loses accuracy to pruning, to few bits and to other data, and hardly any to eight bits, in a file, too", () => {
    for (const name of ["pruned", "int2", "turned"]) {
      expect(metric(name, "start.accuracy")).toBeLessThan(metric("folded", "start.accuracy"));
    }
    for (const name of ["int8", "file8"]) {
      expect(start(name)).not.toBe(start("folded"));
      expect(Math.abs(start(name) / start("folded") - 1)).toBeLessThan(0.05);
    }
  });

  it("shows accuracies and times in a table", () => {
    const { tables } = kinds.continue.comparison ?? {};
    const [table] = tables?.(Object.values(runs)) ?? [];
    expect(table.columns).toHaveLength(3);
    expect(table.rows.map(({ name }) => name)).toEqual(Object.keys(runs));
  });
});

describe("changes that hold from then on", () => {
  it.each([
    ["prune", "foldBatchNorm"],
    ["prune", "restoreBatchNorm"],
    ["quantize", "restoreBatchNorm"],
    ["quantize", "prune", "quantizeFile"],
    ["quantizeFile", "foldBatchNorm"],
  ])("are not forgotten where a later one reads the network from a file: %s, %s", async (...start) => {
    const [job] = jobs;
    const settings = { ...job.settings, pretrain: null, start: start.map((name) => ({ name })) };
    await expect(
      executeJob({ ...job, settings }, { progress: () => {}, shouldStop: () => false }),
    ).rejects.toThrow(`${start.at(-1)} reads the network from a file, which would forget ${start[0]}: put`);
  });

  it("let a pruned network be quantized as a file", async () => {
    const [job] = jobs;
    const start = [{ name: "prune" }, { name: "quantizeFile", examples: 60 }];
    const { document } = await executeJob(
      { ...job, settings: { ...job.settings, pretrain: null, start, steps: 0 } },
      { progress: () => {}, shouldStop: () => false },
    );
    expect(document.metrics["start.loss"]).toBeGreaterThan(0);
  });
});

describe("checkpoints", () => {
  /** Runs the pruned variant, and returns its losses with its last checkpoint. */
  async function prunedRun(steps: number, before?: Uint8Array) {
    const job = jobs.find(({ variant }) => variant === "pruned") as (typeof jobs)[number];
    const checkpoints: Uint8Array[] = [];
    const directory = {
      path: "",
      appendMetrics: () => {},
      appendTeleports: () => {},
      saveCheckpoint: async (_: number, bytes: Uint8Array) => void checkpoints.push(bytes),
    };
    const { loss } = await kinds.continue.run(
      { ...job.settings, steps },
      {
        seed: 0,
        progress: () => {},
        shouldStop: () => false,
        checkpointSeconds: 1e9,
        directory: directory as never,
        ...(before ? { before: { checkpoint: before, metrics: [], teleports: [] } } : {}),
      },
    );
    return { loss, checkpoint: checkpoints.at(-1) as Uint8Array };
  }

  it("have pruned weights that stayed zero while the others were trained", async () => {
    const { tensors } = decodeCheckpoint((await prunedRun(4)).checkpoint);
    const isWeight = ([name, { shape }]: [string, { readonly shape: readonly number[] }]) =>
      name.startsWith("params.") && shape.length > 1;
    const all = Object.entries(tensors)
      .filter(isWeight)
      .flatMap(([, { data }]) => Array.from(data as Float32Array, Number));
    expect(all.filter((w) => w === 0).length).toBe(Math.round(0.95 * all.length));
  });

  it("resume a run to the same numbers as without a stop", async () => {
    const { checkpoint } = await prunedRun(2);
    expect((await prunedRun(4, checkpoint)).loss).toEqual((await prunedRun(4)).loss);
  });
});

describe("comparisons without training", () => {
  const starts: Readonly<Record<string, readonly object[]>> = {
    plain: [],
    even: [{ name: "balance" }],
    LAMP: [{ name: "prune", fraction: 0.5, by: "lamp" }],
  };
  const runs = (variant: string, accuracies: readonly number[]) =>
    accuracies.map(
      (accuracy, seed) =>
        ({
          variant,
          seed,
          settings: { start: starts[variant] },
          document: { steps: 0, metrics: { "start.accuracy": accuracy } },
        }) as unknown as JobResult,
    );
  const findingsWith =
    (role: Role) =>
    (...results: readonly JobResult[][]) =>
      kinds.continue.comparison?.findings?.(results.flat(), { plain: { LAMP: role } }) ?? [];
  const findingsOf = findingsWith("control");

  it("judge accuracies against the same variant without the move, in points with an interval", () => {
    const [finding] = findingsOf(
      runs("plain", [0.5, 0.6]),
      runs("even", [0.7, 0.82]),
      runs("LAMP", [0.5, 0.61]),
    );
    // 20 and 22 points: mean 21, t(0.975, 1) = 12.706 times the standard error of 1.
    expect(finding).toMatchObject({ title: "even", judgment: "helps" });
    expect(finding.text).toContain("differs from that of plain by +21 [8.29, 33.7] points");
  });

  it("give a move no credit for what a control does as well, and decide nothing where the interval contains 0", () => {
    const [plain, even] = [runs("plain", [0.5, 0.6]), runs("even", [0.7, 0.82])];
    const [tie, ...none] = findingsOf(plain, even, runs("LAMP", [0.71, 0.8]));
    expect(none).toEqual([]);
    expect(tie).toMatchObject({ title: "even", judgment: "no better than a control" });
    expect(tie.text).toMatch(
      /2 seeds, 95 % intervals\)\. From that of LAMP, the control, it differs by \+0\.5 \[.*\] points\.$/,
    );
    expect(findingsOf(plain, even, runs("LAMP", [0.5, 0.61]))[0].judgment).toBe("helps");
    const [unknown] = findingsOf(plain, even, runs("LAMP", [0.5, Number.NaN]));
    expect(unknown.judgment).toBe("undecided");
    expect(unknown.text).toContain("LAMP, the control, has no accuracy to compare with.");
    const [few] = findingsOf(plain, even, runs("LAMP", [0.5]));
    expect(few.judgment).toBe("undecided");
    expect(few.text).toContain("LAMP, the control, it differs by +20 points with only 1 of the seeds.");
    expect(findingsOf(plain, runs("even", [0.4, 0.8]))[0].judgment).toBe("undecided");
    expect(findingsOf(plain, runs("even", [0.3, 0.41]))[0].judgment).toBe("does not help");
  });

  it("name an alternative in the verdict, which it does not change, and leave a ceiling out of it", () => {
    const [plain, even] = [runs("plain", [0.5, 0.6]), runs("even", [0.7, 0.82])];
    const clause = (lamp: readonly number[]) =>
      findingsWith("alternative")(plain, even, runs("LAMP", lamp))[0];
    expect(clause([0.71, 0.82])).toMatchObject({ judgment: "helps", alternatives: ["LAMP does as well"] });
    expect(clause([0.9, 1.02]).alternatives).toEqual(["LAMP does better"]);
    expect(clause([0.5, 0.61]).alternatives).toEqual(["better than LAMP"]);
    expect(clause([0.5, Number.NaN]).alternatives).toEqual(["LAMP had too few runs to compare"]);
    const [ceiling] = findingsWith("ceiling")(plain, even, runs("LAMP", [0.9, 1.02]));
    expect(ceiling).toMatchObject({ judgment: "helps", alternatives: [] });
    expect(ceiling.text).toContain("From that of LAMP, the ceiling, it differs by -20 ");
  });
});
