import { describe, expect, it } from "vitest";
import type { Finding, JobResult } from "../../../src/experiments/kind.js";
import { toyFindings, toyTables } from "../../../src/experiments/kinds/multi-task/toy.js";
import {
  answerOf,
  conclusionOf,
  findingsOf,
  verdictOf as verdictBy,
} from "../../../src/experiments/report/findings.js";
import type { ExperimentOutcome } from "../../../src/experiments/report/outcome.js";
import type { RoleComparison } from "../../../src/experiments/report/rates.js";
import { shareOfText, type ToTarget } from "../../../src/experiments/results/to-target.js";
import { runDocument } from "../../../src/formats/json.js";

const ratio = (value: number, low?: number, high?: number) => ({
  n: 5,
  ratio: value,
  interval: low === undefined || high === undefined ? null : ([low, high] as const),
});

const compared = (given: Partial<ToTarget>): ToTarget => ({
  finalLoss: 1,
  reached: 5,
  seeds: 5,
  deterministic: false,
  steps: ratio(0.5, 0.4, 0.6),
  seconds: ratio(0.6, 0.5, 0.9),
  medianSteps: 0.5,
  medianSeconds: 0.6,
  equalSteps: null,
  equalTime: null,
  validation: null,
  test: null,
  accuracy: null,
  constant: null,
  ...given,
});

const beside = (isBeaten: boolean) => ({
  constant: { name: "test.loss", reached: 0.4, constant: 0.41, isBeaten },
});

type Compared = Parameters<typeof verdictBy>[0];

const verdictOf = (given: Compared, clock: Parameters<typeof verdictBy>[1], rowsChose = false) =>
  verdictBy(given, clock, { rowsChose });
const judgementOf = (...given: Parameters<typeof verdictOf>) => verdictOf(...given).judgment;

const withRole = ({ diverged = 0, role = "control", ...given }: Partial<RoleComparison>): RoleComparison => ({
  ...compared(given),
  role,
  diverged,
});

/** With one seed that did not reach the loss. */
const missed = { reached: 4, steps: null, seconds: null } as const;

/** At equal steps. */
const lower = { equalSteps: ratio(0.8, 0.7, 0.9) } as const;

const slower = { steps: ratio(1.5, 1.2, 1.9), seconds: ratio(1.5, 1.2, 1.9) } as const;

