// The findings of an experiment: a verdict on each method, with its numbers. Only clear differences decide.

import { upperFirst } from "es-toolkit";
import type { RatioSummary } from "isoloss/internal";
import type { Judgement } from "../../run/report-html.js";
import type { Finding, Role } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import { countText } from "../results/format-number.js";
import {
  constantText,
  isTooNoisy,
  ratioText,
  shareOfText,
  shownRatios,
  type ToTarget,
  timeOf,
  unbeatenText,
} from "../results/to-target.js";
import {
  alternativeTexts,
  judged,
  ratioStanding,
  runsToDecide,
  type Standing,
  speedText,
} from "../results/verdict.js";
import type { ExperimentOutcome } from "./outcome.js";
import { type RateComparison, type RoleComparison, rateSentence } from "./rates.js";

type Compared = ToTarget & Pick<RateComparison, "beside">;

/** A comparison with the baseline, or with a variant that has a role. */
type Pair = ToTarget & Partial<Pick<RoleComparison, "diverged">>;

/** Without losses to compare: better than a variant that diverged with a seed, or reached the loss with none. */
const ofLosses = ({ diverged = 0, reached }: Pair, losses: readonly [number, number] | null): Standing =>
  losses ? ratioStanding(losses) : diverged > 0 || reached === 0 ? "better" : undefined;

/** By the steps to the baseline's final loss; where a run missed it, by the losses at equal steps. */
const stepsStanding = (pair: Pair): Standing =>
  pair.steps
    ? ratioStanding(rangeOf(pair.steps, pair.deterministic))
    : ofLosses(pair, rangeOf(pair.equalSteps, pair.deterministic));

/** Likewise by the clock; undefined where it is too noisy. */
function timeStanding(pair: Pair, clock: RatioSummary | null): Standing {
  if (pair.steps === null) return isTooNoisy(clock) ? undefined : ofLosses(pair, rangeOf(pair.equalTime));
  const time = timeOf(pair, clock);
  if (time === null || time === "too noisy") return undefined;
  return time === "less" ? "better" : time === "more" ? "worse" : "unclear";
}

/** One that misses the baseline's final loss with a seed is never better, and worse where it diverged. */
const besideBaseline = ({ reached, seeds, finalLoss }: ToTarget, standing: Standing): Standing => {
  if (reached === seeds) return standing;
  return finalLoss === null || standing === "worse" ? "worse" : "unclear";
};

/** A held-out loss that is at most this many times the baseline's counts as kept. */
const kept = 1.05;

interface Guards {
  /** Whether validation rows chose rates or epochs. */
  readonly rowsChose: boolean;
  /** Whether no model of the comparison beats a constant. */
  readonly isUnbeaten?: boolean;
}

interface Guarded {
  readonly judgment: Judgement;
  /** Why it is not what the measure alone says. */
  readonly why?: string;
  readonly needs?: string;
}

/** A verdict on speed, unless the held-out loss says otherwise. */
function guardedSpeed(
  judgment: Judgement,
  compared: ToTarget,
  { rowsChose, isUnbeaten = false }: Guards,
): Guarded {
  const { test, validation, equalSteps, deterministic } = compared;
  const heldOut = rangeOf(test ?? validation, deterministic);
  const [low, high] = heldOut ?? [1, 1];
  const undecided = (why: string, needs = "") => ({ judgment: "undecided" as const, why, needs });
  if (low > 1) {
    return test === null
      ? undecided("On validation rows it is worse; only test rows, which choose nothing, decide that.")
      : { judgment: "does not help", why: "On held-out rows it is worse, which decides." };
  }
  const isLower = test !== null && high < 1;
  if (!isLower && high > kept) {
    return undecided(
      "Whether its held-out loss is kept is not clear, so that speed on training data alone does not decide.",
      runsToDecide(test ?? validation, kept),
    );
  }
  if (judgment === "does not help" && !isLower && low < 1 / kept) {
    return undecided("Its held-out loss may be lower, so that speed on training data alone does not decide.");
  }
  if (judgment === "helps" && heldOut && !((rangeOf(equalSteps, deterministic)?.[1] ?? Infinity) <= kept)) {
    return undecided(
      "At equal steps its training loss may be higher: when a noisy loss first reaches another one does not decide.",
      runsToDecide(equalSteps, kept),
    );
  }
  if (judgment === "helps" && heldOut && test === null && rowsChose) {
    return undecided(
      "The validation rows chose, too, and cannot tell whether it is as good on others: with a part for testing (data.test) rows that chose nothing judge.",
    );
  }
  return unlessConstant(judgment, compared, isUnbeaten && !isLower);
}

