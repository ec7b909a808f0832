// What holds for the journal of every sweep, checked entry by entry, without the engine.
import type { AskEntry, CloseEntry, Entry, RecordEntry, VerdictEntry } from "./journal.js";
import type { Budget, SweepFile } from "./types.js";

/** What a journal breaks of the sweep's promises; empty: nothing. */
export function faultsOfJournal(
  entries: readonly Entry[],
  { budget, prune }: Pick<SweepFile, "budget" | "prune">,
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
      new Set(verdicts.map(({ run, rung }) => `${run} ${rung}`)).size < verdicts.length,
      "I4: a run has two verdicts at a rung",
    ],
    [hasEnded && !entries.some((e) => e.entry === "close"), "I5: the sweep has ended, and does not say why"],
  ];
  return [...broken(faults), ...faultsOfBudget(entries, budget, size).map((text) => `I5: ${text}`)];
}

/** Where a journal has other trials than a budget says, or its search ended for a budget that is not used up. */
export function faultsOfBudget(entries: readonly Entry[], budget: Budget, size: number): string[] {
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
