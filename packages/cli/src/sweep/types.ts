// Words of sweeps. A sweep is a file; a trial is one assignment of its parameters, numbered 0, 1, ...; a run is a trial
// with one seed; a rung is a step at which runs are compared; a verdict is go or stop, at a rung.
import { z } from "zod";
import type { Json } from "../run/json-lines.js";

/**
 * Values of the parameters by their paths, as in `--set`: `{ learningRate: 0.1, "optimizer.name": "adam" }`. A parameter
 * that is off (`when`) is left out: the experiment's own setting stays.
 */
export type Assignment = Readonly<Record<string, Json>>;

export const anyValue = z.any() as z.ZodType<Json, Json>;

/** The keys of a parameter in a sweep's file, of all its forms. */
export const parameterKeys = z.strictObject({
  value: anyValue.optional(),
  values: z.array(anyValue).min(1).optional(),
  /** Of each value; they sum to 1. Left out: all are equal. */
  probabilities: z.array(z.number().min(0)).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  scale: z.enum(["linear", "log"]).meta({ title: "scale" }).optional(),
  /** Only min, min + step, min + 2 step, ...; of a normal number: it is rounded to multiples of it. */
  step: z.number().gt(0).optional(),
  /** Any number of the interval, rounded to a multiple of it: the least and the largest have about half a share. */
  roundTo: z.number().gt(0).optional(),
  /** Only so many values, both ends among them, evenly spaced on the scale. */
  count: z.int().min(2).optional(),
  distribution: z.enum(["normal", "log_normal"]).meta({ title: "distribution" }).optional(),
  mu: z.number().optional(),
  sigma: z.number().gt(0).optional(),
  /** Where it is on: other parameters have these values, or one of them where a list of values is given. */
  when: z.record(z.string(), anyValue).optional(),
});

export type ParameterKeys = z.output<typeof parameterKeys>;

/** A value as code gives it: lists are readonly. */
type Given<V> = V extends (infer Item)[] ? readonly Item[] : V;

/** The keys that a form has, and those that it may have. */
type Form<Has extends keyof ParameterKeys, May extends keyof ParameterKeys = never> = {
  readonly [K in Has]: Given<Exclude<ParameterKeys[K], undefined>>;
} & { readonly [K in May | "when"]?: Given<ParameterKeys[K]> };

/** One value in all trials. */
export type Constant = Form<"value">;

/** One of several values, of any kind. */
export type Choice = Form<"values", "probabilities">;

/** A number of an interval. Integers where both ends are integers and none of `scale`, `step`, `roundTo`, `count` is given. */
export type Range = Form<"min" | "max", "scale" | "step" | "roundTo" | "count">;

/** A normal number, or the exponential of one. */
export type Normal = Form<"distribution" | "mu" | "sigma", "step">;

export type Parameter = Constant | Choice | Range | Normal;

/**
 * How a trial ended: `completed` (all seeds), `pruned` by a verdict, `diverged` (counts as the worst value), `failed` by
 * an error, `lost` with its processes, `cancelled`.
 */
export type TrialStatus = "completed" | "pruned" | "diverged" | "failed" | "lost" | "cancelled";

/** A trial, and how it ended. */
export interface Trial {
  readonly trial: number;
  readonly parameters: Assignment;
  readonly status: TrialStatus | "running";
  /** Over its seeds, less is better: the negated value where the metric is maximized. Of completed and pruned trials. */
  readonly value?: number | undefined;
  /** The rung at which a pruned trial was stopped, in steps or epochs as the rule has it. */
  readonly rung?: number | undefined;
}

/** Chooses parameters. Pure: a trial's depend on the sweep's file and the trial's number alone. */
export interface Sampler {
  /** How many trials there can be; Infinity but for a grid. */
  readonly size: number;
  /** @param trial its number, below `size` */
  ask(trial: number): Assignment;
}

/** The answer to a run at a rung. */
export type Verdict = "go" | "stop";

/** A trial is asked: an entry of the journal. */
export interface AskEntry {
  readonly entry: "ask";
  readonly trial: number;
  readonly parameters: Assignment;
  /** Ids of its runs, in the order of the sweep's seeds. */
  readonly runs: readonly string[];
}