/** Nothing helps that does not beat a constant. */
const unlessConstant = (judgment: Judgement, { constant }: ToTarget, isUnbeaten = false): Guarded =>
  constant?.isBeaten === false && (judgment === "helps" || isUnbeaten)
    ? { judgment: "undecided", why: constantText(constant) }
    : { judgment };

type MethodVerdict = Omit<Finding, "title" | "text"> & { readonly why: string };

/**
 * Verdicts on steps and on time, each by itself, and the one that follows from them. With separate test rows for each seed their
 * loss decides: `helps` where it is clearly lower than the baseline's and each control's, `does not help` where it is clearly
 * higher. Else speed on training data counts, either way, only where the held-out loss is kept; validation rows, which choose,
 * too, decide no more than that. Nothing helps that does not beat a constant, nor where only rows that chose say that the held-out
 * loss is kept; and where no model beats a constant, speed decides nothing: it is that of learning the training rows by heart.
 *
 * @param clock the baseline's times against its own; null: not measured
 * @param options `others`: how variants with a role compare with the baseline
 */
export function verdictOf(
  compared: Compared,
  clock: RatioSummary | null,
  { others = {}, ...guards }: Guards & { readonly others?: Readonly<Record<string, ToTarget>> },
): MethodVerdict {
  const beside = Object.entries(compared.beside ?? {});
  const besideBy = (standingOf: (pair: Pair) => Standing) =>
    beside.map(([name, than]) => ({
      name,
      role: than.role,
      // Fewer than two seeds decide nothing.
      standing: than.seeds < 2 ? undefined : standingOf(than),
      gain: others[name] && besideBaseline(others[name], standingOf(others[name])),
    }));
  const byTime = (pair: Pair) => timeStanding(pair, clock);
  const speed = (standingOf: (pair: Pair) => Standing) =>
    guardedSpeed(
      judged(besideBaseline(compared, standingOf(compared)), besideBy(standingOf)),
      compared,
      guards,
    );
  const [steps, time] = [speed(stepsStanding), speed(byTime)];
  const besideTest = besideBy(({ test, diverged = 0 }) =>
    test === null && diverged > 0 ? "better" : ratioStanding(test?.interval),
  );
  const isLower = ratioStanding(compared.test?.interval) === "better";
  const onTest = isLower ? unlessConstant(judged("better", besideTest), compared) : undefined;
  const shown = shownRatios(compared);
  const judgment =
    time.judgment === "helps" || onTest?.judgment === "helps"
      ? "helps"
      : steps.judgment === "helps"
        ? "fewer steps"
        : (onTest?.judgment ??
          (["no better than a control", "does not help"] as const).find((one) =>
            [steps.judgment, time.judgment].includes(one),
          ) ??
          "undecided");
  const isGain = judgment === "helps" || judgment === "fewer steps";
  const [inSteps, inTime] = [besideBy(stepsStanding), besideBy(byTime)];
  const alternatives =
    onTest?.judgment === "helps"
      ? alternativeTexts(besideTest)
      : inSteps.flatMap(({ name, role, standing, gain }, i) =>
          role === "alternative" ? [speedText(name, standing, inTime[i].standing, gain)] : [],
        );
  const reason = isGain ? undefined : [steps, time, onTest].find((one) => one?.why);
  return {
    judgment,
    measures: [
      { measure: "steps", judgment: steps.judgment, text: stepsText(shown) },
      { measure: "time", judgment: time.judgment, text: timeText(compared, clock) },
      ...(onTest
        ? [{ measure: "test loss" as const, judgment: onTest.judgment, text: ratioText(compared.test) }]
        : []),
    ],
    alternatives: isGain ? alternatives : [],
    why: reason?.why ?? "",
    needs:
      judgment === "undecided" ? (reason ? reason.needs : runsToDecide(shown.steps ?? shown.equalSteps)) : "",
  };
}

function stepsText({ steps, equalSteps, reached, seeds }: ToTarget): string {
  if (steps) return shareOfText(steps, "steps");
  return `${ratioText(equalSteps)} times the loss at equal steps, reached in ${reached} of ${countText(seeds, "run")}`;
}

function timeText(compared: ToTarget, clock: RatioSummary | null): string {
  const { steps, seconds, equalTime } = shownRatios(compared);
  if (steps === null ? isTooNoisy(clock) : timeOf(compared, clock) === "too noisy")
    return "too noisy to time here";
  const text =
    steps && seconds
      ? shareOfText(seconds, "time")
      : `${ratioText(equalTime)} times the loss at equal seconds`;
  // A machine is as quick or slow for all pairs of a run: another run may differ by more than its interval.
  return `${text} in this run`;
}

