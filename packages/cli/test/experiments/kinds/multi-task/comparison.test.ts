import { describe, expect, it } from "vitest";
import type { JobResult, Role, Roles } from "../../../../src/experiments/kind.js";
import { multiTaskComparison } from "../../../../src/experiments/kinds/multi-task/comparison.js";
import { gainFindings, gainRows } from "../../../../src/experiments/kinds/multi-task/gains.js";
import { costBaselines, variantsOf } from "../../../../src/experiments/kinds/multi-task/plain.js";
import { byVariant } from "../../../../src/experiments/results/summary.js";
import { runDocument } from "../../../../src/formats/json.js";

const run = (variant: string, seed: number, accuracies: readonly number[], settings: object): JobResult => ({
  experiment: "x",
  variant,
  seed,
  settings: { problem: { name: "two" }, ...settings },
  document: runDocument({
    name: "x",
    seed,
    status: "completed",
    steps: 1,
    wallSeconds: 1,
    loss: [1],
    metrics: {
      "test.accuracy": (accuracies[0] + accuracies[1]) / 2,
      "test.a.accuracy": accuracies[0],
      "test.b.accuracy": accuracies[1],
    },
  }),
  seconds: [0],
  jumps: [],
});

/** Runs of a variant with the given mean accuracies, a seed each; NaN: one that diverged after it was evaluated. */
const runs = (variant: string, means: readonly number[], settings: object = {}) =>
  means.map((mean, seed): JobResult => {
    const made = run(variant, seed, [mean - 0.1, mean + 0.1], settings);
    if (!Number.isNaN(mean)) return made;
    return { ...made, document: { ...made.document, status: "diverged", metrics: { "test.accuracy": 0.9 } } };
  });

/** The roles that an experiment with these runs has by itself. */
const rolesIn = (results: readonly JobResult[]): Roles => costBaselines(variantsOf(byVariant(results)));

const findingsOf = (...lists: readonly JobResult[][]) => gainFindings(lists.flat(), rolesIn(lists.flat()));

