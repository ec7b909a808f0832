// What a sweep has come to by its journal, and what it wants next. No clock, no files, no processes: a journal that is
// read again gives the same state, and the same asks.
import { range } from "es-toolkit";
import { contendersOf, seedsDue } from "./confirmation.js";
import type { EngineOptions, OwnState, RunState, SweepState, TrialState } from "./engine-types.js";
import type {
  CloseEntry,
  ConfirmEntry,
  EndEntry,
  Entry,
  RecordEntry,
  SearchEnd,
  VerdictEntry,
} from "./journal.js";
import { type RungReport, type RunRecord, unfinishedRecord } from "./lanes.js";
import { aggregated, oriented } from "./metric.js";
import { verdictOf, verdictRuleOf } from "./prune.js";
import type { AskEntry, Assignment, TrialStatus, Verdict } from "./types.js";

/** Trials that are open at the same time. */
const most = 10_000;

/** What is to be done next. Entries go to the journal, and to `apply`, before anything else. */
type Wanted =
  | { readonly what: "asks"; readonly entries: readonly AskEntry[] }
  /** With `isHard`, runs under way end, too. */
  | { readonly what: "close"; readonly entry: CloseEntry; readonly isHard: boolean }
  /** Runs that do not begin any more: their records are those of `cancelled`. */
  | { readonly what: "cancel"; readonly runs: readonly RunState[] }
  | { readonly what: "confirm"; readonly entry: ConfirmEntry }
  | { readonly what: "end"; readonly entry: EndEntry }
  /** Perhaps none: records are awaited. */
  | { readonly what: "runs"; readonly runs: readonly RunState[] };

export type Engine = ReturnType<typeof createEngine>;

export function createEngine(options: EngineOptions) {
  const { file, sampler } = options;
  const state: OwnState = {
    options,
    size: Math.min(file.budget.trials ?? Infinity, sampler.size),
    trials: [],
    runs: new Map(),
    usersOf: new Map(),
    valuesAtRungs: new Map(),
    open: new Set(),
    hasEnded: false,
    seconds: 0,
    finished: 0,
    failed: 0,
    steps: 0,
    isReached: false,
    isMetricUnknown: false,
  };
  return {
    state: state as SweepState,
    apply(entry: Entry): void {
      (handlers[entry.entry] as (state: OwnState, entry: Entry) => void)(state, entry);
      state.seconds = Math.max(state.seconds, entry.at);
    },
    /** @param seconds that the sweep has run */
    wanted: (seconds: number): Wanted => wanted(state, seconds),
    /** The verdict on a run, and its entry where it is new. */
    judge: (report: RungReport) => judge(state, report),
    /** The entries of a record that came: none where it is not the first of its run, or of no run of this sweep. */
    recorded({ verdicts = [], ...record }: RunRecord): (RecordEntry | VerdictEntry)[] {
      const run = state.runs.get(record.run);
      if (run === undefined || run.record) return [];
      const fresh = verdicts.filter(({ rung }) => !run.verdicts.has(rung));
      return [
        ...fresh.map((verdict): VerdictEntry => ({ entry: "verdict", run: record.run, ...verdict })),
        { entry: "record", ...record },
      ];
    },
    /** Records of the runs that will not be computed any more, which are cancelled. */
    cancelled: (runs: readonly RunState[]): RecordEntry[] =>
      runs
        .filter(({ record }) => record === undefined)
        .map(({ id }) => ({ entry: "record", ...unfinishedRecord(id, "cancelled") })),
  };
}

