// The verdicts of an experiment on teleports: one sentence with numbers each, and a judgment that only clear differences decide.

import type { RatioSummary } from "isoloss/internal";
import type { Judgement } from "../../run/report-html.js";
import type { Finding } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import {
  besideControls,
  constantText,
  isTooNoisy,
  type ToTarget,
  timeOf,
  unbeatenText,
} from "../results/to-target.js";
import type { ExperimentOutcome } from "./outcome.js";
import { type BesideControl, type RateComparison, type RatesResult, rateSentence } from "./rates.js";

/**
 * Whether runs reach the baseline's final loss on training data in less time, which is what counts, or in fewer steps alone: than the baseline and than
 * each control; than one that does not reach it with every seed, whether they have a lower loss at equal time, or at equal steps. Only
 * intervals decide; where the clock is too noisy, those of steps alone.
 *
 * @param clock the baseline's times against its own; null: not measured
 */
function speedOf(
  compared: ToTarget & Pick<RateComparison, "controls">,
  clock: RatioSummary | null,
): Judgement {
  const { reached, seeds, deterministic, steps, equalSteps, equalTime, controls = {} } = compared;
  if (reached < seeds) {
    const losses = [rangeOf(equalSteps, deterministic), isTooNoisy(clock) ? null : rangeOf(equalTime)];
    const isBehind = compared.finalLoss === null || losses.some((range) => range && range[0] > 1);
    return isBehind ? "does not help" : "undecided";
  }
  const stepRange = rangeOf(steps, deterministic);
  const time = timeOf(compared, clock);
  if (stepRange === null || time === null) return "undecided";
  const isSooner = (c: ToTarget) => timeOf(c, clock) === "less";
  const isShorter = (c: ToTarget) => (rangeOf(c.steps, c.deterministic)?.[1] ?? Infinity) < 1;
  if (time !== "less" && !isShorter(compared)) {
    return time === "more" || stepRange[0] > 1 ? "does not help" : "undecided";
  }
  const isTimed = (control: ToTarget) =>
    time === "less" && (control.steps === null ? !isTooNoisy(clock) : timeOf(control, clock) !== "too noisy");
  const isBetter = (control: BesideControl) => {
    if (control.steps !== null) return isTimed(control) ? isSooner(control) : isShorter(control);
    // Without losses to compare: a control that diverged with a seed, which the sentence says, or reached the loss with none.
    if (control.equalSteps === null) return control.diverged > 0 || control.reached === 0 || undefined;
    // One that missed the loss with a seed may have been quicker with the others.
    const lower = isTimed(control)
      ? rangeOf(control.equalTime)
      : rangeOf(control.equalSteps, control.deterministic);
    return lower !== null && lower[1] < 1;
  };
  const than = Object.values(controls);
  const beside = againstControls(than, isBetter);
  if (beside !== "helps") return beside;
  if (time !== "less") return fewerSteps[time];
  if (than.every(isTimed)) return "helps";
  // Steps decided against a control: that is no verdict about time.
  return isShorter(compared) ? fewerSteps["too noisy"] : "undecided";
}

/** A control that ran with fewer than two seeds decides nothing. */
const againstControls = (
  controls: readonly BesideControl[],
  isBetter: (control: BesideControl) => boolean | undefined,
) => besideControls(controls.map((control) => (control.seeds < 2 ? undefined : isBetter(control))));

/** A held-out loss that is at most this many times the baseline's counts as kept. */
const kept = 1.05;

/**
 * Whether a variant helps, and why another verdict than that of its speed. With test rows of their own for each seed their loss decides:
 * `helps` where it is clearly lower than the baseline's and each control's, `does not help` where it is clearly higher. Else speed on
 * training data counts, either way, only where the held-out loss is kept; validation rows, which choose, too, decide no more than that.
 * Nothing helps that does not beat a constant, nor where rows alone that chose say that the held-out loss is kept; and where no model
 * beats one, speed decides nothing: it is that of learning the training rows by heart.
 *
 * @param clock the baseline's times against its own; null: not measured
 * @param options `rowsChose`: whether validation rows chose rates or epochs; `isUnbeaten`: whether no model beats a constant
 */
