// The best trials against a baseline on seeds that chose nothing: paired, at 1 - 0.05 / k for k trials (Bonferroni).
import { isDeepStrictEqual } from "node:util";
import { uniqWith } from "es-toolkit";
import { levelOfEach, pairedDifference, pairedRatio, ratioOfMeans } from "isoloss/internal";
import { endText, formatNumber } from "../experiments/results/format-number.js";
import { type BesideConstant, constantText } from "../experiments/results/to-target.js";
import { differenceStanding, judged, type Standing } from "../experiments/results/verdict.js";
import type { Json } from "../run/json-lines.js";
import type { Judgement } from "../run/report-html.js";
import { aggregated } from "./metric.js";
import { rankedTrials } from "./ranked-trials.js";
import type { Metric } from "./schema.js";
import type { Assignment, Trial } from "./types.js";

/** Values of runs by their seeds: NaN of those that diverged; those that failed are not there. */
export type SeedValues = ReadonlyMap<number, number>;

/** A trial with its runs on fresh seeds. */
export interface Contender {
  readonly trial: number;
  /** Its value in the search; left out where another metric is confirmed. */
  readonly tuning?: number | undefined;
  readonly fresh: SeedValues;
  /** What it is, beside its number. */
  readonly label?: string | undefined;
  /** Whether it does without what is judged: others have to do better. */
  readonly isControl?: boolean | undefined;
  /** Whether its settings are the baseline's, so that its runs are, too. */
  readonly isBaseline?: boolean | undefined;
  /** Seeds whose pair does not count: times of two lanes cannot be compared. */
  readonly unpaired?: readonly number[] | undefined;
  /** In what else it is not as the baseline, such as `learningRate 0.002 against 0.001`. */
  readonly apart?: readonly string[] | undefined;
  /** What was tuned and is as the baseline's, likewise. */
  readonly shared?: readonly string[] | undefined;
  /** What is to be known of how it, or the baseline, was chosen: sentences. */
  readonly caveats?: readonly string[] | undefined;
  /** What its runs reach beside a constant. @param level of the interval that decides */
  besideConstant?(level: number): BesideConstant | null;
}

/** A trial compared with the baseline, seed by seed. */
export interface PairedComparison {
  /**
   * `ratio` to the baseline of positive numbers that are minimized: on test rows of the means, else the geometric mean. Others:
   * mean `difference` from it.
   */
  readonly kind: "ratio" | "difference";
  readonly value: number;
  /** Both ends. */
  readonly interval: readonly [number, number] | null;
  /** Probability that the interval holds the value, for itself. */
  readonly level: number;
  /** Pairs. */
  readonly n: number;
}

/** Result of a trial on fresh seeds. */
export interface Confirmed {
  readonly trial: number;
  /** Whether it is a control, which does without what is judged. */
  readonly isControl: boolean;
  /** Its value in the search; null: pruned there. */
  readonly tuning: number | null;
  /** Over the fresh seeds; null where a run diverged, or none ended. */
  readonly fresh: number | null;
  /** How much worse it is on fresh seeds: what the search found by luck. Null where another number, as of other rows, judged there. */
  readonly optimism: number | null;
  /** With the baseline, seed by seed. */
  readonly comparison: PairedComparison | null;
  /** `helps`, `does not help` or `undecided`. */
  readonly judgment: Judgement;
  /** The part of the data whose rows judged; null for a training loss, steps and times, and where the name of the metric does not tell. */
  readonly rows: "validation" | "test" | null;
  /** Whether these rows chose the trial, too: whether it helps on others is then undecided. */
  readonly rowsChose: boolean;
  /** What it reaches on held-out rows beside a constant; null where runs do not measure that. */
  readonly constant: BesideConstant | null;
  /** One sentence with the numbers, one on which rows judged and what varied, and others on how it was chosen where that is to be known. */
  readonly text: string;
}