const handlers: { readonly [E in Entry as E["entry"]]: (state: OwnState, entry: E) => void } = {
  open() {},
  ask(state, { trial, parameters, runs: ids }) {
    const { seeds } = state.options.file;
    const own = ids.map((id, i) =>
      registerRun(state, id, {
        seed: seeds[i] as number,
        place: `${trial}-${seeds[i]}`,
        parameters,
        isConfirming: false,
      }),
    );
    const asked: TrialState = { trial, parameters, runs: own, status: "running" };
    state.trials.push(asked);
    state.open.add(asked);
    for (const { id } of own) state.usersOf.set(id, [...(state.usersOf.get(id) ?? []), asked]);
    settle(state, asked);
  },
  verdict(state, entry) {
    const run = state.runs.get(entry.run);
    if (run === undefined || run.verdicts.has(entry.rung)) return;
    run.verdicts.set(entry.rung, entry);
    if (entry.value !== null) valuesAt(state, run.seed, entry.rung).push(entry.value);
  },
  record(state, entry) {
    const run = state.runs.get(entry.run);
    if (run === undefined || run.record) return;
    run.record = entry;
    state.isMetricUnknown ||= entry.isUnknownMetric === true;
    if (!run.isConfirming) state.steps += entry.steps;
    for (const trial of state.usersOf.get(entry.run) ?? []) settle(state, trial);
  },
  confirm(state, { contenders, rows }) {
    const { confirm } = state.options.file;
    if (confirm === false) return;
    state.rows = rows;
    state.contenders = contenders.map((one) => ({
      ...one,
      runs: one.runs.map((id, i) =>
        registerRun(state, id, {
          seed: confirm.seeds[i] as number,
          place: `${one.trial}-${confirm.seeds[i]}`,
          parameters: one.parameters,
          isConfirming: true,
          fold: rows && [i, confirm.seeds.length],
        }),
      ),
    }));
  },
  close(state, entry) {
    state.why ??= entry.why;
  },
  pause() {},
  end(state) {
    state.hasEnded = true;
  },
};

function registerRun(
  { runs }: OwnState,
  id: string,
  made: Pick<RunState, "seed" | "place" | "parameters" | "isConfirming" | "fold">,
): RunState {
  const run = runs.get(id) ?? { id, ...made, verdicts: new Map(), isSubmitted: false };
  runs.set(id, run);
  return run;
}

function valuesAt({ valuesAtRungs }: OwnState, seed: number, rung: number): number[] {
  const key = `${seed}:${rung}`;
  const values = valuesAtRungs.get(key) ?? [];
  valuesAtRungs.set(key, values);
  return values;
}

/** Runs of a trial that are to be computed: with pruning, the first alone until it is complete. */
const due = ({ options: { file } }: OwnState, { runs: all }: TrialState): readonly RunState[] =>
  file.prune && all[0]?.record?.status !== "completed" ? all.slice(0, 1) : all;

/** Of several runs of a trial that ended differently, the first of these counts. */
const order: readonly TrialStatus[] = ["failed", "lost", "cancelled", "diverged", "pruned"];

/** Ends a trial when all its runs have, or when the first was stopped. */
function settle(state: OwnState, trial: TrialState): void {
  if (trial.status !== "running") return;
  const records = due(state, trial).map(({ record }) => record);
  if (records.some((record) => record === undefined)) return;
  const { metric } = state.options.file;
  const ended = trial.runs.filter(({ record }) => record !== undefined);
  const status = order.find((one) => ended.some((run) => statusOf(run) === one)) ?? "completed";
  trial.status = status;
  if (status === "completed") {
    const value = aggregated(
      metric,
      ended.map(({ record }) => record?.values[metric.name] ?? Number.NaN),
    );
    if (Number.isFinite(value)) trial.value = oriented(metric, value);
    else trial.status = "diverged";
  } else if (status === "pruned") {
    const stop = [...(ended.find((run) => statusOf(run) === "pruned")?.verdicts.values() ?? [])].at(-1);
    trial.value = stop?.value ?? undefined;
    trial.rung = stop?.rung;
  }
  state.open.delete(trial);
  state.finished += 1;
  if (trial.status === "failed" || trial.status === "lost") state.failed += 1;
  if (metric.target !== undefined && trial.status === "completed") {
    state.isReached ||= (trial.value as number) <= oriented(metric, metric.target);
  }
}

function statusOf({ record, verdicts }: RunState): TrialStatus {
  if (record?.status !== "pruned") return record?.status ?? "cancelled";
  return [...verdicts.values()].at(-1)?.value === null ? "diverged" : "pruned";
}