describe("verdictOf", () => {
  it.each([
    ["helps", {}],
    ["fewer steps", { seconds: ratio(0.9, 0.7, 1.1) }],
    ["fewer steps", { seconds: ratio(20, 10, 40) }],
    ["does not help", { steps: ratio(1, 0.9, 1.1), seconds: ratio(2, 1.5, 3) }],
    ["does not help", { steps: ratio(1.2, 1.1, 1.3), seconds: ratio(1.2, 0.9, 1.5) }],
    ["undecided", { steps: ratio(1, 0.9, 1.1), seconds: ratio(1.2, 0.9, 1.5) }],
    ["does not help", { ...missed, equalSteps: ratio(1.3, 1.1, 1.5) }],
    ["does not help", { ...missed, equalSteps: ratio(1, 0.9, 1.1), equalTime: ratio(3, 2, 4) }],
    ["does not help", { ...missed, finalLoss: null }],
    ["undecided", { ...missed, equalSteps: ratio(1, 0.9, 1.1), equalTime: ratio(1.1, 0.8, 1.4) }],
    ["does not help", { ...missed, deterministic: true, equalSteps: ratio(1.5) }],
    ["undecided", { steps: ratio(0.5), seconds: ratio(0.5) }],
    ["fewer steps", { deterministic: true, steps: ratio(0.5), seconds: ratio(20, 10, 40) }],
    ["does not help", { deterministic: true, steps: ratio(1), seconds: ratio(20, 10, 40) }],
    // Steps that every seed repeats are exact; a single time decides nothing.
    ["fewer steps", { deterministic: true, steps: ratio(0.5), seconds: ratio(20) }],
    // Quicker to the training loss: by heart, or with the held-out loss kept.
    ["does not help", { test: ratio(1.84, 1.31, 2.59) }],
    ["undecided", { test: ratio(1.18, 0.874, 1.58) }],
    ["helps", { ...lower, test: ratio(1, 0.97, 1.03) }],
    ["undecided", { ...lower, validation: ratio(1.02, 0.96, 1.08) }],
    ["helps", { ...lower, validation: ratio(0.9, 0.85, 0.96) }],
    // Rows that choose, too, are no verdict of their own, either way.
    ["undecided", { ...lower, validation: ratio(1.8, 1.6, 2) }],
    ["undecided", { steps: ratio(1, 0.9, 1.1), validation: ratio(0.8, 0.7, 0.9) }],
    // Slower to the training loss, which decides where the held-out loss is the same, and no more than the loss at equal steps does.
    ...(["test", "validation"] as const).flatMap(
      (part) =>
        [
          ["undecided", { ...slower, [part]: ratio(1.06, 0.919, 1.22) }],
          ["does not help", { ...slower, [part]: ratio(1.01, 0.97, 1.04) }],
          ["undecided", { equalSteps: ratio(1.08, 0.988, 1.18), [part]: ratio(0.99, 0.949, 1.03) }],
          // Nothing helps that does not beat a constant.
          ["undecided", { ...lower, ...beside(false), [part]: ratio(1, 0.97, 1.03) }],
          ["helps", { ...lower, ...beside(true), [part]: ratio(1, 0.97, 1.03) }],
        ] as const,
    ),
    ["undecided", { ...beside(false), test: ratio(0.8, 0.7, 0.9) }],
    ["does not help", { ...beside(false), test: ratio(1.3, 1.2, 1.4) }],
    // Not down to the training loss, as a regularizer is not.
    ["helps", { ...missed, equalSteps: ratio(3, 2, 4), test: ratio(0.489, 0.343, 0.697) }],
    ["undecided", { ...missed, equalSteps: ratio(3, 2, 4), test: ratio(1.03, 0.484, 2.18) }],
    ["undecided", { ...missed, equalSteps: ratio(3, 2, 4), validation: ratio(0.761, 0.615, 0.94) }],
  ] as const)("says %j where the intervals bear it and no more: %j", (judgment, given) => {
    expect(judgementOf(compared(given), null)).toBe(judgment);
  });

  it.each([
    ["helps", {}],
    ["fewer steps", { seconds: ratio(0.9, 0.7, 1.1) }],
  ] as const)("does not say %s where the validation rows that chose are all there is", (judgment, speed) => {
    const judged = (given: Partial<ToTarget>, rowsChose: boolean) =>
      verdictOf(compared({ ...lower, ...speed, ...given }), null, rowsChose);
    const validation = ratio(0.9, 0.85, 0.96);
    expect(judged({ validation }, false).judgment).toBe(judgment);
    expect(judged({ validation }, true).judgment).toBe("undecided");
    expect(judged({ validation }, true).why).toContain("with a part for testing (data.test)");
    expect(judged({ validation, test: ratio(1, 0.97, 1.03) }, true).judgment).toBe(judgment);
    expect(judged({}, true).judgment).toBe(judgment);
  });

  it("says why it does not follow the speed", () => {
    const whyOf = (given: Partial<ToTarget>) => verdictOf(compared({ ...lower, ...given }), null).why;
    expect(whyOf({ test: ratio(1, 0.97, 1.03) })).toBe("");
    expect(whyOf({ test: ratio(1.2, 1.1, 1.3) })).toContain("worse, which decides");
    expect(whyOf({ validation: ratio(1.05, 1.01, 1.08) })).toContain("only test rows, which choose nothing");
    expect(whyOf({ validation: ratio(1.06, 0.919, 1.22) })).toContain("is kept is not clear");
    expect(whyOf({ ...slower, validation: ratio(0.761, 0.615, 0.94) })).toContain("may be lower");
    expect(whyOf({ equalSteps: null, test: ratio(1, 0.97, 1.03) })).toContain("At equal steps");
    expect(whyOf({ ...beside(false), test: ratio(0.8, 0.7, 0.9) })).toContain(
      "Its test.loss is 0.4, not clearly better than the cross-entropy of predicting the class shares, 0.41.",
    );
  });

  it("takes no speed for a verdict, either way, where no model beats a constant", () => {
    const judged = (given: Partial<ToTarget>) =>
      verdictBy(compared({ ...beside(false), ...given }), null, { rowsChose: false, isUnbeaten: true });
    const same = ratio(1.01, 0.98, 1.05);
    const { judgment, why } = judged({ ...slower, test: same });
    expect(judgment).toBe("undecided");
    expect(why).toContain("Its test.loss is 0.4, not clearly better than");
    expect(judged({ ...lower, test: same }).judgment).toBe("undecided");
    // Losses that are not positive have no ratio: the accuracy alone is measured.
    expect(judged(slower).judgment).toBe("undecided");
    expect(judgementOf(compared(beside(false)), null)).toBe("undecided");
    // What is worse on test rows is worse, learned or not.
    expect(judged({ ...slower, test: ratio(1.3, 1.2, 1.4) }).judgment).toBe("does not help");
  });

  it("credits a lower test loss only where it is lower than that of each control, too", () => {
    const test = ratio(0.7, 0.6, 0.8);
    const against = (than: Partial<RoleComparison>) =>
      judgementOf({ ...compared({ test }), beside: { wider: withRole(than) } }, null);
    expect(against({ test: ratio(0.8, 0.7, 0.9) })).toBe("helps");
    expect(against({ test: ratio(0.98, 0.9, 1.1) })).toBe("no better than a control");
    // One that diverged counts as worse, one with a single run or without test loss decides nothing.
    expect(against({ diverged: 1 })).toBe("helps");
    expect(against({ seeds: 1, test: ratio(0.5) })).toBe("undecided");
    expect(against({})).toBe("undecided");
  });

  const quiet = ratio(1.01, 0.97, 1.04);
  const busy = ratio(1.1, 0.6, 2);

  it.each([
    ["fewer steps", { seconds: ratio(0.8, 0.154, 3.72) }],
    // Below 1, but within what the baseline's time is of its own.
    ["fewer steps", { seconds: ratio(0.8, 0.7, 0.95) }],
    ["helps", { seconds: ratio(0.3, 0.2, 0.5) }],
    ["fewer steps", { seconds: ratio(20, 10, 40) }],
    ["undecided", { steps: ratio(1, 0.9, 1.1), seconds: ratio(1.2, 0.9, 1.9) }],
    ["does not help", { steps: ratio(1.2, 1.1, 1.3), seconds: ratio(1.2, 0.9, 1.9) }],
    ["undecided", { ...missed, equalSteps: ratio(1, 0.9, 1.1), equalTime: ratio(3, 2, 4) }],
  ] as const)("says %j where the baseline takes 0.6 to 2 times its own time: %j", (judgment, given) => {
    expect(judgementOf(compared(given), busy)).toBe(judgment);
  });

  it("claims no equal time of repeated runs that the clock alone tells apart, and by that much", () => {
    const repeated = { deterministic: true, steps: ratio(0.5) };
    const judged = (low: number, high: number) =>
      judgementOf(compared({ ...repeated, seconds: ratio(1, low, high) }), quiet);
    expect(judged(0.154, 3.72)).toBe("fewer steps");
    expect(judged(0.97, 1.06)).toBe("fewer steps");
    // Of random runs the seeds may differ as much.
    expect(judgementOf(compared({ seconds: ratio(1, 0.154, 3.72) }), quiet)).toBe("fewer steps");
  });

  it("needs the same against each control, by steps and by time apart", () => {
    const beside = (given: Partial<RoleComparison>, own: Partial<ToTarget> = {}, clock = quiet) =>
      judgementOf({ ...compared(own), beside: { LAMP: withRole(given) } }, clock);
    expect(beside({})).toBe("helps");
    expect(beside({ seconds: ratio(1, 0.9, 1.1) })).toBe("fewer steps");
    expect(beside({ seconds: ratio(1.5, 1.2, 1.9) })).toBe("fewer steps");
    expect(beside({ steps: ratio(1, 0.9, 1.1), seconds: ratio(1, 0.9, 1.1) })).toBe(
      "no better than a control",
    );
    expect(beside({ reached: 3, steps: null, seconds: null, diverged: 2 })).toBe("helps");
    expect(beside({ seeds: 1, reached: 1, steps: ratio(0.5), seconds: ratio(0.5) })).toBe("undecided");
    const slow = { seconds: ratio(2, 1.5, 3) };
    expect(beside({}, slow)).toBe("fewer steps");
    expect(beside({ steps: ratio(1, 0.9, 1.1) }, slow)).toBe("no better than a control");
    const clear = { seconds: ratio(0.3, 0.2, 0.5) };
    // Steps decide then, which is no verdict about time.
    expect(beside({ seconds: ratio(1, 0.5, 2) }, clear, busy)).toBe("fewer steps");
    const longer = { ...clear, steps: ratio(1, 0.9, 1.1) };
    expect(beside({ seconds: ratio(1, 0.5, 2) }, longer, busy)).toBe("undecided");
    expect(beside({ steps: ratio(1, 0.9, 1.1), seconds: ratio(1, 0.5, 2) }, clear, busy)).toBe(
      "no better than a control",
    );
  });
});

