import { OptionError } from "isoloss";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../../src/config/load.js";
import { type Resolved, resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../src/experiments/definition/schema.js";
import { executeJob, type Job } from "../../../src/experiments/jobs/job.js";
import type { JobResult } from "../../../src/experiments/kind.js";
import { besideFindings, findingsOf } from "../../../src/experiments/report/findings.js";
import type { ExperimentOutcome } from "../../../src/experiments/report/outcome.js";
import { rateTables } from "../../../src/experiments/report/rate-tables.js";
import { compareRates, type RatesComparison, rateSentence } from "../../../src/experiments/report/rates.js";
import { ratioText } from "../../../src/experiments/results/to-target.js";
import { runDocument } from "../../../src/formats/json.js";

const resolved = (rates: string, more = "") =>
  resolveExperiment(
    parseConfig(
      `name: x
kind: minimize
problem: quadratic
optimizer: gd
learningRate: 0.05
steps: 10
variants:
  plain: {}
  exact: { teleport: { when: { atSteps: [0] }, search: quadraticOptimum } }
${more}rates: ${rates}
`,
      { schema: experimentSchema, file: "x.yaml" },
    ),
  );

const runAll = async (jobs: readonly Job[]): Promise<JobResult[]> => {
  const results: JobResult[] = [];
  for (const job of jobs) results.push(await executeJob(job, { progress() {}, shouldStop: () => false }));
  return results;
};

/** A run whose loss at step t is start * factor^t, a tenth of a second a step. */
const geometric = (job: Job, start: number, factor: number, metrics = {}): JobResult => {
  const loss = Array.from({ length: 11 }, (_, t) => start * factor ** t);
  return {
    experiment: job.name,
    variant: job.variant,
    seed: job.seed,
    ...(job.repeat === undefined ? {} : { repeat: job.repeat }),
    settings: job.settings,
    document: runDocument({
      name: "x",
      seed: job.seed,
      status: "completed",
      steps: 10,
      wallSeconds: 1,
      loss,
      metrics,
    }),
    seconds: loss.map((_, t) => t / 10),
    jumps: [],
  };
};

/** Each look at the clock is a minute later: nothing is repeated. */
const slowly = () => {
  let minutes = 0;
  return () => 60_000 * minutes++;
};

const compareOnce = (given: Resolved, run: Parameters<typeof compareRates>[1]) =>
  compareRates(given, run, slowly());

describe("compareRates", () => {
  it("tunes on some seeds, judges on others, and gives shares of the tuned plain run's steps and time", async () => {
    const seen: Job[] = [];
    const timed: (readonly [boolean, number])[] = [];
    // The plain run is best at 0.1, where it halves the loss; the other quarters it, and is best at 0.2.
    const [rates] = await compareOnce(
      resolved("{ grid: [0.1, 0.2], tune: 0..1, confirm: 10..12 }"),
      async (jobs, isTimed) => {
        seen.push(...jobs);
        timed.push([isTimed, jobs[0].seed]);
        return jobs.map((job) => {
          const rate = job.settings.learningRate as number;
          if (job.variant === "plain") return geometric(job, 1, rate === 0.1 ? 0.5 : 0.9);
          return geometric(job, 1, rate === 0.1 ? 0.5 : 0.25);
        });
      },
    );
    expect(rates).toMatchObject({ baseline: "plain", rate: 0.1 });
    expect(rates?.grid[0].losses.plain).toBeCloseTo(0.5 ** 10, 12);
    const tuned = rates?.tuned.exact;
    expect(tuned).toMatchObject({ rate: 0.2, reached: 3, seeds: 3 });
    // 0.25^5 = 0.5^10.
    expect(tuned?.steps?.ratio).toBeCloseTo(0.5, 12);
    expect(tuned?.seconds?.ratio).toBeCloseTo(0.5, 12);
    // Both end at the same time: 0.25^10 / 0.5^10.
    expect(tuned?.equalTime?.ratio).toBeCloseTo(0.5 ** 10, 12);
    expect(rates?.sameRate.exact.steps?.ratio).toBeCloseTo(1, 12);
    expect(seen.slice(0, 8).every(({ seed }) => seed < 2)).toBe(true);
    expect(seen.slice(8).every(({ seed }) => seed >= 10)).toBe(true);
    // Only the seconds of those that judge count.
    expect(timed).toEqual([
      [false, 0],
      [true, 10],
    ]);
    // The plain run twice, the other one at its own rate and at the plain one's.
    expect(seen).toHaveLength(8 + 3 * 4);
    if (rates && tuned) {
      const text =
        "exact, at its tuned rate 0.2, reached the final loss of plain, at its tuned rate 0.1, in 0.5 of the steps and in 0.5 of the time (nothing is random here; times of this run, averaged over 3 seeds). At equal steps the loss of exact is 0.000977 times that of plain. At equal seconds the loss of exact is 0.000977 times that of plain.";
      expect(rateSentence("exact", rates, tuned)).toBe(
        `${text} The tuned rate of plain and of exact lies at the end of the grid.`,
      );
      const other = { decay: "none", losses: { plain: 1, exact: 1 } } as const;
      const wider = [{ ...other, rate: 0.01 }, ...rates.grid, { ...other, rate: 1 }];
      expect(rateSentence("exact", { ...rates, grid: wider }, tuned)).toBe(text);
      // Further rates of the baseline are none of the other's.
      const further = [...rates.grid, { ...other, rate: 1, losses: { plain: 1 } }];
      expect(rateSentence("exact", { ...rates, rate: 0.2, grid: further }, tuned)).toMatch(/end of the grid/);
    }
  });

  it("chooses among variants by the time that the tuning seeds need, and gives the baseline further rates", async () => {
    const seen: Job[] = [];
    const more = `  slow: { teleport: { when: { atSteps: [1] }, search: quadraticOptimum } }
  lost: { teleport: { when: { atSteps: [2] }, search: quadraticOptimum } }
`;
    const text =
      "{ grid: [0.1], baselineGrid: [0.1, 0.3], tune: 0..1, confirm: 10..12, choose: { best: [slow, lost, exact] } }";
    const factors: Readonly<Record<string, number>> = { plain: 0.5, slow: 0.4, exact: 0.25, lost: 0.1 };
    const [rates] = await compareOnce(resolved(text, more), async (jobs) => {
      seen.push(...jobs);
      return jobs.map((job) =>
        // The quickest of all does not come to the loss with one of the seeds.
        geometric(job, 1, job.variant === "lost" && job.seed === 1 ? 0.9 : factors[job.variant]),
      );
    });
    expect(Object.keys(rates?.tuned ?? {})).toEqual(["best"]);
    expect(rates?.tuned.best).toMatchObject({ variant: "exact", rate: 0.1, reached: 3 });
    expect(rates?.sameRate).toEqual({});
    expect(rates?.grid.map(({ rate, losses }) => [rate, Object.keys(losses)])).toEqual([
      [0.1, ["plain", "slow", "lost", "exact"]],
      [0.3, ["plain"]],
    ]);
    expect(seen.filter(({ seed }) => seed >= 10).map(({ variant }) => variant)).toEqual(
      Array.from({ length: 3 }, () => ["plain", "exact", "plain"]).flat(),
    );
    if (rates === undefined) return;
    expect(rateSentence("best", rates, rates.tuned.best)).toMatch(
      /^best, as exact at its tuned rate 0\.1, reached/,
    );
    const { grid, comparison } = rateTables(rates);
    expect(comparison).toContain("best: exact");
    expect(grid).not.toContain("diverged");
  });

  it("chooses the variant that comes closest where none comes to the loss", async () => {
    const text = "{ grid: [0.1], tune: 0..1, confirm: [10], choose: { best: [far, near, exact] } }";
    const more = `  far: { teleport: { when: { atSteps: [1] }, search: quadraticOptimum } }
  near: { teleport: { when: { atSteps: [2] }, search: quadraticOptimum } }
`;
    const factors: Readonly<Record<string, number>> = { plain: 0.5, far: 0.8, near: 0.7, exact: 0.9 };
    const [rates] = await compareOnce(resolved(text, more), async (jobs) =>
      jobs.map((job) => geometric(job, 1, factors[job.variant])),
    );
    expect(rates?.tuned.best).toMatchObject({ variant: "near", reached: 0, steps: null });
  });

  it("claims no ratio where a seed never comes to the target, and counts those that do", async () => {
    const [rates] = await compareOnce(resolved("{ grid: [0.1], tune: [0], confirm: 10..12 }"), async (jobs) =>
      jobs.map((job) => geometric(job, 1, job.variant === "plain" ? 0.5 : job.seed === 11 ? 0.9 : 0.4)),
    );
    expect(rates?.tuned.exact).toMatchObject({ reached: 2, seeds: 3, steps: null, seconds: null });
    expect(ratioText(null)).toBe("-");
    // What decides is whether the interval contains 1.
    expect(ratioText({ n: 8, ratio: 0.777, interval: [0.602, 1.0043] })).toBe("0.777 [0.602, 1.004]");
    expect(ratioText({ n: 8, ratio: 1.2, interval: [0.99996, 1.5] })).toBe("1.2 [0.99996, 1.5]");
    expect(ratioText({ n: 8, ratio: 1, interval: [1, 1] })).toBe("1 [1, 1]");
    if (rates)
      expect(rateSentence("exact", rates, rates.tuned.exact)).toMatch(
        /in 2 of 3 seeds, half of them within 0\.8 times its steps and 0\.8 times its time\. At equal steps/,
      );
  });

  it("gives intervals where seeds differ, and none where every seed repeats the same losses", async () => {
    const sentence = async (factorOf: (job: Job) => number) => {
      const [rates] = await compareOnce(
        resolved("{ grid: [0.1], tune: [0], confirm: 10..12 }"),
        async (jobs) => jobs.map((job) => geometric(job, 1, job.variant === "plain" ? 0.5 : factorOf(job))),
      );
      const { exact } = rates.tuned;
      return { exact, text: rateSentence("exact", rates, exact), tables: rateTables(rates).comparison };
    };
    const repeated = await sentence(() => 0.25);
    expect(repeated.exact).toMatchObject({ deterministic: true, steps: { interval: null } });
    expect(repeated.text).toMatch(/in 0\.5 of the steps and in 0\.5 of the time \(nothing is random here/);
    for (const shown of [repeated.text, repeated.tables]) expect(shown).not.toMatch(/95 %|\[/);
    const random = await sentence(({ seed }) => (seed === 11 ? 0.1 : 0.25));
    expect(random.exact.deterministic).toBe(false);
    expect(random.text).toMatch(
      /of the steps \[.*\] and in .* of the time \[.*\] \(3 seeds, 95 % intervals; times of this run\)/,
    );
    expect(random.tables).toMatch(/with 95 % intervals/);
  });

  it("gives no number of a loss at equal steps that two seeds leave anywhere between nothing and everything", async () => {
    const control = "  heavy: { optimizer: momentum }\n";
    const parsed = resolved(
      "{ grid: [0.1], tune: [0], confirm: 10..11, variants: [exact] }\nroles: { plain: { heavy: control } }",
      control,
    );
    const compare = async (apart: string) => {
      const [rates] = await compareOnce(parsed, async (jobs) =>
        jobs.map((job) => {
          const [others, own] = [
            { plain: 0.5, exact: 0.25 }[job.variant] ?? 0.5,
            job.seed === 11 ? 0.9 : 0.01,
          ];
          return geometric(job, 1, job.variant === apart ? own : others);
        }),
      );
      return { rates, text: rateSentence("exact", rates, rates.tuned.exact) };
    };
    const { rates, text } = await compare("exact");
    expect(rates.tuned.exact.equalSteps?.interval?.[1]).toBeGreaterThan(1e6);
    expect(text).toContain(
      "At equal steps the loss of exact is not comparable with that of plain: the seeds differ too much to say.",
    );
    expect((await compare("heavy")).text).toContain(
      "Beside heavy, a control: its loss at equal steps: the seeds differ too much to say,",
    );
    expect(rateTables(rates).comparison).toContain("the seeds differ too much to say");
  });

  it("compares the last validation losses and accuracies, where there are any", async () => {
    const [rates] = await compareOnce(resolved("{ grid: [0.1], tune: [0], confirm: 10..12 }"), async (jobs) =>
      jobs.map((job) =>
        geometric(job, 1, 0.5, {
          "validation.loss": job.variant === "plain" ? 0.4 : 0.3,
          "validation.accuracy": job.variant === "plain" ? 0.5 : 0.58,
        }),
      ),
    );
    expect(rates?.tuned.exact.accuracy?.difference).toBeCloseTo(8, 12);
    expect(rateSentence("exact", rates, rates.tuned.exact)).toMatch(
      /Its validation accuracy differs from that of plain by \+8 .*points\./,
    );
    expect(rates?.tuned.exact.validation?.ratio).toBeCloseTo(0.75, 12);
    expect(rateSentence("exact", rates, rates.tuned.exact)).toMatch(
      /The validation loss of exact, on the same rows for all seeds, is 0\.75 .*times that of plain\./,
    );
    const withSettings = (more: object) => ({
      ...rates,
      runs: rates.runs.map((run) => ({ ...run, settings: { ...run.settings, ...more } })),
    });
    const best = { best: "restore" };
    expect(rateSentence("exact", withSettings(best), rates.tuned.exact)).toContain(
      "The validation loss of exact, of the epoch that these rows chose, on the same rows for all seeds, is",
    );
    const divided = withSettings({ ...best, testFold: [0, 3] });
    expect(rateSentence("exact", divided, rates.tuned.exact)).toContain(
      "The validation loss of exact, of the epoch that these rows chose, is",
    );
    expect(rateTables(divided).comparison).toContain(
      "and of its validation loss, of the epoch that these rows chose; below",
    );
    const [without] = await compareOnce(
      resolved("{ grid: [0.1], tune: [0], confirm: [1, 2] }"),
      async (jobs) => jobs.map((job) => geometric(job, 1, 0.5)),
    );
    expect(without?.tuned.exact.validation).toBeNull();
    expect(without?.tuned.exact.accuracy).toBeNull();
  });

  it("judges each confirming seed by test rows of its own, where the data have such", async () => {
    const experiment = (data: string) =>
      resolveExperiment(
        parseConfig(
          `name: x
kind: train
data: ${data}
model: { name: mlp, sizes: [64, 10] }
optimizer: sgd
learningRate: 0.1
batchSize: 50
steps: 5
variants: { plain: {}, faster: { optimizer: momentum } }
rates: { grid: [0.1, 0.2], tune: [0, 1], confirm: 10..12 }
`,
          { schema: experimentSchema, file: "x.yaml" },
        ),
      );
    const compared = async (data: string) => {
      const folds: unknown[] = [];
      const [rates] = await compareRates(experiment(data), async (jobs) => {
        if (jobs[0].seed === 10) folds.push(...jobs.map(({ settings }) => settings.testFold));
        return jobs.map((job) => {
          const factor = job.variant === "plain" ? 1 : 2;
          return geometric(job, 1, 0.5, { "validation.loss": 1 / factor, "test.loss": factor * job.seed });
        });
      });
      return { folds, rates: rates as RatesComparison };
    };
    const { folds, rates } = await compared("{ name: digits, test: 0.2 }");
    expect([...new Set(folds.map((fold) => JSON.stringify(fold)))]).toEqual(["[0,3]", "[1,3]", "[2,3]"]);
    expect(rates.tuned.faster.test?.ratio).toBeCloseTo(2, 9);
    expect(rateSentence("faster", rates, rates.tuned.faster)).toMatch(
      /The test loss of faster, on other rows for each seed, is 2 .*times that of plain\./,
    );
    expect(rateTables(rates).comparison).toContain("of its own for each seed");
    const without = await compared("digits");
    expect(without.folds.every((fold) => fold === undefined)).toBe(true);
    expect(without.rates.tuned.faster.test).toBeNull();
  });

  it("widens the intervals with the number of variants that are judged, those with a role apart, unless nothing is random", async () => {
    const more = (role: string) =>
      `  again: { optimizer: gd }\n${role === "" ? "" : `roles: { plain: { again: ${role} } }\n`}`;
    const judged = async (role: string, isRandom: boolean) => {
      const [rates] = await compareRates(
        resolved("{ grid: [0.1], tune: [0], confirm: [1, 2, 3] }", more(role)),
        async (jobs) =>
          jobs.map((job) => geometric(job, isRandom && job.variant !== "plain" ? 1 - job.seed / 10 : 1, 0.5)),
      );
      const { interval } = rates.tuned.exact.equalTime as { interval: readonly [number, number] };
      return {
        text: rateSentence("exact", rates, rates.tuned.exact),
        width: Math.log(interval[1] / interval[0]),
      };
    };
    const [two, one] = [await judged("", true), await judged("alternative", true)];
    expect(two.text).toContain("97.5 % intervals");
    expect(one.text).toContain("95 % intervals");
    // t(0.9875, 2) and t(0.975, 2).
    expect(two.width / one.width).toBeCloseTo(6.205347 / 4.302653, 4);
    expect((await judged("", false)).text).not.toContain("97.5");
  });

  it.each([
    ["rmse", 0.9, true],
    ["rmse", 1.01, false],
    ["accuracy", 1.1, true],
    ["accuracy", 1, false],
    ["loss", 0.9, true],
    ["loss", 1.1, false],
  ] as const)(
    "tells whether a variant beats a constant: %s %d times its own: %j",
    async (name, times, beats) => {
      const [rates] = await compareOnce(
        resolved("{ grid: [0.1], tune: [0], confirm: [1, 2, 3] }"),
        async (jobs) =>
          jobs.map((job) =>
            geometric(job, 1, 0.5, {
              [`validation.${name}`]: times * (1 + job.seed / 100),
              [`constant.validation.${name}`]: 1 + job.seed / 100,
            }),
          ),
      );
      expect(rates?.tuned.exact.constant?.isBeaten).toBe(beats);
    },
  );

  it("does not choose a rate at which a run diverges", async () => {
    // Beyond 2 / 10 the quadratic diverges.
    const [rates] = await compareOnce(
      resolved("{ grid: [0.05, 0.15, 1.0e+40], tune: [0], confirm: [1] }"),
      runAll,
    );
    expect(rates?.rate).toBe(0.15);
    expect(rates?.grid[2].losses).toEqual({ plain: null, exact: null });
    expect(rates?.tuned.exact.reached).toBe(1);
  });

  it("refuses to choose by validation data that runs do not have", async () => {
    const given = resolved("{ grid: [0.1], by: validation, tune: [0], confirm: [1] }");
    await expect(compareOnce(given, runAll)).rejects.toThrow(
      "rates.by: validation needs validation data, which these runs do not have: hold a part out",
    );
  });

  it("refuses seeds that both choose and judge, and variants that are not there", async () => {
    await expect(compareOnce(resolved("{ grid: [0.1], tune: 0..3, confirm: 3..5 }"), runAll)).rejects.toThrow(
      OptionError,
    );
    const wrong = resolved("{ grid: [0.1], tune: [0], confirm: [1], variants: [nothing] }");
    await expect(compareOnce(wrong, runAll)).rejects.toThrow(/no variant "nothing"/);
  });

  it("tries every rate with decay, too, and takes references as they are", async () => {
    const seen: Job[] = [];
    const config = `{ grid: [0.1, 0.2], decay: [none, cosine], tune: [0], confirm: 10..11, variants: [exact], references: [search] }`;
    const parsed = resolved(config, "  search: { optimizer: steepestDescent }\n");
    const [rates] = await compareOnce(parsed, async (jobs) => {
      seen.push(...jobs);
      return jobs.map((job) => {
        const { learningRate } = job.settings as { learningRate: unknown };
        if (job.variant === "search") return geometric(job, 1, 0.1);
        // The plain run is best with decay from 0.2, the other without.
        const isCosine = typeof learningRate === "object";
        return geometric(job, 1, isCosine === (job.variant === "plain") ? 0.5 : 0.8);
      });
    });
    expect(rates).toMatchObject({ baseline: "plain", rate: 0.1, decay: "cosine" });
    expect(rates.grid.map(({ rate, decay }) => [rate, decay])).toEqual([
      [0.1, "none"],
      [0.2, "none"],
      [0.1, "cosine"],
      [0.2, "cosine"],
    ]);
    expect(rates.tuned.exact).toMatchObject({ rate: 0.1, decay: "none", reached: 2 });
    expect(rates.sameRate.exact).toMatchObject({ rate: 0.1, decay: "cosine", reached: 0, steps: null });
    // 0.1^4 < 0.5^10 < 0.1^3, of ten steps.
    expect(rates.references.search.steps?.ratio).toBeCloseTo(0.4, 12);
    const searched = seen.filter(({ variant }) => variant === "search");
    expect(searched.map(({ seed, settings }) => [seed, settings.learningRate])).toEqual([
      [10, 0.05],
      [11, 0.05],
    ]);
    expect(rateSentence("search", rates, rates.references.search)).toMatch(
      /^search reached the final loss of plain, at its tuned rate 0\.1, cosine decay, in 0\.4 of the steps/,
    );
    expect(rateSentence("exact", rates, rates.tuned.exact)).toMatch(
      /^exact, at its tuned rate 0\.1, reached/,
    );
  });

  it("tunes declared controls, and says what a variant needs of their steps and time", async () => {
    const control = "  heavy: { optimizer: momentum }\n";
    const seen: Job[] = [];
    const compare = async (factors: Readonly<Record<string, number>>) => {
      const text = "{ grid: [0.1, 0.2], tune: [0], confirm: 10..12, variants: [exact] }";
      const parsed = resolved(`${text}\nroles: { plain: { heavy: control } }`, control);
      const [rates] = await compareOnce(parsed, async (jobs) => {
        seen.push(...jobs);
        return jobs.map((job) => {
          const isSlow = job.variant === "heavy" && job.settings.learningRate === 0.1;
          // Seeds differ a little, as times and steps of runs do.
          return geometric(job, 1 + job.seed / 1000, isSlow ? 0.9 : factors[job.variant]);
        });
      });
      const outcome = { resolved: parsed, results: [], rates: [rates] } as unknown as ExperimentOutcome;
      return { rates, findings: findingsOf(outcome), beside: besideFindings(outcome) };
    };
    const tie = await compare({ plain: 0.5, exact: 0.25, heavy: 0.25 });
    expect(seen.some(({ variant, seed }) => variant === "heavy" && seed === 0)).toBe(true);
    expect(tie.rates.tuned.heavy).toMatchObject({ rate: 0.2, reached: 3 });
    expect(tie.rates.tuned.exact.beside?.heavy.steps?.ratio).toBeCloseTo(1, 12);
    expect(tie.findings.map(({ title, judgment }) => [title, judgment])).toEqual([
      ["exact", "no better than a control"],
    ]);
    expect(tie.findings[0].text).toMatch(
      / Beside heavy, a control: 1 \[.*\] times its steps, 1 \[.*\] times its time\./,
    );
    expect(tie.beside.map(({ title, role }) => [title, role])).toEqual([["heavy", "control"]]);
    // Both rates are ends of the grid: the first one of equal losses counts.
    expect(tie.findings[0].text).toContain(
      "The tuned rate of plain and of exact and of heavy lies at the end of the grid.",
    );
    const better = await compare({ plain: 0.5, exact: 0.1, heavy: 0.4 });
    expect(better.findings[0].judgment).toBe("helps");
    const lost = await compare({ plain: 0.5, exact: 0.1, heavy: 0.9 });
    expect(lost.findings[0]).toMatchObject({ judgment: "helps" });
    expect(lost.findings[0].text).toMatch(
      / Beside heavy, a control: .*; it reached the loss in 0 of 3 seeds\./,
    );
  });

  it("says which runs of a control diverged, and decides nothing where too few ran", async () => {
    const parsed = resolved(
      "{ grid: [0.1], tune: [0], confirm: 10..12, variants: [exact] }\nroles: { plain: { heavy: control } }",
      "  heavy: { optimizer: momentum }\n",
    );
    const factors: Readonly<Record<string, number>> = { plain: 0.5, exact: 0.1, heavy: 0.4 };
    const findingWith = async (heavy: (result: JobResult) => JobResult[]) => {
      const [rates] = await compareOnce(parsed, async (jobs) =>
        jobs.flatMap((job) => {
          const result = geometric(job, 1 + job.seed / 1000, factors[job.variant]);
          return job.variant === "heavy" ? heavy(result) : [result];
        }),
      );
      return findingsOf({ resolved: parsed, results: [], rates: [rates] } as unknown as ExperimentOutcome)[0];
    };
    const failed = await findingWith((r) => (r.seed > 10 ? [] : [r]));
    expect(failed.judgment).toBe("undecided");
    expect(failed.text).toContain(", over the 1 seed with which it ran.");
    const none = await findingWith((r) => (r.seed > 9 ? [] : [r]));
    expect(none.judgment).toBe("undecided");
    expect(none.text).toContain(" No run of heavy, a control, ended.");
    const lost = await findingWith((r) => {
      const loss = { ...r.document.loss, history: [1, 2, null], final: null };
      return [r.seed === 12 ? { ...r, document: { ...r.document, status: "diverged", loss } as never } : r];
    });
    expect(lost.judgment).toBe("helps");
    expect(lost.text).toContain("; it diverged with 1 of 3 seeds.");
  });

  it("tunes the controls of COST as the methods, and judges at the tuned rates alone", async () => {
    const parsed = resolveExperiment(
      parseConfig(
        `name: toy
kind: multi-task
problem: toy
method: linearScalarization
optimizer: adam
learningRate: 0.05
steps: 10
variants:
  LS: {}
  COST: { cost: default }
  random: { cost: { control: random } }
rates: { grid: [0.1, 0.2], tune: [0], confirm: 10..12, variants: [COST] }
`,
        { schema: experimentSchema, file: "x.yaml" },
      ),
    );
    const factors: Readonly<Record<string, number>> = { LS: 0.5, COST: 0.25, random: 0.25 };
    const results = parsed.variants.map(({ name, settings }) =>
      geometric({ name: "toy", variant: name, seed: 0, settings } as Job, 1, 0.5, { "front.reached": 1 }),
    );
    const [rates] = await compareOnce(parsed, async (jobs) =>
      jobs.map((job) => {
        const isSlow = job.variant === "random" && job.settings.learningRate === 0.1;
        return geometric(job, 1 + job.seed / 1000, isSlow ? 0.9 : factors[job.variant]);
      }),
    );
    expect(rates.tuned.random).toMatchObject({ rate: 0.2, reached: 3 });
    const outcome = { resolved: parsed, results, rates: [rates] } as unknown as ExperimentOutcome;
    expect(findingsOf(outcome).map(({ title, judgment }) => [title, judgment])).toEqual([
      ["COST", "no better than a control"],
    ]);
    expect(besideFindings(outcome).map(({ title }) => title)).toEqual(["random"]);
  });

  /** Times of deterministic runs as a clock measures them: `noise` times those of {@link geometric}. */
  const timedBy = async (noise: (job: Job) => number, now?: () => number) => {
    const parsed = resolved("{ grid: [0.1], tune: [0], confirm: 10..13 }");
    const seen: Job[] = [];
    const run = async (jobs: readonly Job[]) => {
      seen.push(...jobs);
      return jobs.map((job) => {
        const result = geometric(job, 1, job.variant === "plain" ? 0.5 : 0.25);
        return { ...result, seconds: result.seconds.map((s) => s * noise(job)) };
      });
    };
    const [rates] = await compareRates(parsed, run, now);
    const outcome = { resolved: parsed, results: [], rates: [rates] } as unknown as ExperimentOutcome;
    return { rates, seen, finding: findingsOf(outcome)[0], table: rateTables(rates).comparison };
  };

  it("repeats short runs in turns, and counts the least time of each seed", async () => {
    // Something else slows down all but one of the repetitions, each time another one.
    const { rates, seen, finding } = await timedBy(({ seed, variant, repeat = 0 }) =>
      Math.floor(repeat / 2) === (seed + variant.length) % 5 ? 1 : 2 + ((7 * seed + 3 * repeat) % 5),
    );
    expect(rates).toMatchObject({ repeats: 5, clock: { ratio: 1 } });
    expect(rates.tuned.exact.seconds?.ratio).toBeCloseTo(0.5, 12);
    expect(finding.judgment).toBe("helps");
    expect(finding.text).toContain("averaged over 4 seeds, each the least of 5)");
    const turns = seen.filter(({ seed }) => seed === 10).map(({ variant, repeat }) => [variant, repeat]);
    expect(turns.slice(0, 6)).toEqual([
      ["plain", undefined],
      ["exact", undefined],
      ["plain", 1],
      ["plain", 3],
      ["exact", 2],
      ["plain", 2],
    ]);
  });

  it("gives no times of runs at the baseline's rate, which it does not repeat", async () => {
    const [rates] = await compareRates(
      resolved("{ grid: [0.1, 0.2], tune: [0], confirm: 10..13 }"),
      async (jobs) =>
        jobs.map((job) => {
          const isBest = job.settings.learningRate === (job.variant === "plain" ? 0.1 : 0.2);
          const result = geometric(job, 1, isBest ? 0.5 : 0.6);
          // The first time of each run is the longest.
          return { ...result, seconds: result.seconds.map((s) => s * (job.repeat === undefined ? 3 : 1)) };
        }),
    );
    expect(rates.repeats).toBe(5);
    const { comparison, sameRate } = rateTables(rates);
    expect(comparison).toMatch(/wall-clock time.*Each time is the least of 5/);
    expect(sameRate).not.toMatch(/time|seconds/);
    // Each is timed once there: both sides were slow.
    expect(rates.sameRate.exact.equalTime?.ratio).toBeCloseTo(1.2 ** 10, 9);
  });

  it("repeats as long as all rounds together take less than 2.5 seconds", async () => {
    const looks = [0, 700, 1400, 2100, 2800];
    expect(
      (
        await timedBy(
          () => 1,
          () => looks.shift() as number,
        )
      ).rates.repeats,
    ).toBe(3);
    expect(
      (
        await timedBy(
          () => 1,
          () => looks.shift() ?? 9000,
        )
      ).rates.repeats,
    ).toBe(1);
  });

  it("repeats no runs that take long", async () => {
    expect((await timedBy(() => 1, slowly())).rates.repeats).toBe(1);
  });

  it("says that a machine is too noisy to time, and judges steps alone there", async () => {
    // From a table of random digits: no repetition is left alone.
    const noise = [3, 8, 6, 1, 9, 2, 7, 7, 1, 5, 9, 3, 4, 8, 2, 9, 6, 1, 8, 3];
    let i = 0;
    const { rates, finding, table } = await timedBy(() => noise[i++ % noise.length], slowly());
    expect(rates.tuned.exact.steps?.ratio).toBeCloseTo(0.5, 12);
    expect(finding.judgment).toBe("fewer steps");
    expect(finding.text).toMatch(
      /in 0\.5 of the steps \(.*\); its time is too noisy to compare here: plain took 0\.\d+ to \d\S* times its own time, timed again\./,
    );
    expect(finding.text).not.toContain("equal seconds");
    // Steps and time are results of their own: the first stands.
    expect(finding.measures).toMatchObject([
      { measure: "steps", judgment: "helps", text: "0.5 of the steps" },
      { measure: "time", judgment: "undecided", text: "too noisy to time here" },
    ]);
    expect(table).toContain("too noisy");
  });

  it("does several comparisons, each with its own baseline", async () => {
    const config = `
  - { grid: [0.05], tune: [0], confirm: [1, 2] }
  - { grid: [0.1], tune: [0], confirm: [1, 2], baseline: exact, variants: [plain] }`;
    const all = await compareOnce(resolved(config), runAll);
    expect(all.map(({ baseline, rate }) => [baseline, rate])).toEqual([
      ["plain", 0.05],
      ["exact", 0.1],
    ]);
    expect(all[1].tuned.plain.reached).toBe(0);
  });

  it("is left out where an experiment has no grid", async () => {
    const plain = resolved("{ grid: [0.1], tune: [0], confirm: [1] }");
    expect(await compareOnce({ ...plain, rates: [] }, runAll)).toEqual([]);
  });
});