/** What judges on fresh seeds. */
export interface Judging extends Pick<Confirmed, "rows" | "rowsChose"> {
  /** The name of {@link Contender.tuning}; default that of the metric. */
  readonly tunedBy?: string | undefined;
  /** A sentence on the rows and on what varied. */
  readonly text: string;
  /** What the baseline is, such as `learningRate 0.1`. */
  readonly baselineIs?: string | undefined;
  /** Controls without a trial to compare with, as {@link Contender.label}. */
  readonly absent?: readonly string[];
}

/** The best completed trials with different parameters, the best first. */
export function bestTrials(trials: readonly Trial[], count: number): Trial[] {
  const best: Trial[] = [];
  const value = (trial: Trial) => trial.value as number;
  const completed = trials.filter((trial) => trial.status === "completed" && Number.isFinite(trial.value));
  for (const trial of completed.sort((a, b) => value(a) - value(b) || a.trial - b.trial)) {
    if (best.length === count) break;
    if (!best.some(({ parameters }) => isDeepStrictEqual(parameters, trial.parameters))) best.push(trial);
  }
  return best;
}

/**
 * The best trial of each value of a parameter, the best first: a completed one, or where there is none the pruned one that
 * came furthest. A value all of whose trials diverged or failed has none.
 */
export function bestOfEach(trials: readonly Trial[], path: string): Trial[] {
  const ranked = rankedTrials(trials).filter(({ status }) => status !== "diverged");
  return uniqWith(ranked, (a, b) => isDeepStrictEqual(a.parameters[path], b.parameters[path]));
}

/**
 * Trials compared with the baseline on fresh seeds, whose number was fixed beforehand. `helps`: the whole interval is on the better
 * side, on rows that chose nothing, also against each control without diverged runs and, where that is measured, against a constant;
 * `does not help`: it is on the other side, on such rows, or runs diverged.
 *
 * @param metric what is compared; its goal says which side is better
 */
export function confirmed(
  metric: Metric,
  baseline: SeedValues,
  contenders: readonly Contender[],
  { rows, rowsChose, tunedBy = metric.name, text: judgedBy, baselineIs, absent = [] }: Judging,
): readonly Confirmed[] {
  const level = levelOfEach(contenders.length);
  const sign = metric.goal === "minimize" ? 1 : -1;
  const hasOwnRows = rows === "test" && !rowsChose;
  const pairedOf = ({ fresh, unpaired = [] }: Contender): SeedValues =>
    new Map([...fresh].filter(([seed]) => !unpaired.includes(seed)));
  const controls = contenders.filter(({ isControl }) => isControl);
  return contenders.map((contender) => {
    const { trial, tuning, fresh: values } = contender;
    const all = [...values.values()];
    const isWhole = all.length > 0 && all.every(Number.isFinite);
    const fresh = isWhole ? aggregated(metric, all) : null;
    const against = (other: SeedValues) =>
      compared(metric, other, pairedOf(contender), { level, hasOwnRows });
    const comparison = against(baseline);
    const standing = isWhole || all.length === 0 ? standingOf(comparison, sign) : "worse";
    const besideControls = [
      ...controls.map((control) => ({
        name: nameOf(control),
        isLost: hasDiverged(control),
        standing: hasDiverged(control) ? "better" : standingOf(against(pairedOf(control)), sign),
      })),
      ...absent.map((name) => ({ name, isLost: false, standing: undefined })),
    ].map((control) => ({ ...control, role: "control" as const }));
    const beside = standing === "better" && !contender.isControl ? besideControls : [];
    const namesWhere = (isWanted: (control: (typeof beside)[number]) => boolean) =>
      beside
        .filter(isWanted)
        .map(({ name }) => name)
        .join(", ");
    const ahead = namesWhere((c) => c.standing === "worse" || c.standing === "unclear");
    const unknown = namesWhere((c) => c.standing === undefined);
    const lost = namesWhere(({ isLost }) => isLost);
    const constant = contender.besideConstant?.(level) ?? null;
    const judgment = judged(standing, beside);
    const isUndecided = (rowsChose && isWhole) || (judgment === "helps" && constant?.isBeaten === false);
    return {
      trial,
      isControl: contender.isControl ?? false,
      tuning: tuning ?? null,
      fresh,
      optimism:
        fresh === null || tuning === undefined || tunedBy !== metric.name ? null : sign * (fresh - tuning),
      comparison,
      // Of runs that diverged no rows judge.
      judgment: isUndecided ? "undecided" : judgment,
      rows,
      rowsChose,
      constant,
      text: [
        sentence(metric, tunedBy, contender, fresh, comparison, baseline, baselineIs),
        ...(ahead === "" ? [] : [`It is not clearly better than the control ${ahead}.`]),
        ...(unknown === "" ? [] : [`Too few runs of the control ${unknown} ended to compare with it.`]),
        ...(lost === "" ? [] : [`Runs of the control ${lost} diverged: it counts as worse.`]),
        ...(constant === null ? [] : [constantText(constant)]),
        ...(comparison === null ? [] : [judgedBy]),
        ...(contender.caveats ?? []),
      ].join(" "),
    };
  });
}