describe("a control that missed the loss with a seed", () => {
  it("is compared by losses at equal time, or at equal steps where the clock is too noisy", () => {
    const clear = { seconds: ratio(0.3, 0.2, 0.5) };
    const judged = (given: Partial<RoleComparison>, clock = ratio(1.01, 0.97, 1.04)) =>
      judgementOf({ ...compared(clear), beside: { LAMP: withRole({ ...missed, ...given }) } }, clock);
    const [level, lower] = [ratio(1, 0.9, 1.1), ratio(0.5, 0.4, 0.6)];
    expect(judged({ equalSteps: level, equalTime: level })).toBe("no better than a control");
    expect(judged({ equalSteps: lower, equalTime: level })).toBe("fewer steps");
    expect(judged({ equalSteps: level, equalTime: lower })).toBe("helps");
    const busy = ratio(1.1, 0.6, 2);
    expect(judged({ equalSteps: level, equalTime: lower }, busy)).toBe("no better than a control");
    expect(judged({ equalSteps: lower, equalTime: level }, busy)).toBe("fewer steps");
    // It diverged with a seed, has no losses with a ratio, or never ran.
    expect(judged({ diverged: 1 })).toBe("helps");
    expect(judged({})).toBe("undecided");
    expect(judged({ reached: 0 })).toBe("helps");
    expect(judged({ seeds: 0, reached: 0 })).toBe("undecided");
  });
});