export function verdictOf(
  compared: ToTarget & Pick<RateComparison, "controls">,
  clock: RatioSummary | null,
  { rowsChose, isUnbeaten = false }: { readonly rowsChose: boolean; readonly isUnbeaten?: boolean },
): { readonly judgment: Judgement; readonly why: string } {
  const { test, validation, deterministic, constant } = compared;
  const speed = speedOf(compared, clock);
  const heldOut = rangeOf(test ?? validation, deterministic);
  const undecided = (why: string) => ({ judgment: "undecided" as const, why: ` ${why}` });
  const isGain = (judgment: Judgement) => judgment === "helps" || judgment.startsWith("fewer steps");
  const besideConstant = (judgment: Judgement, isLower = false) =>
    constant?.isBeaten === false && (isGain(judgment) || (isUnbeaten && !isLower))
      ? undecided(constantText(constant))
      : { judgment, why: "" };
  if (heldOut === null) return besideConstant(speed);
  const [low, high] = heldOut;
  if (low > 1) {
    return test === null
      ? undecided("On validation rows it is worse; only test rows, which choose nothing, decide that.")
      : { judgment: "does not help", why: " On held-out rows it is worse, which decides." };
  }
  const isLower = test !== null && high < 1;
  if (!isLower && high > kept) {
    return undecided(
      "Whether its held-out loss is kept is not clear, so that speed on training data alone does not decide.",
    );
  }
  if (!isLower && speed === "does not help" && low < 1 / kept) {
    return undecided("Its held-out loss may be lower, so that speed on training data alone does not decide.");
  }
  if (
    !isLower &&
    isGain(speed) &&
    !((rangeOf(compared.equalSteps, deterministic)?.[1] ?? Infinity) <= kept)
  ) {
    return undecided(
      "At equal steps its training loss may be higher: when a noisy loss first reaches another one does not decide.",
    );
  }
  const judgment = isLower ? onTestRows(compared) : speed;
  if (isGain(judgment) && test === null && rowsChose) {
    return undecided(
      "The validation rows chose, too, and cannot tell whether it is as good on others: with a part for testing (data.test) rows that chose nothing judge.",
    );
  }
  return besideConstant(judgment, isLower);
}

/** Of a lower test loss than the baseline's: whether it is lower than that of each control, too. */
function onTestRows({ controls = {} }: Pick<RateComparison, "controls">): Judgement {
  const isBetter = ({ test, diverged }: BesideControl) =>
    test === null ? diverged > 0 || undefined : (test.interval?.[1] ?? Infinity) < 1;
  return againstControls(Object.values(controls), isBetter);
}

const fewerSteps = {
  more: "fewer steps, more time",
  "no clear difference": "fewer steps, no less time",
  "too noisy": "fewer steps, too noisy to time",
} as const;

/** Where a ratio lies: in its interval, or exactly where it has no spread. A single pair of random runs decides nothing. */
const rangeOf = (ratio: RatioSummary | null, isExact = false): readonly [number, number] | null =>
  ratio && isExact ? [ratio.ratio, ratio.ratio] : (ratio?.interval ?? null);

/** The findings of an experiment: those of its comparisons at tuned rates, and those of its kind. What was interrupted has none. */
export function findingsOf({ resolved, status, results, rates }: ExperimentOutcome): Finding[] {
  if (status === "interrupted") return [];
  const compared = rates.flatMap((comparison) => {
    const rowsChose =
      (comparison.by === "validation" && comparison.grid.length > 1) ||
      comparison.runs.some(({ settings }) => settings.best ?? settings.earlyStopping);
    const others = Object.values({ ...comparison.tuned, ...comparison.references });
    const unbeaten = unbeatenText([comparison, ...others].map(({ constant }) => constant));
    return Object.entries(comparison.tuned)
      .filter(([name]) => !isControl(resolved, comparison, name))
      .map(([name, c]) => {
        // A baseline that diverged with some seed has no loss to reach there: that is no failure of the others.
        const { judgment, why } =
          comparison.finalLoss === null
            ? { judgment: "undecided" as const, why: "" }
            : verdictOf(c, comparison.clock, { rowsChose, isUnbeaten: unbeaten !== "" });
        const start = unbeaten === "" ? "" : `${unbeaten} `;
        return { title: name, judgment, text: `${start}${rateSentence(name, comparison, c)}${why}` };
      });
  });
  const ofKind = kinds[resolved.kind].comparison?.findings?.(results, resolved.controls) ?? [];
  // What is judged at tuned rates is not judged at those of the file as well.
  const isTuned = ({ title }: Finding) => rates.some(({ tuned }) => title in tuned);
  return [...compared, ...ofKind.filter((finding) => !isTuned(finding))];
}