const hasDiverged = ({ fresh }: Contender): boolean => ![...fresh.values()].every(Number.isFinite);

const nameOf = ({ label, trial }: Contender): string => label ?? `trial ${trial}`;

/** The pairs of seeds that both have; null without any, and where one of them diverged. */
function compared(
  { name, goal }: Metric,
  baseline: SeedValues,
  values: SeedValues,
  { level, hasOwnRows }: { readonly level: number; readonly hasOwnRows: boolean },
): PairedComparison | null {
  const seeds = [...values.keys()].filter((seed) => baseline.has(seed));
  const a = seeds.map((seed) => values.get(seed) as number);
  const b = seeds.map((seed) => baseline.get(seed) as number);
  if (seeds.length === 0 || ![...a, ...b].every(Number.isFinite)) return null;
  if (goal === "minimize" && [...a, ...b].every((value) => value > 0)) {
    // Over rows the squares have a mean, not their roots.
    const power = hasOwnRows && name.endsWith("rmse") ? 2 : 1;
    const [x, y] = [a, b].map((list) => list.map((value) => value ** power));
    const { n, ratio, interval } = (hasOwnRows ? ratioOfMeans : pairedRatio)(x, y, { level });
    const rooted = (value: number) => value ** (1 / power);
    return {
      kind: "ratio",
      value: rooted(ratio),
      interval: interval && [rooted(interval[0]), rooted(interval[1])],
      level,
      n,
    };
  }
  const { n, difference, interval } = pairedDifference(a, b, { level });
  return { kind: "difference", value: difference, interval, level, n };
}

function standingOf(comparison: PairedComparison | null, sign: number): Standing {
  if (comparison?.interval == null) return undefined;
  const none = comparison.kind === "ratio" ? 1 : 0;
  const [a, b] = comparison.interval.map((x) => sign * (none - x));
  return differenceStanding([Math.min(a, b), Math.max(a, b)]);
}

