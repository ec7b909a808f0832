import { resultName } from "isoloss/metrics";
import { z } from "zod";
import { count, positive } from "../experiments/catalogue/named.js";
import { identifier, seedsOf, seedsSchema } from "../experiments/definition/schema.js";
import { parameterSchema } from "./parameter-schema.js";
import { anyValue } from "./types.js";

const seeds = seedsSchema.transform((given, context): readonly number[] => {
  const list = seedsOf(given);
  if ("wrong" in list) {
    context.addIssue({ code: "custom", message: list.wrong });
    return z.NEVER;
  }
  const twice = list.find((seed, i) => list.indexOf(seed) < i);
  if (twice !== undefined) context.addIssue({ code: "custom", message: `has the seed ${twice} twice.` });
  return list;
});

/** Values by paths as in `--set`. */
const assignment = z.record(z.string(), anyValue);

/** The goal that a metric's name tells: where it tells none, less is better. */
export const goalOf = (name: string): "minimize" | "maximize" =>
  resultName(name).better === "max" ? "maximize" : "minimize";

const metricFields = z
  .strictObject({
    /** loss, or a number of a run's document: loss.last, validation.loss, steps. */
    name: z.string().min(1),
    /** Default what the name tells: an accuracy is maximized, all else minimized. */
    goal: z.enum(["minimize", "maximize"]).meta({ title: "goal" }).optional(),
    /** Over the seeds; `worst`: by the goal. */
    aggregate: z.enum(["mean", "median", "geometric", "worst"]).meta({ title: "aggregate" }).default("mean"),
    /** No new trials once one has reached it. */
    target: z.number().optional(),
  })
  .meta({ examples: [{ name: "validation.loss" }] });

const metric = metricFields.transform((given) => ({ ...given, goal: given.goal ?? goalOf(given.name) }));

const unit = z.enum(["steps", "epochs"]).meta({ title: "unit" }).default("steps");
/** Runs at a rung that are not stopped whatever they have reached. */
const startup = z.int().min(0);

const prune = z
  .discriminatedUnion("rule", [
    // Stops runs that are not among the first n / factor of their rung. Rungs: from, from factor, from factor^2, ...
    z.strictObject({
      rule: z.literal("asha"),
      from: positive,
      factor: z.number().gt(1).default(3),
      startup: startup.optional(),
      unit,
      /** No rung at or above it; default all below the run's length. */
      below: positive.optional(),
    }),
    // Stops runs whose best value is worse than the median at their rung. Rungs: from, from + every, ...
    z.strictObject({
      rule: z.literal("median"),
      from: positive,
      every: positive.optional(),
      startup: startup.default(5),
      unit,
    }),
    // Stops runs whose value is above a bound at the rung `from`; below it where the metric is maximized.
    z.strictObject({ rule: z.literal("bound"), from: positive, above: z.number(), unit }),
  ])
  .meta({ title: "rule" })
  .transform((rule) => {
    if (rule.rule === "asha") return { ...rule, startup: rule.startup ?? Math.ceil(rule.factor) };
    return rule.rule === "median" ? { ...rule, every: rule.every ?? rule.from } : rule;
  });

const budget = z.strictObject({
  /** Trials asked; default, for a grid alone, all its points. */
  trials: count.optional(),
  /** No run starts after so many seconds. */
  seconds: positive.optional(),
  /** Whether runs under way stop then, too. */
  hard: z.boolean().default(false),
  /** No run starts after so many steps in all. */
  steps: count.optional(),
});

const confirm = z.strictObject({
  /** Others than those of the search; the number is fixed beforehand. */
  seeds: seeds.prefault("1000..1009"),
  /** How many of the best trials. */
  best: count.default(2),
  /** A parameter: the best trial of each of its values instead, beside the baseline's value of it with its own best trial. */
  each: z.string().min(1).optional(),
  /** Of the experiment; default its own settings. */
  baseline: assignment.default({}),
  /** Values of `each` that do without what is judged, such as a random move: who does no better than these does not help. */
  controls: z.array(anyValue).optional(),
  /** A time that is compared on these seeds, to be minimized; default the sweep's metric. */
  metric: z.string().min(1).optional(),
  /** Seeds are added until half of each interval is at most `precision`; default all seeds. */
  until: z.strictObject({ precision: positive, from: z.int().min(2).default(8) }).nullish(),
});

/** A sweep as in a YAML file, key by key. */
export const sweepSchema = z.strictObject({
  /** Default the file's name. */
  name: identifier.default("sweep"),
  /** A file, relative to the sweep's, or the name of an experiment that comes with isoloss. */
  experiment: z.string().min(1),
  /** Default its first. */
  variant: identifier.optional(),
  /** For all trials. */
  set: assignment.default({}),
  method: z.enum(["grid", "random", "sobol"]).meta({ title: "method" }),
  /** Of a grid's points: by the seed, or as the file has them, the last parameter fastest. */
  order: z.enum(["shuffled", "file"]).meta({ title: "order" }).default("shuffled"),
  /** Of the sampler. */
  seed: z.int().min(0).default(0),
  metric,
  /** A trial's value is the mean over them. */
  seeds: seeds.prefault([0]),
  parameters: z.record(z.string(), parameterSchema),
  /** null: off. */
  prune: prune
    .nullish()
    .transform((rule) => rule ?? undefined)
    .optional(),
  budget: budget.prefault({}),
  /** The first so many trials fail: it is the file, not bad luck. */
  stopAfter: z.strictObject({ failures: count.default(3) }).prefault({}),
  /** Seconds of one run. */
  timeout: positive.optional(),
  /** Of one run, as measured: for --check, which tells the hours. */
  runSeconds: positive.optional(),
  confirm: z.union([z.literal(false), confirm]).prefault({}),
});

/**
 * A sweep, read and checked: ranges of seeds are lists, and defaults are filled in. It is a
 * sweep's file itself: written as YAML and read again, it is the same.
 */
export type SweepFile = Readonly<z.output<typeof sweepSchema>>;

export type Metric = SweepFile["metric"];

export type Prune = NonNullable<SweepFile["prune"]>;

/** The best trials and a baseline, again on seeds that chose nothing. */
export type ConfirmPlan = Exclude<SweepFile["confirm"], false>;