/** What stands beside the findings: controls at their tuned rates, and references as they are. */
export function besideFindings({ resolved, rates }: ExperimentOutcome): Pick<Finding, "title" | "text">[] {
  return rates.flatMap((comparison) => {
    const controls = Object.entries(comparison.tuned).filter(([name]) =>
      isControl(resolved, comparison, name),
    );
    return [...controls, ...Object.entries(comparison.references)].map(([title, c]) => ({
      title,
      text: rateSentence(title, comparison, c),
    }));
  });
}

const isControl = (
  { controls }: ExperimentOutcome["resolved"],
  { baseline }: RatesResult,
  name: string,
): boolean => controls[baseline]?.includes(name) ?? false;

/** All findings in one sentence. */
export function conclusionOf(findings: readonly Finding[]): string {
  const count = (judgment: Judgement) => findings.filter((f) => f.judgment === judgment).length;
  const shown = Object.entries(phrases)
    .map(([judgment, { past }], i) => ({ n: count(judgment as Judgement), past, isFirst: i === 0 }))
    .filter(({ n, isFirst }) => n > 0 || isFirst)
    .map(({ n, past }) => `${n} ${past}`);
  const methods = findings.length === 1 ? "one method" : `${findings.length} methods`;
  return `Of ${methods}, each compared with its baseline: ${shown.join("; ")}.`;
}

/** What an experiment asks, where it judges: a question for each baseline. */
export function questionOf(outcome: ExperimentOutcome): string | undefined {
  const titles = findingsOf(outcome).map(({ title }) => title);
  if (titles.length === 0) return undefined;
  const baselines = outcome.rates.map(({ baseline }) => baseline);
  const against = baselines.length === 0 ? "" : `, compared with ${listOf(baselines, "or")}`;
  return `${titles.length === 1 ? "Does" : "Do"} ${listOf(titles, "or")} help${against}?`;
}

/** The answer to {@link questionOf}, by the names of the variants; of an experiment that judges nothing why it does not. */
export function answerOf(outcome: ExperimentOutcome): string {
  const { resolved, status } = outcome;
  if (status !== "completed") return `There is no answer: the experiment was ${status}.`;
  const findings = findingsOf(outcome);
  if (findings.length === 0) {
    return resolved.rates.length > 0
      ? "There is no answer: at each rate of the grid the baseline diverged with a tuning seed, or has no loss to choose the rate by."
      : "Nothing is judged: without the key rates, no learning rate is tuned, and no variant is compared with another one.";
  }
  return Object.entries(phrases)
    .flatMap(([judgment, { before = "", one, many }]) => {
      const names = findings.filter((f) => f.judgment === judgment).map(({ title }) => title);
      return names.length === 0
        ? []
        : [`${before}${listOf(names, "and")} ${names.length === 1 ? one : many}.`];
    })
    .join(" ");
}

const listOf = (names: readonly string[], word: "and" | "or"): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${word} ${names.at(-1)}`;

/** Judgments as the verb of a sentence about one variant, several, and a number of them; the best first. */
const phrases: Readonly<
  Record<
    Judgement,
    { readonly before?: string; readonly one: string; readonly many: string; readonly past: string }
  >
> = {
  helps: { one: "helps", many: "help", past: "helped" },
  "fewer steps, more time": {
    one: "needs fewer steps, but more time",
    many: "need fewer steps, but more time",
    past: "needed fewer steps but more time",
  },
  "fewer steps, no less time": {
    one: "needs fewer steps, but no less time",
    many: "need fewer steps, but no less time",
    past: "needed fewer steps but no less time",
  },
  "fewer steps, too noisy to time": {
    one: "needs fewer steps; this machine was too noisy to time it",
    many: "need fewer steps; this machine was too noisy to time them",
    past: "needed fewer steps, on a machine too noisy to time them",
  },
  "no better than a control": {
    one: "is no better than a control",
    many: "are no better than a control",
    past: "did no better than a control",
  },
  "does not help": { one: "does not help", many: "do not help", past: "did not help" },
  undecided: {
    before: "It is undecided whether ",
    one: "helps",
    many: "help",
    past: "undecided",
  },
};
