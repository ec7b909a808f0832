// A sweep without processes and files: a journal of text, and lanes that compute a formula, late, twice, or never.
import { createRng } from "isoloss/data";
import { createEngine, type Engine } from "../../src/sweep/engine.js";
import type { RunState } from "../../src/sweep/engine-types.js";
import type { Entry, NewEntry } from "../../src/sweep/journal.js";
import type { RunRecord } from "../../src/sweep/lanes.js";
import { runId } from "../../src/sweep/plan.js";
import { samplerOf } from "../../src/sweep/samplers/sampler.js";
import type { Prune, SweepFile } from "../../src/sweep/schema.js";
import type { Assignment } from "../../src/sweep/types.js";

/** Rungs of a run of 20 steps. */
const rungs = [4, 8, 16];

export const idOf = (parameters: Assignment, seed: number): string => runId({ parameters, seed });

/** A sweep of two parameters. */
export const sweepFile = (set: Partial<SweepFile> = {}): SweepFile => ({
  name: "model",
  experiment: "none",
  set: {},
  method: "random",
  order: "shuffled",
  seed: 1,
  metric: { name: "loss", goal: "minimize", aggregate: "mean" },
  seeds: [0, 1],
  parameters: { rate: { min: 0.001, max: 1, scale: "log" }, size: { values: [1, 2, 3] } },
  budget: { trials: 8, hard: false },
  stopAfter: { failures: 3 },
  confirm: { seeds: [10, 11], best: 2, baseline: { rate: 0.5, size: 1 } },
  ...set,
});

export const asha: Prune = { rule: "asha", from: 4, factor: 2, startup: 2, unit: "steps" };

/** A number that depends on a run alone; and what a run comes to. */
const draw = (run: RunState, name: string) => createRng(7).fork(run.id).fork(name).next();
const valueAt = (run: RunState, rung: number) => draw(run, "value") + draw(run, `noise${rung}`) / rung;

/** What became of a sweep. */
export interface Outcome {
  readonly engine: Engine;
  readonly entries: readonly Entry[];
  /** Asks that a fresh engine makes from what was before them in the journal, and those that stand there. */
  readonly asks: { readonly made: readonly Assignment[]; readonly stand: readonly Assignment[] };
}

export interface Disturbances {
  /** Draws: in [0, 1). */
  next(): number;
  /** Probability of a kill of the sweep's process at each event, with a cut of its journal. */
  readonly kills: number;
  /** Of a record that comes again, or of a run that was thought dead. */
  readonly repeats: number;
}

/** Runs a sweep to its end. @param worst probability that a run fails or diverges */
export function simulate(
  file: SweepFile,
  { next, kills, repeats }: Disturbances,
  { worst = 0.1 } = {},
): Outcome {
  let text = `${JSON.stringify({ entry: "open", id: "m", name: "model", since: "", at: 0 })}\n`;
  const zombies: RunState[] = [];
  let killsLeft = 20;
  for (let life = 0; ; life++) {
    const engine = createEngine({ file, sampler: samplerOf(file), idOf });
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    text = whole;
    for (const line of whole.split("\n").slice(0, -1)) engine.apply(JSON.parse(line) as Entry);
    const write = (entries: readonly NewEntry[]) => {
      for (const entry of entries) {
        const stamped = { ...entry, at: life } as Entry;
        text += `${JSON.stringify(stamped)}\n`;
        engine.apply(stamped);
      }
    };
    const under: RunState[] = [];
    let isKilled = false;
    while (!engine.state.hasEnded && !isKilled) {
      const wanted = engine.wanted(0);
      if (wanted.what === "asks") write(wanted.entries);
      else if (wanted.what === "cancel") write(engine.cancelled(wanted.runs));
      else if (wanted.what === "runs") {
        for (const run of wanted.runs) run.isSubmitted = true;
        under.push(...wanted.runs);
        if (under.length === 0) throw new Error("The sweep waits for nothing.");
        // In any order.
        const index = Math.floor(next() * under.length);
        const run = under[index] as RunState;
        const record = computed(engine, run, file, worst, write);
        write(engine.recorded(record));
        if (next() < repeats) zombies.push(run);
        else under.splice(index, 1);
        if (run.record)
          under.splice(0, under.length, ...under.filter((other) => other.id !== run.id || next() < repeats));
        // A lane that was thought dead tells what it has, perhaps of an earlier life.
        const zombie = zombies[Math.floor(next() * zombies.length)];
        if (zombie && next() < repeats) {
          write(engine.recorded({ ...computed(engine, zombie, file, worst, write), lane: "zombie" }));
        }
      } else write([wanted.entry]);
      if (killsLeft > 0 && next() < kills) {
        killsLeft -= 1;
        isKilled = true;
        // The first line stays: a directory without it is no sweep.
        const first = text.indexOf("\n") + 1;
        text = text.slice(0, Math.max(first, text.length - Math.floor(next() * next() * text.length)));
      }
    }
    if (!isKilled) {
      const entries = text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Entry);
      return { engine, entries, asks: replayed(file, entries) };
    }
  }
}

/** Computes a run: with pruning it asks at its rungs. */
function computed(
  engine: Engine,
  run: RunState,
  { prune, metric }: SweepFile,
  worst: number,
  write: (entries: readonly NewEntry[]) => void,
): RunRecord {
  const base = { run: run.id, metrics: {}, steps: 20, seconds: 1, lane: "a", directory: null };
  let best = Infinity;
  for (const rung of prune && !run.isConfirming ? rungs : []) {
    const value = valueAt(run, rung);
    best = Math.min(best, value);
    const report = { run: run.id, seed: run.seed, rung, unit: "steps", step: rung, value, best } as const;
    const { verdict, entry } = engine.judge(report);
    if (entry) write([entry]);
    if (verdict === "stop") return { ...base, status: "pruned", values: {}, steps: rung };
  }
  const fate = draw(run, "fate");
  if (fate < worst / 2) return { ...base, status: "failed", error: "by chance", values: {} };
  if (fate < worst) return { ...base, status: "diverged", values: { [metric.name]: null } };
  return { ...base, status: "completed", values: { [metric.name]: valueAt(run, 20) } };
}

/** The asks of a journal, made again by an engine that has read what was before each of them. */
function replayed(file: SweepFile, entries: readonly Entry[]): Outcome["asks"] {
  const engine = createEngine({ file, sampler: samplerOf(file), idOf });
  const made: Assignment[] = [];
  const stand: Assignment[] = [];
  let pending: Assignment[] = [];
  for (const entry of entries) {
    if (entry.entry === "ask") {
      if (pending.length === 0) {
        const wanted = engine.wanted(0);
        pending = wanted.what === "asks" ? wanted.entries.map(({ parameters }) => parameters) : [];
      }
      made.push(pending.shift() ?? {});
      stand.push(entry.parameters);
    } else pending = [];
    engine.apply(entry);
  }
  return { made, stand };
}
