import { describe, expect, it } from "vitest";
import {
  bestOfEach,
  bestTrials,
  type Confirmed,
  type Contender,
  confirmed as confirmedBy,
  type SeedValues,
} from "../../src/sweep/confirm.js";
import { confirmationOf, contendersOf } from "../../src/sweep/confirmation.js";
import { leftOut } from "../../src/sweep/edges.js";
import type { Metric } from "../../src/sweep/schema.js";
import type { Assignment, Trial } from "../../src/sweep/types.js";

const loss: Metric = { name: "loss", goal: "minimize", aggregate: "mean" };
const accuracy: Metric = { name: "validation.accuracy", goal: "maximize", aggregate: "mean" };

/** By a number that is of no held-out rows. */
const confirmed = (metric: Metric, baseline: SeedValues, contenders: readonly Contender[]) =>
  confirmedBy(metric, baseline, contenders, { rows: null, rowsChose: false, text: "Starts vary." });

const seeds = (...values: readonly number[]): SeedValues =>
  new Map(values.map((value, i) => [1000 + i, value]));

describe("bestTrials", () => {
  it("are completed, the best first, with different parameters", () => {
    const trial = (n: number, value: number, status: Trial["status"] = "completed", x = n): Trial => ({
      trial: n,
      parameters: { x },
      status,
      value,
    });
    const trials = [
      trial(0, 3),
      trial(1, 1),
      trial(2, 0.5, "pruned"),
      trial(3, 1, "completed", 1),
      trial(4, 2),
    ];
    expect(bestTrials(trials, 2).map((t) => t.trial)).toEqual([1, 4]);
    expect(bestTrials(trials, 9).map((t) => t.trial)).toEqual([1, 4, 0]);
  });
});