describe("answerOf", () => {
  it("names what is undecided", () => {
    const at = { rate: 0.1, decay: "none" } as const;
    const outcome = {
      resolved: { kind: "minimize", variants: [], roles: {}, rates: [{}] },
      status: "completed",
      results: [],
      rates: [
        {
          ...at,
          baseline: "plain",
          roles: {},
          finalLoss: 1,
          grid: [],
          clock: null,
          level: 0.95,
          repeats: 1,
          runs: [],
          tuned: { exact: { ...at, ...compared(missed) }, other: { ...at, ...compared({}) } },
        },
      ],
    } as unknown as ExperimentOutcome;
    expect(answerOf(outcome)).toBe("It is undecided whether exact helps. other helps.");
    // Its runs may have diverged, or have no validation loss.
    expect(answerOf({ ...outcome, rates: [] })).toBe(
      "There is no answer: at each rate of the grid the baseline diverged with a tuning seed, or has no loss to choose the rate by.",
    );
  });
});

describe("findingsOf", () => {
  it("decides nothing where the baseline itself diverged with a seed", () => {
    const at = { rate: 0.1, decay: "none" } as const;
    const behind = compared({ ...missed, equalSteps: ratio(1.3, 1.1, 1.5) });
    const findingsWith = (finalLoss: number | null) =>
      findingsOf({
        resolved: { kind: "minimize", variants: [], roles: {} },
        results: [],
        rates: [
          {
            ...at,
            baseline: "plain",
            roles: {},
            finalLoss,
            grid: [],
            clock: null,
            level: 0.95,
            repeats: 1,
            runs: [],
            tuned: { exact: { ...at, ...behind } },
          },
        ],
      } as unknown as ExperimentOutcome);
    expect(findingsWith(1)[0].judgment).toBe("does not help");
    const [{ judgment, text }] = findingsWith(null);
    expect(judgment).toBe("undecided");
    expect(text).toContain(
      "in 4 of 5 seeds, half of them within 0.5 times its steps and 0.6 times its time.",
    );
    expect(text).toContain(" plain itself diverged with some of these seeds.");
  });

  it.each([
    ["undecided", false, false],
    ["does not help", true, false],
    ["does not help", false, true],
  ] as const)(
    "says %s of a slower variant where the baseline beats a constant: %j, and another variant: %j",
    (judgment, baseline, other) => {
      const at = { rate: 0.1, decay: "none" } as const;
      const own = compared({ ...slower, ...beside(false), test: ratio(1.01, 0.98, 1.04) });
      const [one] = findingsOf({
        resolved: { kind: "train", variants: [], roles: {} },
        results: [],
        rates: [
          {
            ...at,
            ...beside(baseline),
            baseline: "plain",
            roles: {},
            finalLoss: 1,
            clock: null,
            level: 0.975,
            repeats: 1,
            by: "validation",
            grid: [],
            runs: [],
            tuned: { exact: { ...at, ...own }, other: { ...at, ...own, ...beside(other) } },
            references: {},
          },
        ],
      } as unknown as ExperimentOutcome);
      expect(one.judgment).toBe(judgment);
      const start = "No model of this comparison is clearly better than predicting the class shares. ";
      expect(one.text.startsWith(start)).toBe(judgment === "undecided");
    },
  );

  it.each([
    ["helps", "loss", {}, 2],
    ["undecided", "validation", {}, 2],
    ["helps", "validation", {}, 1],
    ["undecided", "loss", { best: "restore" }, 2],
    ["undecided", "loss", { earlyStopping: {} }, 2],
  ])(
    "says %s by validation rows where %s chose, epochs by %j, of %i rates",
    (judgment, by, settings, rates) => {
      const at = { rate: 0.1, decay: "none" } as const;
      const [one] = findingsOf({
        resolved: { kind: "train", variants: [], roles: {} },
        results: [],
        rates: [
          {
            ...at,
            baseline: "plain",
            roles: {},
            finalLoss: 1,
            clock: null,
            level: 0.95,
            repeats: 1,
            by,
            grid: Array.from({ length: rates }, () => ({ ...at, losses: {} })),
            runs: [{ settings, document: { teleports: [] } }],
            tuned: { exact: { ...at, ...compared({ ...lower, validation: ratio(0.9, 0.85, 0.96) }) } },
          },
        ],
      } as unknown as ExperimentOutcome);
      expect(one.judgment).toBe(judgment);
    },
  );
});

