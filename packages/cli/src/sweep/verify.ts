// What holds for the journal of every sweep, checked entry by entry, without the engine.
import { IsolossError } from "isoloss";
import type { CloseEntry, ConfirmEntry, Contender, Entry, RecordEntry, VerdictEntry } from "./journal.js";
import type { SweepPlan } from "./plan.js";
import type { SweepFile } from "./schema.js";
import type { AskEntry, TrialStatus } from "./types.js";

/** What a journal breaks of the sweep's promises; empty: nothing. */
export function faultsOfJournal(
  entries: readonly Entry[],
  { budget, prune, confirm }: Pick<SweepFile, "budget" | "prune" | "confirm">,
  /** Points of a grid; Infinity for other samplers. */
  size: number,
): string[] {
  const of = <E extends Entry>(kind: E["entry"]) => entries.filter((e): e is E => e.entry === kind);
  const asks = of<AskEntry & Entry>("ask");
  const records = of<RecordEntry & Entry>("record");
  const verdicts = of<VerdictEntry & Entry>("verdict");
  const hasEnded = entries.some((e) => e.entry === "end");
  const byRun = new Map(records.map((record) => [record.run, record]));
  const known = new Set(
    entries.flatMap((e) =>
      e.entry === "ask" ? e.runs : e.entry === "confirm" ? e.contenders.flatMap((c) => c.runs) : [],
    ),
  );
  const unended = asks.filter(({ runs }) => {
    const [first] = runs;
    const needed = prune && byRun.get(first as string)?.status !== "completed" ? [first as string] : runs;
    return needed.some((run) => !byRun.has(run));
  });
  const contenders = of<ConfirmEntry & Entry>("confirm").flatMap((e) => e.contenders);
  /** With `until`, seeds may have been left, by all contenders alike. */
  const seeds =
    confirm !== false && confirm.until === undefined
      ? Infinity
      : Math.max(0, ...contenders.flatMap(({ runs }) => runs.map((run, i) => (byRun.has(run) ? i + 1 : 0))));
  const unconfirmed = contenders.filter(({ runs }) => !runs.slice(0, seeds).every((run) => byRun.has(run)));
  const unknown = records.filter(({ status }) => !statuses.includes(status));
  const faults: [boolean, string][] = [
    [
      asks.some(({ trial }, i) => trial !== i),
      "I1: trials are not numbered 0, 1, ... in the order in which they were asked",
    ],
    [byRun.size < records.length, "I2: a run has two records"],
    [records.some(({ run }) => !known.has(run)), "I2: a record is of no run that was asked"],
    [
      hasEnded && unended.length > 0,
      `I3: the sweep has ended, but ${unended.map(({ trial }) => `trial ${trial}`).join(", ")} has not`,
    ],
    [
      hasEnded && unconfirmed.length > 0,
      `I3: the sweep has ended, but ${unconfirmed.map(({ trial }) => contenderName(trial)).join(", ")} has not on all fresh seeds`,
    ],
    ...unknown.map(({ run, status }): [boolean, string] => [
      true,
      `I3: the status of the run ${run} is ${JSON.stringify(status)}; expected one of ${statuses.join(", ")}`,
    ]),
    [
      new Set(verdicts.map(({ run, rung }) => `${run} ${rung}`)).size < verdicts.length,
      "I4: a run has two verdicts at a rung",
    ],
    [hasEnded && !entries.some((e) => e.entry === "close"), "I5: the sweep has ended, and does not say why"],
  ];
  return [...broken(faults), ...faultsOfBudget(entries, budget, size).map((text) => `I5: ${text}`)];
}

const statuses: readonly TrialStatus[] = ["completed", "pruned", "diverged", "failed", "lost", "cancelled"];

const contenderName = (trial: Contender["trial"]): string =>
  trial === "baseline" ? "the baseline" : `trial ${trial}`;

/** Where a trial or a contender has other runs than its settings say, whose numbers are then those of other settings. */
export function faultsOfRuns(
  entries: readonly Entry[],
  { seeds, confirm }: Pick<SweepFile, "seeds" | "confirm">,
  idOf: SweepPlan["idOf"],
): string[] {
  const fresh = confirm === false ? [] : confirm.seeds;
  const all = entries.flatMap((e): (readonly [Contender, readonly number[], ConfirmEntry["rows"]])[] =>
    e.entry === "ask"
      ? [[e, seeds, undefined]]
      : e.entry === "confirm"
        ? e.contenders.map((one) => [one, fresh, e.rows])
        : [],
  );
  return all.flatMap(([{ trial, parameters, runs }, own, rows]) => {
    const other = own.findIndex(
      (seed, i) => runs[i] !== idOrNone(() => idOf(parameters, seed, rows && [i, own.length])),
    );
    return other === -1
      ? []
      : [
          `I1: the settings of ${contenderName(trial)} are not those of its run ${runs[other]} with the seed ${own[other]}`,
        ];
  });
}

/** Settings that are refused are of no run. */
function idOrNone(idOfRun: () => string): string | undefined {
  try {
    return idOfRun();
  } catch (error) {
    if (error instanceof IsolossError) return undefined;
    throw error;
  }
}

/** Where a journal has other trials than a budget says, or its search ended for a budget that is not used up. */
export function faultsOfBudget(
  entries: readonly Entry[],
  budget: SweepFile["budget"],
  size: number,
): string[] {
  const end = entries.findIndex((e) => e.entry === "close");
  const close = entries[end] as (CloseEntry & Entry) | undefined;
  const { length: asked } = entries.filter((e) => e.entry === "ask");
  const steps = entries
    .slice(0, Math.max(end, 0))
    .reduce((sum, e) => sum + (e.entry === "record" ? e.steps : 0), 0);
  const target = Math.min(budget.trials ?? Infinity, size);
  const { seconds = Infinity, steps: allowed = Infinity } = budget;
  return broken([
    [close?.why === "trials" && asked !== target, `${asked} trials were asked; ${target} were to be`],
    [asked > target, `${asked} trials were asked; ${target} at most were to be`],
    // Times in the journal are rounded.
    [
      close?.why === "seconds" && close.at + rounding < seconds,
      `the search ended after ${close?.at} seconds; ${seconds} were allowed`,
    ],
    [
      close?.why === "steps" && steps < allowed,
      `the search ended after ${steps} steps; ${allowed} were allowed`,
    ],
  ]);
}

const rounding = 1e-3;

const broken = (faults: readonly (readonly [boolean, string])[]): string[] =>
  faults.flatMap(([isBroken, text]) => (isBroken ? [text] : []));
