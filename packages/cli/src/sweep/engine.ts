// What a sweep has come to by its journal, and what it wants next. No clock, no files, no processes: a journal that is
// read again gives the same state, and the same asks.
import { range } from "es-toolkit";
import { contendersOf, seedsDue } from "./confirmation.js";
import type { Engine, EngineOptions, RunState, SweepState, TrialState } from "./engine-types.js";
import type { AskEntry, CloseEntry, ConfirmEntry, Entry, SearchEnd, VerdictEntry } from "./journal.js";
import { aggregated, oriented } from "./metric.js";
import { verdictOf, verdictRuleOf } from "./prune.js";
import type { Assignment, Trial, TrialStatus } from "./types.js";

/** Trials that samplers without a history ask at once. */
const most = 10_000;

export function createEngine({ file, sampler, idOf, rows }: EngineOptions): Engine {
  const { budget, metric, prune, stopAfter, confirm, seeds } = file;
  const rule = prune && verdictRuleOf(prune, metric.goal);
  const size = Math.min(budget.trials ?? Infinity, sampler.size);
  const trials: TrialState[] = [];
  const runs = new Map<string, RunState>();
  const usersOf = new Map<string, TrialState[]>();
  /** Values at a rung, of the runs of a seed. */
  const registered = new Map<string, number[]>();
  const open = new Set<TrialState>();
  let contenders: SweepState["contenders"];
  let rowsOfConfirmation: SweepState["rows"];
  let [finished, failed, steps, seconds] = [0, 0, 0, 0];
  let why: SearchEnd | undefined;
  let [hasEnded, isReached, isMetricUnknown] = [false, false, false];

  const registerRun = (
    id: string,
    made: Pick<RunState, "seed" | "place" | "parameters" | "isConfirming" | "fold">,
  ): RunState => {
    const known = runs.get(id);
    if (known) return known;
    const run: RunState = { id, ...made, verdicts: new Map(), isSubmitted: false };
    runs.set(id, run);
    return run;
  };
  const valuesAt = (seed: number, rung: number): number[] => {
    const key = `${seed}:${rung}`;
    const values = registered.get(key) ?? [];
    registered.set(key, values);
    return values;
  };

  /** Runs of a trial whose turn it is: with pruning, the first alone until it is complete. */
  const due = ({ runs: all }: TrialState): readonly RunState[] =>
    prune && all[0]?.record?.status !== "completed" ? all.slice(0, 1) : all;

  /** Ends a trial when all its runs have, or when the first was stopped. */
  function settle(trial: TrialState): void {
    if (trial.status !== "running") return;
    const records = due(trial).map(({ record }) => record);
    if (records.some((record) => record === undefined)) return;
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
    open.delete(trial);
    finished += 1;
    if (trial.status === "failed" || trial.status === "lost") failed += 1;
    const { target } = metric;
    if (target !== undefined && trial.status === "completed") {
      isReached ||= (trial.value as number) <= oriented(metric, target);
    }
  }

  function statusOf({ record, verdicts }: RunState): TrialStatus {
    if (record?.status !== "pruned") return record?.status ?? "cancelled";
    return [...verdicts.values()].at(-1)?.value === null ? "diverged" : "pruned";
  }

  const handlers: { readonly [E in Entry as E["entry"]]: (entry: E) => void } = {
    open() {},
    ask({ trial, parameters, runs: ids }) {
      const own = ids.map((id, i) =>
        registerRun(id, {
          seed: seeds[i] as number,
          place: `${trial}-${seeds[i]}`,
          parameters,
          isConfirming: false,
        }),
      );
      const state: TrialState = { trial, parameters, runs: own, status: "running" };
      trials.push(state);
      open.add(state);
      for (const { id } of own) usersOf.set(id, [...(usersOf.get(id) ?? []), state]);
      settle(state);
    },
    verdict(entry) {
      const run = runs.get(entry.run);
      if (run === undefined || run.verdicts.has(entry.rung)) return;
      run.verdicts.set(entry.rung, entry);
      if (entry.value !== null) valuesAt(run.seed, entry.rung).push(entry.value);
    },
    record(entry) {
      const run = runs.get(entry.run);
      if (run === undefined || run.record) return;
      run.record = entry;
      isMetricUnknown ||= entry.isUnknownMetric === true;
      if (!run.isConfirming) steps += entry.steps;
      for (const trial of usersOf.get(entry.run) ?? []) settle(trial);
    },
    confirm({ contenders: chosen, rows: own }) {
      if (confirm === false) return;
      rowsOfConfirmation = own;
      contenders = chosen.map((one) => ({
        ...one,
        runs: one.runs.map((id, i) =>
          registerRun(id, {
            seed: confirm.seeds[i] as number,
            place: `${one.trial}-${confirm.seeds[i]}`,
            parameters: one.parameters,
            isConfirming: true,
            fold: own && [i, confirm.seeds.length],
          }),
        ),
      }));
    },
    close(entry) {
      why ??= entry.why;
    },
    pause() {},
    end() {
      hasEnded = true;
    },
  };

  /** Why the search ends now, if it does. */
  function endOf(now: number): SearchEnd | undefined {
    if (isReached) return "target";
    // What the metric is called is the same for all trials.
    const enough = isMetricUnknown ? 1 : stopAfter.failures;
    if (finished >= enough && failed === finished) return "failures";
    if (now >= (budget.seconds ?? Infinity)) return "seconds";
    if (steps >= (budget.steps ?? Infinity)) return "steps";
    return trials.length >= size && open.size === 0 ? "trials" : undefined;
  }

  function confirmation(): ConfirmEntry | undefined {
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

  /** Runs without a record that lanes do not have, each once: several trials may share one. */
  const outstanding = (all: readonly RunState[]): RunState[] =>
    [...new Set(all)].filter((run) => !run.isSubmitted && run.record === undefined);

  /** Seed by seed, all contenders beside each other: a slow minute hits all. */
  const confirming = (): RunState[] =>
    confirm === false
      ? []
      : range(seedsDue({ metric, confirm }, { contenders, trials, rows: rowsOfConfirmation })).flatMap((i) =>
          (contenders ?? []).map(({ runs: own }) => own[i] as RunState),
        );

  return {
    state: {
      trials,
      runs,
      size,
      get contenders() {
        return contenders;
      },
      get rows() {
        return rowsOfConfirmation;
      },
      get why() {
        return why;
      },
      get hasEnded() {
        return hasEnded;
      },
      get seconds() {
        return seconds;
      },
    },
    apply(entry) {
      (handlers[entry.entry] as (entry: Entry) => void)(entry);
      seconds = Math.max(seconds, entry.at);
    },
    wanted(width, now) {
      if (why === undefined) {
        const end = endOf(now);
        if (end !== undefined) {
          const entry: CloseEntry = { entry: "close", why: end };
          return { what: "close", entry, isHard: end === "seconds" && budget.hard };
        }
        const entries: AskEntry[] = [];
        const limit = sampler.isAdaptive ? width : most;
        const history: Trial[] = [...trials];
        while (history.length < size && open.size + entries.length < limit) {
          const trial = history.length;
          const parameters = sampler.ask(history, trial);
          const ids = seeds.map((seed) => idOf(parameters, seed));
          entries.push({ entry: "ask", trial, parameters, runs: ids });
          history.push({ trial, parameters, status: "running" });
        }
        if (entries.length > 0) return { what: "asks", entries };
        return { what: "runs", runs: outstanding([...open].flatMap(due)) };
      }
      const left = outstanding([...open].flatMap((trial) => trial.runs));
      if (left.length > 0) return { what: "cancel", runs: left };
      if (hasEnded || open.size > 0) return { what: "runs", runs: [] };
      const entry = confirmation();
      if (entry) return { what: "confirm", entry };
      const all = confirming();
      if (all.every(({ record }) => record)) return { what: "end", entry: { entry: "end" } };
      return { what: "runs", runs: outstanding(all) };
    },
    judge({ run: id, rung, step, value, best: least }) {
      const run = runs.get(id);
      const known = run?.verdicts.get(rung);
      if (known) return { verdict: known.verdict };
      // Of a run that has ended already: a lane that was thought dead.
      if (run === undefined || run.record || rule === undefined) return { verdict: "stop" };
      const isNumber = Number.isFinite(value);
      const values = [...valuesAt(run.seed, rung), ...(isNumber ? [value] : [])];
      const verdict = verdictOf(rule, values, value, least);
      const entry: VerdictEntry = {
        ...{ entry: "verdict", run: id, rung, step, value: isNumber ? value : null, verdict },
        n: values.length,
        rank: 1 + values.filter((other) => other < value || !isNumber).length,
      };
      return { verdict, entry };
    },
    recorded({ verdicts = [], ...record }) {
      const run = runs.get(record.run);
      if (run === undefined || run.record) return [];
      const fresh = verdicts.filter(({ rung }) => !run.verdicts.has(rung));
      return [
        ...fresh.map((verdict): VerdictEntry => ({ entry: "verdict", run: record.run, ...verdict })),
        { entry: "record", ...record },
      ];
    },
    cancelled: (given) =>
      given
        .filter(({ record }) => record === undefined)
        .map(({ id: run }) => ({
          ...{ entry: "record", run, status: "cancelled", values: {}, metrics: {} },
          ...{ steps: 0, seconds: 0, lane: "", directory: null },
        })),
  };
}

/** Of several runs of a trial that ended differently, the first of these counts. */
const order: readonly TrialStatus[] = ["failed", "lost", "cancelled", "diverged", "pruned"];
