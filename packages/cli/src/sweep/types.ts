// Words of sweeps. A sweep is a file; a trial is one assignment of its parameters, numbered 0, 1, ...; a run is a trial
// with one seed; a rung is a step at which runs are compared; a verdict is go or stop, at a rung.
import type { Json } from "../run/json-lines.js";

/**
 * Values of the parameters by their paths, as in `--set`: `{ learningRate: 0.1, "optimizer.name": "adam" }`. A parameter
 * that is off (`when`) is left out: the experiment's own setting stays.
 */
export type Assignment = Readonly<Record<string, Json>>;

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
  readonly rule: "asha" | "median" | "bound";
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