describe("comparisons of runs on several tasks", () => {
  it("take Delta_m and ranks among the runs on the same problem", () => {
    const other = { problem: { name: "two", imbalanced: true } };
    const results = multiTaskComparison.compare?.([
      run("single", 0, [0.5, 0.8], { alone: true }),
      run("LS", 0, [0.4, 0.8], {}),
      run("PCGrad", 0, [0.4, 0.4], { method: "pcGrad" }),
      run("single-imbalanced", 0, [0.8, 0.4], { alone: true, ...other }),
      run("LS-imbalanced", 0, [0.8, 0.2], other),
      run("PCGrad-imbalanced", 0, [0.6, 0.4], { method: "pcGrad", ...other }),
    ]);
    const metric = (name: string) => results?.map(({ document }) => document.metrics[name]);
    // By hand: 100 times the mean of (0.5 - 0.4) / 0.5 and 0, and so on.
    expect(metric("deltaM")?.map((v) => Number(v?.toFixed(9)))).toEqual([0, 10, 35, 0, 25, 12.5]);
    expect(metric("meanRank")).toEqual([undefined, 1, 1.5, undefined, 1.5, 1.5]);
    const tables = multiTaskComparison.tables?.(results ?? []) ?? [];
    expect(tables.map(({ caption }) => caption?.split(". ")[0])).toEqual(["two", "two, imbalanced true"]);
    expect(tables[0]?.caption).toContain(
      "seeds. Delta_m is against the single-task runs of the same seeds. Mean ranks are among these rows",
    );
    const [without] = multiTaskComparison.tables?.([run("LS", 0, [0.4, 0.8], {})]) ?? [];
    expect(without?.caption).toMatch(/interval over seeds$/);
  });

  it("pair runs with COST with those without it and with the controls, seed by seed", () => {
    const results = [
      ...runs("LS", [0.5, 0.6, 0.7]),
      ...runs("COST", [0.52, 0.63, 0.74], { cost: { preset: "default" } }),
      ...runs("random", [0.51, 0.61, 0.71], { cost: { control: "random" } }),
      ...runs("PCGrad-COST", [0.5], { method: "pcGrad", cost: { preset: "default" } }),
    ];
    const rows = gainRows(results, rolesIn(results));
    expect(rows.map(({ name, role, plain }) => [name, role, plain.over])).toEqual([
      ["COST", undefined, "LS"],
      ["random", "control", "LS"],
    ]);
    // Differences 2, 3, 4: t(0.975, 2) / sqrt(3) = 2.484 around 3.
    const [{ plain, beside }] = rows;
    expect(plain.points?.mean).toBeCloseTo(3, 9);
    expect(plain.points?.interval?.[0]).toBeCloseTo(3 - 2.484, 3);
    expect(beside.map(({ over, role, points }) => [over, role, Number(points?.mean.toFixed(9))])).toEqual([
      ["random", "control", 2],
    ]);
  });

  it.each([
    ["helps", [0.54, 0.64, 0.74], [0.5, 0.6, 0.7]],
    ["no better than a control", [0.54, 0.64, 0.74], [0.55, 0.64, 0.73]],
    ["undecided", [0.44, 0.7, 0.74], [0.5, 0.6, 0.7]],
    ["does not help", [0.44, 0.55, 0.64], [0.5, 0.6, 0.7]],
    ["undecided", [0.54], [0.5]],
  ] as const)("judge by intervals alone: %s", (judgment, cost, random) => {
    const findings = findingsOf(
      runs("LS", [0.5, 0.6, 0.7]),
      runs("COST", cost, { cost: { preset: "default" } }),
      runs("random", random, { cost: { control: "random" } }),
    );
    expect(findings.map((f) => [f.title, f.judgment])).toEqual([["COST", judgment]]);
    expect(findings[0].text).toMatch(/^Gain in mean accuracy of COST, in points, over LS: /);
  });

  it("say which runs diverged: a gain without them is none", () => {
    const findingsWith = (cost: readonly number[], plain: readonly number[]) =>
      findingsOf(runs("LS", plain), runs("COST", cost, { cost: { preset: "default" } })).map(
        ({ judgment, text }) => [judgment, text.slice(text.indexOf("over"))],
      );
    expect(findingsWith([0.54, 0.64, Number.NaN], [0.5, 0.6, 0.7])).toEqual([
      ["does not help", "over LS: 4.00 [4.00, 4.00] (1 diverged)."],
    ]);
    expect(findingsWith([0.54, 0.64, 0.74], [0.5, 0.6, Number.NaN])).toEqual([
      ["helps", "over LS: 4.00 [4.00, 4.00] (1 diverged)."],
    ]);
    expect(findingsWith([Number.NaN, Number.NaN], [0.5, 0.6])).toEqual([
      ["does not help", "over LS: - (2 diverged)."],
    ]);
  });

  it("need pairs in which a control ran: one that failed or diverged is not beaten", () => {
    const plain = runs("LS", [0.5, 0.6, 0.7]);
    const cost = runs("COST", [0.54, 0.64, 0.74], { cost: { preset: "default" } });
    const judged = (random: readonly number[]) => {
      const results = [...plain, ...cost, ...runs("random", random, { cost: { control: "random" } })];
      return gainFindings(results, { LS: { random: "control" } })[0];
    };
    expect(judged([]).judgment).toBe("undecided");
    expect(judged([]).text).toMatch(/random: -\. Too few runs of a control to compare with: random\.$/);
    expect(judged([0.5]).judgment).toBe("undecided");
    expect(judged([Number.NaN, Number.NaN, Number.NaN]).judgment).toBe("undecided");
    expect(judged([0.5, 0.6]).judgment).toBe("helps");
    expect(judged([0.5, 0.64]).judgment).toBe("no better than a control");
  });

  it("name an alternative, which does not change the verdict, and a ceiling only among the numbers", () => {
    const findingsBeside = (role: Role, other: readonly number[]) => {
      const lists = [runs("LS", [0.5, 0.6, 0.7]), runs("COST", [0.54, 0.64, 0.74], { cost: {} })];
      const results = [...lists.flat(), ...runs("wide", other, { cost: {}, wide: true })];
      return gainFindings(results, { LS: { wide: role } })[0];
    };
    expect(findingsBeside("alternative", [0.6, 0.71, 0.8])).toMatchObject({
      judgment: "helps",
      alternatives: ["wide does better"],
    });
    const ceiling = findingsBeside("ceiling", [0.6, 0.71, 0.8]);
    expect(ceiling).toMatchObject({ judgment: "helps", alternatives: [] });
    expect(ceiling.text).toContain("wide: -6.33");
  });

  it("say that no rate was tuned, and what is undecided where there is no accuracy", () => {
    const results = [...runs("LS", [0.5, 0.6]), ...runs("COST", [0.6, 0.7], { cost: {} })];
    const said = (list: readonly JobResult[]) =>
      multiTaskComparison.findings?.(list, { LS: { "LS-fast": "control" } }) ?? [];
    const end = /All of them ran at the learning rates of the file: none was tuned\.$/;
    expect(said(results)).toMatchObject([{ title: "COST", text: expect.stringMatching(end) }]);
    const bare = results.map((r) => ({ ...r, document: { ...r.document, metrics: {} } }));
    expect(said(bare)).toMatchObject([{ title: "COST", judgment: "undecided" }]);
    expect(said(bare)[0].text).toMatch(/^COST, LS and LS-fast have no accuracy on test data/);
  });
});
