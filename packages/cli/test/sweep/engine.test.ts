import fc from "fast-check";
import { createRng } from "isoloss/data";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/sweep/engine.js";
import type { Entry, NewEntry } from "../../src/sweep/journal.js";
import type { RunRecord } from "../../src/sweep/lanes.js";
import { samplerOf } from "../../src/sweep/samplers/sampler.js";
import type { SweepFile } from "../../src/sweep/schema.js";
import { faultsOfJournal } from "../../src/sweep/verify.js";
import { asha, idOf, simulate, sweepFile } from "./model.js";

const calm = (seed = 0) => ({ next: rng(seed), kills: 0, repeats: 0 });
const rng = (seed: number) => {
  const source = createRng(seed);
  return () => source.next();
};
const sizeOf = (file: SweepFile) => samplerOf(file).size;

/** Runs with what they came to. */
const results = (entries: readonly Entry[]) =>
  entries
    .flatMap((e) => (e.entry === "record" ? [`${e.run} ${e.status} ${JSON.stringify(e.values)}`] : []))
    .sort();

const specs = fc.record({
  method: fc.constantFrom("grid", "random", "sobol") as fc.Arbitrary<SweepFile["method"]>,
  seeds: fc.constantFrom([0], [0, 1], [3, 1, 2]),
  budget: fc.record({ trials: fc.integer({ min: 1, max: 14 }), hard: fc.constant(false) }),
  prune: fc.constantFrom(undefined, asha),
  seed: fc.nat(100),
});

/** A grid needs counts. */
const fileOf = (spec: Partial<SweepFile>): SweepFile =>
  sweepFile({
    ...spec,
    // Not to end early: the first runs fail by chance.
    stopAfter: { failures: 1000 },
    ...(spec.method === "grid"
      ? { parameters: { rate: { min: 0.1, max: 1, count: 3 }, size: { values: [1, 2, 3] } } }
      : {}),
  });

describe("the engine of sweeps", () => {
  it("keeps its promises whatever is killed, repeated, reordered or cut, and comes to the same records", () => {
    fc.assert(
      fc.property(specs, fc.nat(), (spec, seed) => {
        const file = fileOf(spec);
        const wild = simulate(file, { next: rng(seed), kills: 0.08, repeats: 0.2 });
        expect(faultsOfJournal(wild.entries, file, sizeOf(file))).toEqual([]);
        expect(wild.asks.made).toEqual(wild.asks.stand);
        const { trials, runs } = wild.engine.state;
        expect(trials.length).toBe(Math.min(file.budget.trials as number, sizeOf(file)));
        expect(trials.every(({ status }) => status !== "running")).toBe(true);
        expect([...runs.values()].filter(({ isConfirming, record }) => isConfirming && !record)).toEqual([]);
        const records = wild.entries.filter(({ entry }) => entry === "record");
        const lost = records[seed % records.length];
        expect(
          faultsOfJournal(
            wild.entries.filter((e) => e !== lost),
            file,
            sizeOf(file),
          ),
        ).toEqual([expect.stringMatching(/^I3: the sweep has ended, but /)]);
        // Verdicts depend on the order in which runs come to their rungs.
        if (file.prune === undefined) {
          expect(results(wild.entries)).toEqual(results(simulate(file, calm()).entries));
        }
      }),
      { numRuns: randomCases(80) },
    );
  });

  it("computes equal trials once, and tells all that have them", () => {
    const parameters = { size: { values: [1] }, rate: { values: [0.1, 0.2] } };
    const file = fileOf({ parameters, budget: { trials: 8, hard: false }, confirm: false });
    const { engine, entries } = simulate(file, calm(), { worst: 0 });
    expect(engine.state.trials).toHaveLength(8);
    expect(entries.filter((e) => e.entry === "record")).toHaveLength(4);
    expect(new Set(engine.state.trials.map(({ value }) => value)).size).toBe(2);
  });

  it("starts the later seeds of a trial only after the first was not stopped, where it prunes", () => {
    const file = fileOf({ prune: asha, seeds: [0, 1], confirm: false });
    const { engine } = simulate(file, calm(2), { worst: 0 });
    const { trials } = engine.state;
    const pruned = trials.filter(({ runs }) => runs[0]?.record?.status === "pruned");
    expect(pruned.length).toBeGreaterThan(0);
    for (const { runs, status, rung, value } of pruned) {
      expect(runs[1]?.record).toBeUndefined();
      expect(status).toBe("pruned");
      const stop = [...(runs[0]?.verdicts.values() ?? [])].at(-1);
      expect([rung, value]).toEqual([stop?.rung, stop?.value]);
    }
  });

  it("confirms the best trials and the baseline seed by seed, beside each other", () => {
    const file = fileOf({ budget: { trials: 4, hard: false } });
    const { engine, entries } = simulate(file, calm(), { worst: 0 });
    const confirm = entries.find((e) => e.entry === "confirm");
    const values = engine.state.trials.map(({ value, trial }) => ({ value: value as number, trial }));
    const best = values.sort((a, b) => a.value - b.value).slice(0, 2);
    expect(confirm?.entry === "confirm" && confirm.contenders.map(({ trial }) => trial)).toEqual([
      ...best.map(({ trial }) => trial),
      "baseline",
    ]);
    const asked = createEngine({ file, sampler: samplerOf(file), idOf });
    for (const entry of entries.slice(0, entries.findIndex((e) => e.entry === "confirm") + 1))
      asked.apply(entry);
    const wanted = asked.wanted(0);
    const trials = best.map(({ trial }) => trial);
    expect(wanted.what === "runs" && wanted.runs.map(({ place }) => place)).toEqual(
      [10, 11].flatMap((seed) => [...trials, "baseline"].map((trial) => `${trial}-${seed}`)),
    );
  });
});