describe("confirmed", () => {
  it("compares one trial by the ratio of pairs, with its interval at 95 %", () => {
    // Ratios 1/2, 1/2, 1/4: logs -ln 2 (1, 1, 2), mean -4/3 ln 2, deviation ln 2 / sqrt(3), t(0.975, 2) = 4.302653.
    const [one] = confirmed(loss, seeds(2, 4, 8), [{ trial: 5, tuning: 1, fresh: seeds(1, 2, 2) }]);
    const half = (4.302653 * Math.LN2) / 3;
    expect(one.comparison).toMatchObject({ kind: "ratio", n: 3, level: 0.95 });
    expect(one.comparison?.value).toBeCloseTo(2 ** (-4 / 3), 12);
    expect(one.comparison?.interval?.[1]).toBeCloseTo(2 ** (-4 / 3) * Math.exp(half), 5);
    expect([one.tuning, one.fresh]).toEqual([1, 5 / 3]);
    expect(one.optimism).toBeCloseTo(2 / 3, 12);
    expect(one.judgment).toBe("undecided");
    expect(one.text).toBe(
      "Trial 5: loss 1 on the seeds that chose it, 1.667 on 3 fresh seeds; 0.3969 [0.1469, 1.072] times the baseline over 3 pairs (95 % interval). Starts vary.",
    );
  });

  it("credits no trial with what a control does as well", () => {
    const [moved, control] = [seeds(1, 2.1, 3.9), seeds(1.01, 2, 4)];
    const judgments = (fresh: SeedValues) =>
      confirmed(loss, seeds(20, 40, 80), [
        { trial: 5, fresh },
        { trial: 6, fresh: control, isControl: true, label: "cost random" },
      ]).map(({ judgment }) => judgment);
    expect(judgments(moved)).toEqual(["no better than a control", "helps"]);
    expect(judgments(seeds(0.101, 0.2, 0.4))).toEqual(["helps", "helps"]);
    expect(judgments(seeds(19, 41, 80))).toEqual(["undecided", "helps"]);
  });

  it("counts a control whose runs diverged as beaten", () => {
    const judged = confirmed(loss, seeds(20, 40, 80), [
      { trial: 5, fresh: seeds(1, 2.1, 3.9) },
      { trial: 6, fresh: seeds(1, Number.NaN, 4), isControl: true, label: "cost random" },
    ]);
    expect(judged.map(({ judgment, isControl }) => [judgment, isControl])).toEqual([
      ["helps", false],
      ["does not help", true],
    ]);
    expect(judged[0]?.text).toContain("Runs of the control cost random diverged: it counts as worse.");
  });

  it("decides nothing where a control has fewer than two pairs, or no trial", () => {
    const moved = { trial: 5, fresh: seeds(1, 2.1, 3.9) };
    const beside = (fresh: SeedValues) =>
      confirmed(loss, seeds(20, 40, 80), [
        moved,
        { trial: 6, fresh, isControl: true, label: "cost random" },
      ])[0] as Confirmed;
    expect(beside(seeds(10, 21, 39)).judgment).toBe("helps");
    for (const few of [seeds(), seeds(10)]) {
      expect(beside(few).judgment).toBe("undecided");
      expect(beside(few).text).toContain("Too few runs of the control cost random ended to compare with it.");
    }
    const judging = { rows: null, rowsChose: false, text: "", absent: ["cost random"] };
    expect(confirmedBy(loss, seeds(20, 40, 80), [moved], judging)[0]?.judgment).toBe("undecided");
  });

  it("says neither that a trial helps nor that it does not by rows that also chose", () => {
    const by = { rows: "validation", rowsChose: true, text: "" } as const;
    const judged = (...fresh: readonly number[]) =>
      confirmedBy(loss, seeds(2, 4, 8), [{ trial: 5, fresh: seeds(...fresh) }], by)[0]?.judgment;
    expect(judged(1, 2.1, 3.9)).toBe("undecided");
    expect(judged(4, 8.1, 15.9)).toBe("undecided");
    expect(judged(Number.NaN, 2, 4)).toBe("does not help");
  });

  it.each([
    [
      "test.rmse",
      [0.9, 1, 0.95],
      [1.4, 1.5, 1.45],
      "helps",
      "Its test.rmse is 0.95, that of predicting the mean 1.45.",
    ],
    [
      ...(["test.rmse", [1.4, 1.6, 1.45], [1.4, 1.5, 1.45], "undecided"] as const),
      "Its test.rmse is 1.483, not clearly better than that of predicting the mean, 1.45.",
    ],
    [
      ...(["test.accuracy", [0.9, 0.9, 0.9], [0.9, 0.9, 0.9], "undecided"] as const),
      "Its test.accuracy is 0.9, not clearly better than that of predicting the commonest class, 0.9.",
    ],
    [
      ...(["test.loss", [0.35, 0.36, 0.37], [0.45, 0.45, 0.45], "helps"] as const),
      "Its test.loss is 0.36, the cross-entropy of predicting the class shares 0.45.",
    ],
  ] as const)(
    "says helps only of what beats a constant: %s %j beside %j",
    (name, own, constant, judgment, text) => {
      // With an imbalanced class the accuracy may be the constant's, and the cross-entropy clearly lower.
      const alike = name.endsWith(".loss") ? { "test.accuracy": 0.9, "constant.test.accuracy": 0.9 } : {};
      const contender = (trial: number | "baseline", values: readonly number[]) => ({
        trial,
        parameters: {},
        runs: [2, 4, 8].map((loss, i) => ({
          seed: 1000 + i,
          record: {
            status: "completed",
            values: { loss: trial === 0 ? loss / 2 : loss },
            metrics: { [name]: values[i], [`constant.${name}`]: constant[i], ...alike },
          },
        })),
      });
      const contenders = [contender(0, own), contender("baseline", constant)];
      const confirm = { seeds: [1000, 1001, 1002], best: 1, baseline: {} };
      const [one] = confirmationOf({ confirm, metric: loss }, { trials: [], contenders } as never);
      expect(one.judgment).toBe(judgment);
      expect(one.constant).toMatchObject({ name, isBeaten: judgment === "helps" });
      expect(one.text).toContain(text);
    },
  );

  it("says so where both gave the same numbers", () => {
    const texts = [seeds(2, 4, 8), seeds(2, 4, 8.1)].map(
      (fresh) => confirmed(loss, seeds(2, 4, 8), [{ trial: 5, fresh }])[0]?.text,
    );
    expect(texts.map((text) => text?.includes("Both gave the same numbers"))).toEqual([true, false]);
  });

  it("divides the 5 % among the trials", () => {
    const fresh = seeds(1, 2, 2);
    const both = confirmed(loss, seeds(2, 4, 8), [
      { trial: 5, fresh },
      { trial: 6, fresh },
    ]);
    // t(0.9875, 2) = 6.205347.
    expect(both[1].comparison?.level).toBe(0.975);
    expect(both[1].comparison?.interval?.[0]).toBeCloseTo(
      2 ** (-4 / 3) * Math.exp((-6.205347 * Math.LN2) / 3),
      5,
    );
    expect(both[1].optimism).toBeNull();
  });

  it.each([
    ["helps", loss, [2, 4, 8], [1, 2.1, 4.1]],
    ["does not help", loss, [1, 1, 1], [1.1, 1.15, 1.2]],
    ["undecided", loss, [1, 1, 1], [1, 1.1, 1.2]],
    ["undecided", loss, [2, 4, 8], [1, 2, 9]],
    ["helps", accuracy, [0.5, 0.6, 0.7], [0.6, 0.71, 0.8]],
    ["does not help", accuracy, [0.5, 0.6, 0.7], [0.48, 0.59, 0.68]],
    ["undecided", accuracy, [0.5, 0.6, 0.7], [0.5, 0.6, 0.69]],
    ["undecided", loss, [2], [1]],
  ] as const)("%s: %j", (judgment, metric, baseline, values) => {
    const [one] = confirmed(metric, seeds(...baseline), [{ trial: 0, fresh: seeds(...values) }]);
    expect(one.judgment).toBe(judgment);
    expect(one.comparison?.kind).toBe(metric === loss ? "ratio" : "difference");
  });

  it("counts worse accuracy on fresh seeds as optimism", () => {
    const [one] = confirmed(accuracy, seeds(0.5, 0.6), [{ trial: 0, tuning: 0.9, fresh: seeds(0.7, 0.8) }]);
    expect(one.optimism).toBeCloseTo(0.15, 12);
    expect(one.text).toMatch(/; \+0\.2 \[0\.2, 0\.2\] from the baseline over 2 pairs/);
  });

  it("tells no optimism where other rows judged than chose", () => {
    const by = { rows: "test", rowsChose: false, tunedBy: "validation.loss", text: "" } as const;
    const contender = { trial: 0, tuning: 0.5, fresh: seeds(1, 2) };
    const [one] = confirmedBy({ ...loss, name: "test.loss" }, seeds(2, 4), [contender], by);
    expect([one?.tuning, one?.fresh, one?.optimism]).toEqual([0.5, 1.5, null]);
  });

  it("tells of runs that diverged or did not end, and pairs those that did", () => {
    const contender = (fresh: SeedValues) => confirmed(loss, seeds(2, 4, 8), [{ trial: 3, fresh }])[0];
    const diverged = contender(seeds(1, Number.NaN, 2));
    expect(diverged).toMatchObject({ fresh: null, comparison: null, judgment: "does not help" });
    expect(diverged.text).toBe("Trial 3: loss 1 of 3 runs on fresh seeds diverged.");
    expect(contender(seeds(1, 2)).comparison?.n).toBe(2);
    expect(contender(new Map())).toMatchObject({ fresh: null, judgment: "undecided" });
    const [alone] = confirmed(loss, seeds(2, Number.NaN), [{ trial: 3, fresh: seeds(1, 2) }]);
    expect(alone).toMatchObject({ fresh: 1.5, comparison: null, judgment: "undecided" });
    expect(alone.text).toMatch(/not compared: 1 of 2 runs of the baseline diverged\.$/);
  });
});