function wanted(state: OwnState, now: number): Wanted {
  const { open } = state;
  if (state.why === undefined) {
    const why = endOf(state, now);
    if (why !== undefined) {
      const isHard = why === "seconds" && state.options.file.budget.hard;
      return { what: "close", entry: { entry: "close", why }, isHard };
    }
    const entries = asks(state);
    if (entries.length > 0) return { what: "asks", entries };
    return { what: "runs", runs: outstanding([...open].flatMap((trial) => due(state, trial))) };
  }
  const left = outstanding([...open].flatMap((trial) => trial.runs));
  if (left.length > 0) return { what: "cancel", runs: left };
  if (state.hasEnded || open.size > 0) return { what: "runs", runs: [] };
  const entry = confirmation(state);
  if (entry) return { what: "confirm", entry };
  const all = confirming(state);
  if (all.every(({ record }) => record)) return { what: "end", entry: { entry: "end" } };
  return { what: "runs", runs: outstanding(all) };
}

function endOf(state: OwnState, now: number): SearchEnd | undefined {
  const { budget, stopAfter } = state.options.file;
  if (state.isReached) return "target";
  // What the metric is called is the same for all trials.
  const enough = state.isMetricUnknown ? 1 : stopAfter.failures;
  if (state.finished >= enough && state.failed === state.finished) return "failures";
  if (now >= (budget.seconds ?? Infinity)) return "seconds";
  if (state.steps >= (budget.steps ?? Infinity)) return "steps";
  return state.trials.length >= state.size && state.open.size === 0 ? "trials" : undefined;
}

/** Trials to ask. */
function asks({ options, trials, open, size }: OwnState): AskEntry[] {
  const { file, sampler, idOf } = options;
  const count = Math.max(0, Math.min(size - trials.length, most - open.size));
  return Array.from({ length: count }, (_, i) => {
    const trial = trials.length + i;
    const parameters = sampler.ask(trial);
    return { entry: "ask", trial, parameters, runs: file.seeds.map((seed) => idOf(parameters, seed)) };
  });
}

/** Runs without a record that lanes do not have, each once: several trials may share one. */
const outstanding = (all: readonly RunState[]): RunState[] =>
  [...new Set(all)].filter((run) => !run.isSubmitted && run.record === undefined);

function confirmation({ options, trials, contenders }: OwnState): ConfirmEntry | undefined {
  const { file, idOf, rows } = options;
  const { confirm } = file;
  if (confirm === false || contenders) return undefined;
  const chosen = contendersOf(trials, confirm);
  if (chosen === undefined) return undefined;
  const contender = (trial: number | "baseline", parameters: Assignment) => ({
    trial,
    parameters,
    runs: confirm.seeds.map((seed, i) => idOf(parameters, seed, rows && [i, confirm.seeds.length])),
  });
  return {
    entry: "confirm",
    ...(rows && { rows }),
    contenders: [
      ...chosen.trials.map(({ trial, parameters }) => contender(trial, parameters)),
      contender("baseline", chosen.baseline),
    ],
  };
}

/** Seed by seed, all contenders beside each other: a slow minute hits all. */
function confirming({ options, contenders, trials, rows }: OwnState): RunState[] {
  const { metric, confirm } = options.file;
  if (confirm === false) return [];
  return range(seedsDue({ metric, confirm }, { contenders, trials, rows })).flatMap((i) =>
    (contenders ?? []).map(({ runs }) => runs[i] as RunState),
  );
}

function judge(
  state: OwnState,
  { run: id, rung, step, value, best }: RungReport,
): { readonly verdict: Verdict; readonly entry?: VerdictEntry } {
  const { prune, metric } = state.options.file;
  const run = state.runs.get(id);
  const known = run?.verdicts.get(rung);
  if (known) return { verdict: known.verdict };
  // Of a run that has ended already: a lane that was thought dead.
  if (run === undefined || run.record || !prune) return { verdict: "stop" };
  const isNumber = Number.isFinite(value);
  const values = [...valuesAt(state, run.seed, rung), ...(isNumber ? [value] : [])];
  const verdict = verdictOf(verdictRuleOf(prune, metric.goal), values, value, best);
  const entry: VerdictEntry = {
    entry: "verdict",
    run: id,
    rung,
    step,
    value: isNumber ? value : null,
    verdict,
    n: values.length,
    rank: 1 + values.filter((other) => other < value || !isNumber).length,
  };
  return { verdict, entry };
}