describe("a sweep that ends early", () => {
  const record = (run: string, set: Partial<RunRecord> = {}): RunRecord => ({
    run,
    status: "completed",
    values: { loss: 1 },
    metrics: {},
    steps: 20,
    seconds: 1,
    lane: "a",
    directory: null,
    ...set,
  });
  /** An engine that has asked, with its runs and a way to write. */
  function asked(set: Partial<SweepFile>) {
    const file = sweepFile({ seeds: [0], confirm: false, ...set });
    const engine = createEngine({ file, sampler: samplerOf(file), idOf });
    const entries: Entry[] = [];
    const write = (...fresh: NewEntry[]) => {
      for (const entry of fresh) {
        entries.push({ ...entry, at: 0 });
        engine.apply({ ...entry, at: 0 });
      }
    };
    const wanted = engine.wanted(0);
    if (wanted.what === "asks") write(...wanted.entries);
    const runs = [...engine.state.runs.keys()];
    return { file, engine, entries, write, runs, add: (r: RunRecord) => write(...engine.recorded(r)) };
  }

  it.each([
    [
      "target",
      { metric: { name: "loss", goal: "minimize", aggregate: "mean", target: 0.5 } },
      { values: { loss: 0.4 } },
    ],
    [
      "target",
      { metric: { name: "loss", goal: "maximize", aggregate: "mean", target: 2 } },
      { values: { loss: 2.5 } },
    ],
    ["steps", { budget: { trials: 8, hard: false, steps: 20 } }, {}],
    ["failures", { stopAfter: { failures: 1 } }, { status: "failed", error: "no" }],
    ["failures", {}, { status: "failed", error: "no such number", isUnknownMetric: true }],
  ] as [string, Partial<SweepFile>, Partial<RunRecord>][])(
    "by its %s cancels what has not begun",
    (why, set, end) => {
      const { file, engine, entries, write, runs, add } = asked(set);
      add(record(runs[0] as string, end));
      const close = engine.wanted(0);
      expect(close).toMatchObject({ what: "close", entry: { why } });
      if (close.what === "close") write(close.entry);
      const cancel = engine.wanted(0);
      if (cancel.what === "cancel") write(...engine.cancelled(cancel.runs));
      expect(engine.wanted(0)).toEqual({ what: "end", entry: { entry: "end" } });
      write({ entry: "end" });
      const counts = engine.state.trials.map(({ status }) => status);
      expect(counts.filter((status) => status === "cancelled")).toHaveLength(7);
      expect(faultsOfJournal(entries, file, Infinity)).toEqual([]);
    },
  );

  it("knows pruned trials by their rungs, which are epochs where these are compared", () => {
    const { engine, write, runs, add } = asked({ prune: { ...asha, unit: "epochs", from: 1 } });
    const [run = ""] = runs;
    const at = { run, seed: 0, rung: 1, unit: "epochs", step: 143, value: Number.NaN, best: 2 } as const;
    const { entry } = engine.judge(at);
    if (entry) write({ ...entry, value: 2 });
    add(record(run, { status: "pruned", values: { loss: null } }));
    expect(engine.state.trials[0]).toMatchObject({ status: "pruned", rung: 1, value: 2 });
  });

  it("by seconds, hard where the budget says so, and not before", () => {
    const { engine } = asked({ budget: { trials: 8, hard: true, seconds: 60 } });
    expect(engine.wanted(59).what).toBe("runs");
    expect(engine.wanted(60)).toMatchObject({ what: "close", isHard: true, entry: { why: "seconds" } });
  });

  it("does not end by failures once a trial did not fail", () => {
    const { engine, runs, add } = asked({ stopAfter: { failures: 2 } });
    add(record(runs[0] as string, { status: "failed" }));
    add(record(runs[1] as string));
    add(record(runs[2] as string, { status: "failed" }));
    expect(engine.wanted(0).what).toBe("runs");
  });
});

describe("records and verdicts", () => {
  it("count once, and a verdict is the same again", () => {
    const file = sweepFile({ prune: asha, seeds: [0] });
    const engine = createEngine({ file, sampler: samplerOf(file), idOf });
    const wanted = engine.wanted(0);
    if (wanted.what === "asks") for (const entry of wanted.entries) engine.apply({ ...entry, at: 0 });
    const ids = [...engine.state.runs.keys()];
    const judge = (run: string, value: number) => {
      const judged = engine.judge({ run, seed: 0, rung: 4, unit: "steps", step: 4, value, best: value });
      if (judged.entry) engine.apply({ ...judged.entry, at: 0 });
      return judged;
    };
    // By hand: startup 2 lets two go; of three the first is kept, floor(3 / 2) = 1; of four the first two.
    expect(
      ids.slice(0, 5).map((run, i) => judge(run, [5, 4, 4.5, 4.2, Number.NaN][i] as number).verdict),
    ).toEqual(["go", "go", "stop", "go", "stop"]);
    expect(judge(ids[2] as string, 0)).toEqual({ verdict: "stop" });
    expect(engine.state.runs.get(ids[3] as string)?.verdicts.get(4)).toMatchObject({ n: 4, rank: 2 });
    // What is no number comes after all that are.
    expect(engine.state.runs.get(ids[4] as string)?.verdicts.get(4)).toMatchObject({ n: 4, rank: 5 });
    expect(
      engine.judge({ run: "r-unknown", seed: 0, rung: 4, unit: "steps", step: 4, value: 0, best: 0 }),
    ).toEqual({
      verdict: "stop",
    });
  });
});