describe("confirmationOf", () => {
  it("compares times of one lane alone", () => {
    const contender = (trial: number | "baseline", lanes: string) => ({
      trial,
      parameters: {},
      runs: [...lanes].map((lane, i) => ({
        seed: 1000 + i,
        record: { status: "completed", lane, values: { wallSeconds: 2 + i } },
      })),
    });
    const confirm = { seeds: [1000, 1001, 1002], best: 1, baseline: {}, metric: "wallSeconds" };
    const state = { trials: [], contenders: [contender("baseline", "aab"), contender(0, "aaa")] };
    const [one] = confirmationOf({ confirm, metric: loss } as never, state as never);
    expect(one.comparison?.n).toBe(2);
    expect(one.text).toContain("over 2 pairs, without 1 whose runs were in two lanes (95 % interval)");
    const apart = { trials: [], contenders: [contender("baseline", "aab"), contender(0, "bba")] };
    const [none] = confirmationOf({ confirm, metric: loss } as never, apart as never);
    expect([none.comparison, none.judgment]).toEqual([null, "undecided"]);
    // Of the sweep's metric, lanes do not matter.
    const { metric: _, ...other } = confirm;
    const values = (trial: { runs: { record: { values: object } }[] }) => {
      for (const { record } of trial.runs) record.values = { loss: 1 };
    };
    state.contenders.forEach(values);
    const [all] = confirmationOf({ confirm: other, metric: loss } as never, state as never);
    expect(all.comparison?.n).toBe(3);
  });

  it("says of a trial with the baseline's settings that it is the baseline", () => {
    const runs = [0, 1].map((seed) => ({
      seed,
      record: { status: "completed", lane: "a", values: { loss: 1 + seed } },
    }));
    const confirm = { seeds: [0, 1], best: 1, baseline: {} };
    const textOf = (own: typeof runs, set = {}) => {
      const contenders = [
        { trial: "baseline", parameters: {}, runs },
        { trial: 0, parameters: { learningRate: 0.1 }, runs: own },
      ];
      const state = { trials: [], contenders };
      return confirmationOf({ confirm, metric: loss, set } as never, state as never)[0]?.text;
    };
    const own = " times the baseline (the experiment's own settings";
    expect(textOf(runs)).toContain(`${own}) over 2 pairs (95 % `);
    expect(textOf(runs, { steps: 5 })).toContain(`${own} with steps 5) over 2 pairs (95 % `);
    const sizes = { model: { name: "mlp", sizes: Array(30).fill(64) } };
    expect(textOf(runs, sizes)).toContain(`${own} with those of set) over 2 pairs (95 % `);
    expect(textOf(runs)).toContain("(95 % interval). Its settings are the baseline's, and so are its runs");
    expect(textOf(structuredClone(runs))).toContain(
      "Both gave the same numbers: what is compared changed nothing.",
    );
  });

  it("counts runs that diverged as such, whatever they had before", () => {
    const contender = (trial: number | "baseline", statuses: readonly string[]) => ({
      trial,
      parameters: {},
      runs: statuses.map((status, i) => ({
        seed: i,
        record: { status, lane: "a", values: { loss: 1 + i } },
      })),
    });
    const judged = (own: readonly string[], baseline: readonly string[]) => {
      const contenders = [contender("baseline", baseline), contender(0, own)];
      const confirm = { seeds: [0, 1], best: 1, baseline: {} };
      return confirmationOf({ confirm, metric: loss } as never, { trials: [], contenders } as never)[0];
    };
    const good = ["completed", "completed"];
    const half = ["completed", "diverged"];
    expect(judged(half, good)).toMatchObject({ fresh: null, comparison: null, judgment: "does not help" });
    expect(judged(half, good)?.text).toContain("1 of 2 runs on fresh seeds diverged");
    expect(judged(good, half)).toMatchObject({ fresh: 1.5, comparison: null, judgment: "undecided" });
    expect(judged(good, half)?.text).toContain("not compared: 1 of 2 runs of the baseline diverged");
  });

  it("says in what else an arm's best settings are not the baseline's", () => {
    const contender = (trial: number | "baseline", parameters: Assignment) => ({
      trial,
      parameters,
      runs: [1000, 1001].map((seed) => ({
        seed,
        record: { status: "completed", values: { "validation.accuracy": seed / 2000 } },
      })),
    });
    const confirm = { seeds: [1000], best: 1, each: "cost", baseline: { cost: null } };
    const texts = confirmationOf({ confirm, metric: accuracy } as never, {
      trials: [],
      contenders: [
        contender("baseline", { learningRate: 1e-3, cost: null }),
        contender(0, { learningRate: 2e-3, cost: "default" }),
        contender(1, { learningRate: 1e-3, cost: "paper" }),
      ] as never,
    }).map(({ text }) => text);
    expect(texts[0]).toMatch(/^Trial 0 \(cost default\).*\(learningRate 0\.002 against 0\.001\)/);
    expect(texts[1]).not.toContain("against");
    expect(texts[1]).toContain(" from the baseline (cost null) over 2 pairs ");
    expect(texts[1]).toContain(" Both have learningRate 0.001.");
  });
});