describe("shareOfText", () => {
  it("says what share of the steps or of the time was needed, with its interval where there is one", () => {
    expect(shareOfText(ratio(0.5, 0.4, 0.625), "steps")).toBe("0.5 of the steps [0.4, 0.625]");
    expect(shareOfText(ratio(76, 50, 99), "time")).toBe("76 times the time [50, 99]");
    expect(shareOfText(ratio(0.25), "steps")).toBe("0.25 of the steps");
    expect(shareOfText(ratio(0.25, 0.25, 0.25), "steps")).toBe("0.25 of the steps");
  });

  it("claims nothing where the interval contains 1", () => {
    expect(shareOfText(ratio(0.9, 0.7, 1.1), "time")).toBe("0.7 to 1.1 times the time, no clear difference");
    expect(shareOfText(ratio(1, 1, 1), "time")).toBe("the same time");
    expect(shareOfText(ratio(1), "steps")).toBe("as many steps");
  });
});

describe("conclusionOf", () => {
  const finding = (judgment: Finding["judgment"]): Finding => ({
    title: "x",
    judgment,
    measures: [],
    alternatives: [],
    text: "",
  });

  it("counts, and says that nothing helped where nothing did", () => {
    expect(
      conclusionOf([
        finding("does not help"),
        finding("fewer steps"),
        finding("does not help"),
        finding("fewer steps"),
      ]),
    ).toBe(
      "Of 4 methods, each compared with its baseline: 0 helped; " +
        "2 needed fewer steps but not clearly less time; 2 did not help.",
    );
    expect(conclusionOf([finding("helps")])).toBe(
      "Of one method, each compared with its baseline: 1 helped.",
    );
  });
});

