// Words of sweeps. A sweep is a file; a trial is one assignment of its parameters, numbered 0, 1, ...; a run is a trial
// with one seed; a rung is a step at which runs are compared; a verdict is go or stop, at a rung.
import type { Json } from "../run/json-lines.js";

/**
 * Values of the parameters by their paths, as in `--set`: `{ learningRate: 0.1, "optimizer.name": "adam" }`. A parameter
 * that is off (`when`) is left out: the experiment's own setting stays.
 */
export type Assignment = Readonly<Record<string, Json>>;

/** How the next trial's parameters are chosen. */
export type Method = "grid" | "random" | "sobol" | "tpe";

/** How the values of a trial's seeds become the trial's value. `worst` is the largest of those to minimize. */
export type Aggregate = "mean" | "median" | "geometric" | "worst";

/** What trials are ranked by. */
export interface Metric {
  /** Path in a run's document (`loss.last`, `metrics.X`, `steps`), `X` for `metrics.X`, or `loss`: the mean of the last 2 % of steps. */
  readonly name: string;
  readonly goal: "minimize" | "maximize";
  readonly aggregate: Aggregate;
  /** No trial is asked after one has reached it. */
  readonly target?: number | undefined;
}

/** Where a parameter is on: other parameters have these values, or one of them where a list of values is given. */
export type Conditions = Readonly<Record<string, Json>>;

interface Conditional {
  readonly when?: Conditions | undefined;
}

/** One value in all trials. */
export interface Constant extends Conditional {
  readonly value: Json;
}

/** One of several values, of any kind. */
export interface Choice extends Conditional {
  readonly values: readonly Json[];
  /** Of each value; they sum to 1. Left out: all are equal. */
  readonly probabilities?: readonly number[] | undefined;
}

/** A number of an interval. Integers where both ends are integers and none of `scale`, `step`, `roundTo`, `count` is given. */
export interface Range extends Conditional {
  readonly min: number;
  readonly max: number;
  readonly scale?: "linear" | "log" | undefined;
  /** Only min, min + step, min + 2 step, ... */
  readonly step?: number | undefined;
  /** Any number of the interval, rounded to a multiple of it: the least and the largest have about half a share. */
  readonly roundTo?: number | undefined;
  /** Only so many values, both ends among them, evenly spaced on the scale. */
  readonly count?: number | undefined;
}

/** A normal number, or the exponential of one. */
export interface Normal extends Conditional {
  readonly distribution: "normal" | "log_normal";
  readonly mu: number;
  readonly sigma: number;
  /** Rounded to multiples of it. */
  readonly step?: number | undefined;
}

export type Parameter = Constant | Choice | Range | Normal;

/** What a rung counts. */
export type RungUnit = "steps" | "epochs";

/** Stops runs that are not among the first n / factor of their rung. Rungs: from, from factor, from factor^2, ... */
export interface Asha {
  readonly rule: "asha";
  readonly from: number;
  readonly factor: number;
  /** Runs at a rung that are not stopped whatever they have reached. */
  readonly startup: number;
  readonly unit: RungUnit;
  /** No rung at or above it. Left out: all below the run's length. */
  readonly below?: number | undefined;
}

/** Stops runs whose best value is worse than the median at their rung. Rungs: from, from + every, ... */
export interface MedianRule {
  readonly rule: "median";
  readonly from: number;
  readonly every: number;
  readonly startup: number;
  readonly unit: RungUnit;
}

/** Stops runs whose value is worse than a bound (above it; below it where the metric is maximized) at the rung `from`. */
export interface Bound {
  readonly rule: "bound";
  readonly from: number;
  readonly above: number;
  readonly unit: RungUnit;
}

export type Prune = Asha | MedianRule | Bound;

export interface Budget {
  /** Trials asked. Left out, for a grid alone: all its points. */
  readonly trials?: number | undefined;
  /** No run starts after so many seconds. */
  readonly seconds?: number | undefined;
  /** Whether runs under way stop then, too. */
  readonly hard: boolean;
  /** No run starts after so many steps in all. */
  readonly steps?: number | undefined;
}