/** Where a ratio lies: in its interval, or exactly where it has no spread. A single pair of random runs decides nothing. */
const rangeOf = (ratio: RatioSummary | null, isExact = false): readonly [number, number] | null =>
  ratio && isExact ? [ratio.ratio, ratio.ratio] : (ratio?.interval ?? null);

/** The findings of an experiment: those of its comparisons at tuned rates, and those of its kind. An interrupted one has none. */
export function findingsOf({ resolved, status, results, rates }: ExperimentOutcome): Finding[] {
  if (status === "interrupted") return [];
  const compared = rates.flatMap((comparison) => {
    const rowsChose =
      (comparison.by === "validation" && comparison.grid.length > 1) ||
      comparison.runs.some(({ settings }) => settings.best ?? settings.earlyStopping);
    const others = { ...comparison.tuned, ...comparison.references };
    const unbeaten = unbeatenText([comparison, ...Object.values(others)].map(({ constant }) => constant));
    return Object.entries(comparison.tuned)
      .filter(([name]) => !Object.hasOwn(comparison.roles, name))
      .map(([title, c]): Finding => {
        const verdict = verdictOf(c, comparison.clock, { rowsChose, isUnbeaten: unbeaten !== "", others });
        // A baseline that diverged with some seed has no loss to reach there: that is no failure of the others.
        const { why, ...rest } =
          comparison.finalLoss === null
            ? { judgment: "undecided" as const, measures: [], alternatives: [], why: "" }
            : verdict;
        const sentences = [unbeaten, leadOf(rest), rateSentence(title, comparison, c), why];
        return { title, ...rest, text: sentences.filter((text) => text !== "").join(" ") };
      });
  });
  const ofKind = (kinds[resolved.kind].comparison?.findings?.(results, resolved.roles) ?? []).map(
    (finding) => ({
      ...finding,
      text: [leadOf(finding), finding.text].filter((text) => text !== "").join(" "),
    }),
  );
  // A variant that is judged at tuned rates is not judged at those of the file as well.
  const isTuned = ({ title }: Finding) => rates.some(({ tuned }) => title in tuned);
  return [...compared, ...ofKind.filter((finding) => !isTuned(finding))];
}

/** The verdict by measure and what alternatives do, as a sentence: "By steps it helps; by time it does not help; LAMP does as well." */
function leadOf({ measures, alternatives }: Pick<Finding, "measures" | "alternatives">): string {
  const clauses = [
    ...(measures.length > 1
      ? measures.map(({ measure, judgment }) => `by ${measure} it ${verbs[judgment]}`)
      : []),
    ...alternatives,
  ].join("; ");
  return clauses === "" ? "" : `${upperFirst(clauses)}.`;
}

/** The numbers of variants that stand beside the methods of an experiment. */
export function besideFindings({
  rates,
}: ExperimentOutcome): (Pick<Finding, "title" | "text"> & { readonly role: Role })[] {
  return rates.flatMap((comparison) =>
    Object.entries({ ...comparison.tuned, ...comparison.references }).flatMap(([title, c]) => {
      if (!Object.hasOwn(comparison.roles, title)) return [];
      return [{ title, role: comparison.roles[title], text: rateSentence(title, comparison, c) }];
    }),
  );
}

/** All findings in one sentence. */
export function conclusionOf(findings: readonly Finding[]): string {
  const shown = Object.entries(past).flatMap(([judgment, verb], i) => {
    const n = findings.filter((f) => f.judgment === judgment).length;
    return n > 0 || i === 0 ? [`${n} ${verb}`] : [];
  });
  return `Of ${findings.length === 1 ? "one method" : `${findings.length} methods`}, each compared with its baseline: ${shown.join("; ")}.`;
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
  return findings
    .map(({ title, judgment, alternatives }) => {
      const answer =
        judgment === "undecided" ? `It is undecided whether ${title} helps` : `${title} ${verbs[judgment]}`;
      return `${[answer, ...alternatives].join("; ")}.`;
    })
    .join(" ");
}

const listOf = (names: readonly string[], word: "and" | "or"): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${word} ${names.at(-1)}`;

/** Judgments as the verb of a sentence about a method. */
const verbs: Readonly<Record<Judgement, string>> = {
  helps: "helps",
  "fewer steps": "needs fewer steps, but not clearly less time",
  "no better than a control": "is no better than a control",
  "does not help": "does not help",
  undecided: "is undecided",
};

/** Likewise about a number of them; the best first. */
const past: Readonly<Record<Judgement, string>> = {
  helps: "helped",
  "fewer steps": "needed fewer steps but not clearly less time",
  "no better than a control": "did no better than a control",
  "does not help": "did not help",
  undecided: "undecided",
};
