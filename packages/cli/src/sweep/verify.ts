// What holds for the journal of every sweep, checked entry by entry, without the engine.
import type { AskEntry, Entry, RecordEntry, VerdictEntry } from "./journal.js";
import type { SweepFile } from "./types.js";

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
  const close = entries.find((e) => e.entry === "close");
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
  const target = Math.min(budget.trials ?? Infinity, size);
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
    [
      close?.why === "trials" && asks.length !== target,
      `I5: ${asks.length} trials were asked; ${target} were to be`,
    ],
    [asks.length > target, `I5: ${asks.length} trials were asked; ${target} at most were to be`],
    [hasEnded && close === undefined, "I5: the sweep has ended, and does not say why"],
  ];
  return faults.flatMap(([isBroken, text]) => (isBroken ? [text] : []));
}