function sentence(
  { name }: Metric,
  tunedBy: string,
  { trial, tuning, fresh: values, label, isBaseline, unpaired = [], apart = [], shared = [] }: Contender,
  fresh: number | null,
  comparison: PairedComparison | null,
  baseline: SeedValues,
  baselineIs: string | undefined,
): string {
  const number = (value: number) => formatNumber(value, 4);
  const tuned =
    tuning === undefined
      ? name
      : `${tunedBy} ${number(tuning)} on the seeds that chose it,${tunedBy === name ? "" : ` ${name}`}`;
  const diverged = (of: SeedValues) => [...of.values()].filter((value) => !Number.isFinite(value)).length;
  const own =
    fresh !== null
      ? `${number(fresh)} on ${values.size} fresh seeds`
      : values.size === 0
        ? "no run ended on fresh seeds"
        : `${diverged(values)} of ${values.size} runs on fresh seeds diverged`;
  const left = unpaired.length === 0 ? "" : `, without ${unpaired.length} whose runs were in two lanes`;
  const start = `Trial ${trial}${label ? ` (${label})` : ""}: ${tuned} ${own}`;
  if (comparison === null) {
    const lost = diverged(baseline);
    const why =
      lost > 0 ? `${lost} of ${baseline.size} runs of the baseline diverged` : `there are no pairs${left}`;
    return fresh === null ? `${start}.` : `${start}; not compared: ${why}.`;
  }
  const { kind, value, interval, level, n } = comparison;
  const end = kind === "ratio" ? endText : formatNumber;
  const range = interval === null ? "" : ` [${end(interval[0], 4)}, ${end(interval[1], 4)}]`;
  const difference =
    kind === "ratio"
      ? `${number(value)}${range} times the baseline`
      : `${signed(value)}${range} from the baseline`;
  const settings = baselineIs === undefined ? "" : ` (${baselineIs})`;
  const same = isBaseline
    ? " Its settings are the baseline's, and so are its runs."
    : isSame(values, baseline)
      ? " Both gave the same numbers: what is compared changed nothing."
      : "";
  const compared = `${start}; ${difference}${settings} over ${n} pairs${left} (${formatNumber(100 * level, 4)} % interval).${same}`;
  const both = shared.length === 0 ? "" : ` Both have ${shared.join(", ")}.`;
  return apart.length === 0
    ? `${compared}${both}`
    : `${compared}${both} Its best settings are not the baseline's (${apart.join(", ")}), which alone may make a difference.`;
}

/** Whether all pairs are equal to the digit, as where a teleport never came, or was never accepted. */
const isSame = (a: SeedValues, b: SeedValues): boolean =>
  [...a].every(([seed, value]) => !b.has(seed) || b.get(seed) === value);

const signed = (value: number): string => `${value > 0 ? "+" : ""}${formatNumber(value, 4)}`;

// What is to be known of the trials that stand for a choice of `confirm.each`, where pruning or failures left it no completed one.

export const wordOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Whether a trial is of the baseline's choice. */
export const hasValueOf =
  (baseline: Assignment, path: string) =>
  ({ parameters }: Pick<Trial, "parameters">): boolean =>
    isDeepStrictEqual(parameters[path], baseline[path]);

export const noneOf = (each: string, value: Json): string =>
  `No trial with ${each} ${wordOf(value)} was completed`;

/** Of a choice all of whose trials were pruned. */
export const caveatsOfChoice = (each: string, chosen: Trial | undefined): string[] =>
  chosen?.status === "pruned"
    ? [
        `${noneOf(each, chosen.parameters[each])}: of those that were pruned this one came furthest, to the rung ${chosen.rung}.`,
      ]
    : [];

/**
 * Of a baseline that is not as well tuned as what is compared with it.
 *
 * @param given what the file says of it
 * @param own the parameters of what is compared with it
 * @param baseline its own, as the journal has them
 */
export function caveatsOfBaseline(
  each: string,
  given: Assignment,
  trials: readonly Trial[],
  { own, baseline }: Readonly<Record<"own" | "baseline", Assignment>>,
): string[] {
  const source = bestOfEach(trials, each).find(hasValueOf(given, each));
  // A journal may be of a time when a pruned trial was not taken.
  if (source && isDeepStrictEqual({ ...source.parameters, ...given }, baseline)) {
    const isAllGiven = Object.keys(baseline).every((path) => path in given);
    return source.status === "completed" || isAllGiven
      ? []
      : [
          `${noneOf(each, given[each])}: the baseline has the settings of trial ${source.trial}, which of those that were pruned came furthest, to the rung ${source.rung}.`,
        ];
  }
  const untuned = Object.keys(own).filter((path) => !(path in baseline));
  return untuned.length === 0
    ? []
    : [
        `${noneOf(each, given[each])}: the baseline has the experiment's own ${untuned.join(", ")}, which the search did not tune.`,
      ];
}