/** The best trials and a baseline, again on seeds that chose nothing. */
export interface ConfirmPlan {
  readonly seeds: readonly number[];
  /** How many of the best trials. */
  readonly best: number;
  /** A parameter: the best trial of each of its values runs instead, and the baseline's value of it with its own best trial. */
  readonly each?: string | undefined;
  /** What they are compared with; the experiment's own settings where it is empty. */
  readonly baseline: Assignment;
  /** Values of `each` that are controls. */
  readonly controls?: readonly Json[] | undefined;
  /**
   * Seeds are added, from the first `from` on, until half of each interval is at most `precision`, in the units of the
   * comparison. Left out: all seeds.
   */
  readonly until?: { readonly precision: number; readonly from: number } | null | undefined;
  /** A time that is compared on these seeds, to be minimized. Left out: the sweep's metric. */
  readonly metric?: string | undefined;
}

/**
 * A sweep, read and checked: W&B's forms are in ours, ranges of seeds are lists, and defaults are filled in. It is a
 * sweep's file itself: written as YAML and read again, it is the same.
 */
export interface SweepFile {
  readonly name: string;
  /** A file, relative to the sweep's, or the name of an experiment that comes with isoloss. */
  readonly experiment: string;
  /** Left out: its first. */
  readonly variant?: string | undefined;
  /** Settings of all trials, by their paths. */
  readonly set: Assignment;
  readonly method: Method;
  /** Of a grid's points: by the seed, or as the file has them, the last parameter fastest. */
  readonly order: "shuffled" | "file";
  /** Of the sampler. */
  readonly seed: number;
  readonly metric: Metric;
  /** Seeds of a trial's runs. */
  readonly seeds: readonly number[];
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly prune?: Prune | undefined;
  readonly budget: Budget;
  /** `failures`: the sweep ends when its first so many trials fail. */
  readonly stopAfter: { readonly failures: number };
  /** Seconds of one run. */
  readonly timeout?: number | undefined;
  /** Seconds of one run, as measured: for `--check` alone. */
  readonly runSeconds?: number | undefined;
  /** `false`: nothing is confirmed, and the report says so. */
  readonly confirm: ConfirmPlan | false;
}

/**
 * How a trial ended: `completed` (all seeds), `pruned` by a verdict, `diverged` (counts as the worst value), `failed` by
 * an error, `lost` with its processes, `cancelled`.
 */
export type TrialStatus = "completed" | "pruned" | "diverged" | "failed" | "lost" | "cancelled";

/** A trial as samplers see it. */
export interface Trial {
  readonly trial: number;
  readonly parameters: Assignment;
  readonly status: TrialStatus | "running";
  /** Over its seeds, less is better: the negated value where the metric is maximized. Of completed and pruned trials. */
  readonly value?: number | undefined;
  /** The rung at which a pruned trial was stopped, in steps or epochs as the rule has it. */
  readonly rung?: number | undefined;
}

/**
 * Chooses parameters. Pure: a trial's depend on the sweep's file, the trial's number and the history alone, so that
 * they come again when a journal is read.
 */
export interface Sampler {
  /** How many trials there can be; Infinity but for a grid. */
  readonly size: number;
  /** Whether the history counts. Otherwise all trials can be asked at once. */
  readonly isAdaptive: boolean;
  /**
   * @param history all trials asked before, those under way with the status `running`, in any order
   * @param trial the number of the one that is asked, below `size`
   */
  ask(history: readonly Trial[], trial: number): Assignment;
}

/** The answer to a run at a rung. */
export type Verdict = "go" | "stop";

/** A rule of {@link verdictOf}: what the server's script is given, too. `above` is negated where the metric is maximized. */
export interface VerdictRule {
  readonly rule: Prune["rule"];
  /** Of asha. */
  readonly factor: number;
  readonly startup: number;
  /** Of bound. */
  readonly above: number;
}

/**
 * The verdict on a run that reached a rung.
 *
 * @param values at this rung, of the runs of the same seed, `v` among them unless it is not finite; less is better
 * @param v the run's
 * @param best the run's best so far
 */
export type VerdictOf = (rule: VerdictRule, values: readonly number[], v: number, best: number) => Verdict;

/** A trial is asked: an entry of the journal. */
export interface AskEntry {
  readonly entry: "ask";
  readonly trial: number;
  readonly parameters: Assignment;
  /** Ids of its runs, in the order of the sweep's seeds. */
  readonly runs: readonly string[];
}
