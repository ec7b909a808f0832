import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/config/load.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../src/experiments/definition/schema.js";
import { executeJob } from "../../../src/experiments/jobs/job.js";
import { findingsOf } from "../../../src/experiments/report/findings.js";
import { rateFigures, runExperiment } from "../../../src/experiments/report/outcome.js";
import type { RateComparison } from "../../../src/experiments/report/rates.js";
import { runDocument } from "../../../src/formats/json.js";

const name = "heavy-ball-with-six-teleports-along-the-level-set-of-the-loss";
const ratio = { n: 2, ratio: 0.5, interval: [0.4, 0.6] } as const;
const loss = [9, 1];

describe("rateFigures", () => {
  it("have room for the names of variants in the narrow figures of a page", () => {
    const compared = {
      finalLoss: 1,
      reached: 2,
      seeds: 2,
      deterministic: false,
      steps: ratio,
      seconds: ratio,
      medianSteps: 0.5,
      medianSeconds: 0.5,
      equalSteps: null,
      equalTime: null,
      validation: null,
      test: null,
      accuracy: null,
      constant: null,
      rate: 0.1,
      decay: "none" as const,
    } satisfies RateComparison;
    const drawn = rateFigures(
      {
        baseline: "plain",
        roles: { [name]: "ceiling" },
        rate: 0.1,
        decay: "none",
        finalLoss: 1,
        // Of two variants.
        level: 0.975,
        repeats: 1,
        clock: null,
        by: "loss" as const,
        grid: [],
        constant: null,
        sameRate: {},
        references: {},
        tuned: { [name]: compared },
        runs: [
          {
            experiment: "x",
            variant: name,
            seed: 0,
            settings: {},
            seconds: [0, 1],
            jumps: [],
            document: runDocument({ name, seed: 0, status: "completed", steps: 1, wallSeconds: 1, loss }),
          },
          // Interrupted before its first step.
          {
            experiment: "x",
            variant: name,
            seed: 1,
            settings: {},
            seconds: [],
            jumps: [],
            document: runDocument({
              name,
              seed: 1,
              status: "interrupted",
              steps: 0,
              wallSeconds: 0,
              loss: [],
            }),
          },
        ],
      },
      { theme: "light", size: { width: 480, height: 380 } },
    );
    expect(drawn.map((figure) => figure.name)).toEqual(["tuned", "tuned-seconds", "ratios"]);
    expect(drawn[2].svg).toContain(`${name} (ceiling): seconds`);
    expect(drawn[2].svg).toContain("Whiskers: 97.5 % confidence intervals.");
  });
});

it("an experiment begins no more runs after Ctrl-C while its rates are tuned", async () => {
  const text = `name: x
kind: minimize
problem: booth
optimizer: gd
steps: 10
learningRate: 0.05
variants: { plain: {}, momentum: { optimizer: momentum } }
rates: { grid: [0.05, 0.1], tune: [0], confirm: 1..3 }
`;
  const sizes: number[] = [];
  const outcome = await runExperiment(
    resolveExperiment(parseConfig(text, { schema: experimentSchema, file: "x.yaml" })),
    {
      async session(jobs) {
        sizes.push(jobs.length);
        const ended = [];
        for (const job of jobs) ended.push(await executeJob(job, { progress() {}, shouldStop: () => false }));
        // While the last one computes.
        return { results: ended, failures: [], interrupted: sizes.length > 1 };
      },
      now: () => performance.now(),
    },
  );
  expect(sizes).toEqual([2, 4]);
  expect([outcome.status, outcome.results.length]).toEqual(["interrupted", 2]);
  // No comparison of runs that never began is reported.
  expect([outcome.rates, findingsOf(outcome)]).toEqual([[], []]);
});