describe("the rows that judge", () => {
  const metric: Metric = { name: "validation.loss", goal: "minimize", aggregate: "mean" };
  const confirm = { seeds: [1000, 1001, 1002], best: 1, baseline: {} };

  /** A trial whose validation loss is half of the baseline's, and its test loss twice. */
  function judged(state: object, metrics: readonly string[] = ["test.loss"], by = metric) {
    const contender = (trial: number | "baseline", factor: number) => ({
      trial,
      parameters: {},
      runs: confirm.seeds.map((seed) => {
        const numbers = { "validation.loss": seed / factor, "test.loss": seed * factor };
        return {
          seed,
          record: {
            status: "completed",
            values: { [by.name]: numbers[by.name as keyof typeof numbers] },
            metrics: Object.fromEntries(metrics.map((name) => [name, numbers[name as keyof typeof numbers]])),
          },
        };
      }),
    });
    const contenders = [contender(0, 2), contender("baseline", 1)];
    return confirmationOf({ confirm, metric: by }, { trials: [], contenders, ...state } as never)[0];
  }

  it("are test rows, where the runs have them, and validation rows chose", () => {
    const one = judged({ rows: "divided" });
    expect(one).toMatchObject({ rows: "test", rowsChose: false, judgment: "does not help" });
    expect(one.comparison).toMatchObject({ kind: "ratio", value: expect.closeTo(2, 9) });
    expect(one.text).toMatch(
      /test\.loss 2002 on 3 fresh seeds; 2 \[2, 2\] times the baseline \(the experiment's own settings\) over 3 pairs/,
    );
    expect(one.text).toMatch(
      /Test rows judged, which chose nothing\. From seed to seed starts, orders of batches, the division into training and validation rows and these rows vary\.$/,
    );
    expect(judged({ rows: "published" }).text).toMatch(/starts, orders of batches and these rows vary\.$/);
  });

  it.each([
    [
      "without test rows",
      { rows: "published" },
      [],
      "which also chose, the same for all seeds. From seed to seed starts and orders of batches vary alone, so this shows neither a gain nor a loss on other rows: rank by a number that runs also report on test rows.",
    ],
    [
      "by a number that is not measured on test rows",
      { rows: "divided" },
      [],
      "and those that chose are among them. From seed to seed starts and orders of batches vary, and the division of the same rows, so this shows neither a gain nor a loss on other rows: rank by",
    ],
    [
      "of a journal from before",
      {},
      ["test.loss"],
      ": begin a new sweep with a part for testing, where the data can have one.",
    ],
  ])("are validation rows %s, and nothing is said to help", (_, state, metrics, text) => {
    const one = judged(state, metrics);
    expect(one).toMatchObject({ rows: "validation", rowsChose: true, judgment: "undecided" });
    expect(one.comparison?.value).toBeCloseTo(0.5, 12);
    expect(one.text).toContain(text);
  });

  it.each([
    ["start.loss", "validation", "rank by a number that runs also report on test rows."],
    ["reported.left.rmse", "test", "rank trials by validation rows, where the data have such."],
    ["best.epoch", null, "does not tell which rows judged: they may also have chosen."],
  ])("may have chosen, too, where trials are ranked by %s", (name, rows, text) => {
    const contender = (trial: number | "baseline", factor: number) => ({
      trial,
      parameters: {},
      runs: confirm.seeds.map((seed) => ({
        seed,
        record: { status: "completed", values: { [name]: seed * factor } },
      })),
    });
    const contenders = [contender(0, 0.5), contender("baseline", 1)];
    const state = { trials: [], contenders } as never;
    const [one] = confirmationOf({ confirm, metric: { ...metric, name } }, state);
    expect(one).toMatchObject({ rows, rowsChose: true, judgment: "undecided" });
    expect(one.text).toContain(text);
  });

  it("give an error of their own mean square, whatever each part of them has", () => {
    const by = { ...loss, name: "test.rmse" };
    const judging = { rows: "test", rowsChose: false, text: "" } as const;
    const [one] = confirmedBy(by, seeds(1, 7), [{ trial: 0, fresh: seeds(5, 5) }], judging);
    // Mean squares 25 and 25, where the mean roots are 5 and 4.
    expect(one.comparison?.value).toBeCloseTo(1, 12);
    expect(one.comparison?.interval?.[0]).toBeGreaterThan(0);
  });

  it("are named where test rows chose", () => {
    const one = judged({}, [], { ...metric, name: "test.loss" });
    expect(one).toMatchObject({ rows: "test", rowsChose: true, judgment: "undecided" });
    expect(one.text).toContain("The test rows judged, which also chose");
  });
});

describe("a choice without a completed trial", () => {
  const trial = (n: number, name: string, status: Trial["status"], set: Partial<Trial> = {}): Trial => ({
    trial: n,
    parameters: { name, rate: n / 10 },
    status,
    value: n,
    ...set,
  });
  const adam = [trial(0, "adam", "completed"), trial(1, "adam", "completed")];
  const sgd = [
    trial(2, "sgd", "pruned", { rung: 10 }),
    trial(3, "sgd", "pruned", { rung: 30 }),
    trial(4, "sgd", "pruned", { rung: 30 }),
  ];
  const lost = [trial(5, "rprop", "diverged"), trial(6, "rprop", "failed")];
  const plan = (baseline: Assignment) => ({ seeds: [1000, 1001], best: 1, each: "name", baseline });

  /** What is said of the contenders that a plan chooses, or of those of a journal. */
  function said(trials: readonly Trial[], baseline: Assignment, journal?: readonly object[]): string[] {
    const confirm = plan(baseline);
    const chosen = contendersOf(trials, confirm);
    const contenders = journal ?? [
      ...(chosen?.trials ?? []),
      ...(chosen ? [{ trial: "baseline", parameters: chosen.baseline }] : []),
    ];
    const runs = [1000, 1001].map((seed) => ({
      seed,
      record: { status: "completed", values: { loss: 2 } },
    }));
    return confirmationOf({ confirm, metric: loss } as never, {
      trials: trials as never,
      contenders: contenders.map((one) => ({ ...one, runs })) as never,
    }).map(({ text, tuning }) => `${tuning} ${text}`);
  }

  it("is its pruned trial that came furthest, after those that were completed", () => {
    expect(bestOfEach([...lost, ...sgd, ...adam], "name").map((one) => one.trial)).toEqual([0, 3]);
  });

  it("says so of what is compared, without the value of a rung as that of the search", () => {
    const [text, ...others] = said([...adam, ...sgd], { name: "adam" });
    expect(others).toEqual([]);
    expect(text).toMatch(/^null Trial 3 \(name sgd\): loss 2 on 2 fresh seeds; /);
    expect(text).toMatch(
      / No trial with name sgd was completed: of those that were pruned this one came furthest, to the rung 30\.$/,
    );
  });

  it("says so of the baseline, unless its settings are all given", () => {
    const [text] = said([...adam, ...sgd], { name: "sgd" });
    expect(text).toContain("Its best settings are not the baseline's (rate 0 against 0.3)");
    expect(text).toMatch(
      / No trial with name sgd was completed: the baseline has the settings of trial 3, which of those that were pruned came furthest, to the rung 30\.$/,
    );
    expect(said([...adam, ...sgd], { name: "sgd", rate: 1 })[0]).not.toContain("No trial");
    expect(said([...adam, trial(7, "sgd", "completed")], { name: "sgd" })[0]).not.toContain("No trial");
  });

  it("says which settings of a baseline nothing has tuned, also of an older journal's", () => {
    const untuned =
      / No trial with name (rprop|sgd) was completed: the baseline has the experiment's own rate, which the search did not tune\.$/;
    expect(said([...adam, ...lost], { name: "rprop" })[0]).toMatch(untuned);
    const older = [adam[0] as Trial, { trial: "baseline", parameters: { name: "sgd" } }];
    expect(said([...adam, ...sgd], { name: "sgd" }, older)[0]).toMatch(untuned);
  });

  it("is named where none of its trials can be compared, and then nothing runs for the baseline alone", () => {
    const trials = [...adam, ...lost];
    const file = {
      confirm: plan({ name: "adam" }),
      parameters: { name: { values: ["adam", "rprop", "muon"] }, rate: { min: 0, max: 1 } },
    };
    expect(contendersOf(trials, file.confirm)).toBeUndefined();
    expect(leftOut(file, { end: "trials", trials: trials as never })).toEqual([
      "No trial with name rprop was completed (1 diverged, 1 failed): it is compared with nothing.",
      "No trial with name muon was completed (none was asked): it is compared with nothing.",
    ]);
    expect(leftOut(file, { end: null, trials: [] })).toEqual([]);
    expect(leftOut(file, { end: "trials", trials: [...adam, ...sgd] as never })).toHaveLength(2);
    // Where not one trial was completed, there is nothing to confirm.
    expect(contendersOf(sgd, plan({ name: "adam" }))).toBeUndefined();
  });
});