describe("toyFindings", () => {
  const run = (variant: string, seed: number, reached: number, cost?: object): JobResult => ({
    experiment: "toy",
    variant,
    seed,
    settings: { problem: { name: "toy" }, ...(cost ? { cost } : {}) },
    document: runDocument({
      name: "toy",
      seed,
      status: "completed",
      steps: 1,
      wallSeconds: 1,
      loss: [1, 1],
      metrics: { "front.reached": reached },
    }),
    seconds: [0, 1],
    jumps: [],
  });
  /** From the first so many of the starts each of them reached the front. */
  const ways = (starts: number, { LS, COST, random }: Record<"LS" | "COST" | "random", number>) =>
    Array.from({ length: starts }, (_, seed) => [
      run("LS", seed, Number(seed < LS)),
      run("COST", seed, Number(seed < COST), { kind: "dense" }),
      run("random", seed, Number(seed < random), { control: "random" }),
    ]).flat();

  const findingsOn = (results: readonly JobResult[]) => toyFindings(results, { LS: { random: "control" } });

  it("compares COST with the same method without it, and with its controls", () => {
    // Exact intervals: 8 of 8 from 0.025 ** (1 / 8) = 0.63 on, 2 of 8 as statistical tables have it.
    expect(findingsOn(ways(8, { LS: 2, COST: 8, random: 1 }))).toMatchObject([
      {
        title: "COST",
        judgment: "helps",
        measures: [{ measure: "starts", text: "the front from 8 of 8 starts, 2 by LS, 1 by random" }],
        text:
          "COST reached the Pareto front from 8 of 8 starts [0.63, 1], LS from 2 [0.032, 0.65], random from 1 " +
          "[0.0032, 0.53] (95 % intervals of the shares).",
      },
    ]);
    expect(findingsOn(ways(8, { LS: 8, COST: 1, random: 0 }))[0].judgment).toBe("does not help");
    for (const tie of [0, 5]) {
      expect(findingsOn(ways(10, { LS: tie, COST: tie, random: 0 }))[0].judgment).toBe("undecided");
    }
  });

  it("claims nothing from few starts: five more than without are as likely as heads five times, six are not", () => {
    const judged = (LS: number, random: number) => findingsOn(ways(8, { LS, COST: 8, random }))[0];
    expect(judged(2, 2).judgment).toBe("helps");
    expect(judged(3, 2).judgment).toBe("undecided");
    expect(judged(2, 3).judgment).toBe("no better than a control");
    expect(judged(3, 2).text).toMatch(/Too few starts to decide\.$/);
  });

  it("has the runs in its table that count in the verdict: also one that ended infinitely far away", () => {
    const [near, far] = [run("LS", 0, 1), run("LS", 1, 0)];
    const at = (one: JobResult, distance: number | null): JobResult => ({
      ...one,
      document: { ...one.document, metrics: { ...one.document.metrics, "front.distance": distance } },
    });
    const [{ columns, rows }] = toyTables([at(near, 0.1), at(far, null)]);
    const of = columns.findIndex(({ name }) => name === "of");
    expect(rows[0].values.slice(0, of + 1)).toEqual([0.1, Number.NaN, 1, 2]);
  });

  it("gives COST no credit for what a random move does as well", () => {
    const [finding] = findingsOn(ways(8, { LS: 1, COST: 8, random: 8 }));
    expect(finding.judgment).toBe("no better than a control");
    expect(finding.text).toMatch(/random from 8 \[0\.63, 1\] .* That is not clearly more than a control/);
  });

  it("compares starts from which both ran: a control is not worse where its run failed", () => {
    const without = (seeds: readonly number[]) =>
      ways(8, { LS: 1, COST: 8, random: 1 }).filter((r) => r.variant !== "random" || !seeds.includes(r.seed));
    expect(findingsOn(without([7]))[0].judgment).toBe("helps");
    const [few] = findingsOn(without([2, 3, 4]));
    expect(few.judgment).toBe("undecided");
    expect(few.text).toMatch(/random from 1 of 5 .* Too few starts from which a control, random, ran, too,/);
    const [none] = findingsOn(without([0, 1, 2, 3, 4, 5, 6, 7]));
    expect(none.judgment).toBe("undecided");
    expect(none.text).toContain("random from none, as no run ended");
  });
});
