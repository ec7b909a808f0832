import type { Optimizer, Schedule } from "isoloss";
import {
  type DirectionRule,
  lineSearches,
  optimizers,
  schedules,
  type WarmUpOptions,
  warmUp,
  warmUpOptions,
} from "isoloss/optim";
import { z } from "zod";
import { fromOptions, makeNamed, type Named, namedSchema, type Registry } from "./named.js";
import { schemaOf } from "./schema-of.js";

/** Optimizers by name, all those that the library has. */
export const optimizerRegistry = fromOptions<Optimizer>(optimizers);

export const optimizerSchema = namedSchema("optimizer", optimizerRegistry);

export const makeOptimizer = (named: Named): Optimizer => makeNamed(optimizerRegistry, named, undefined);

const ramp = {
  warmUp: {
    schema: schemaOf({ options: warmUpOptions }),
    fields: warmUpOptions,
    range: "an object of options",
    otherwise: "none",
    summary: "A linear rise to the first rate before the schedule begins.",
  },
};

/** Schedules of the learning rate by name, made for a run of so many steps. `rate` is the first one. */
export const scheduleRegistry: Registry<number | undefined, Schedule> = Object.fromEntries(
  Object.entries(schedules).map(([name, { make, ...row }]) => [
    name,
    { ...row, own: ramp, make: make as (options: unknown, steps: number | undefined) => Schedule },
  ]),
);

export const learningRateSchema = z
  .union([z.number().min(0), namedSchema("schedule", scheduleRegistry)])
  .meta({ title: "learning rate" }) as z.ZodType<number | Named, number | Named>;

/**
 * The learning rate of every step; a number stays one.
 *
 * @param steps of the run, for schedules that do not say their own
 */
export function makeLearningRate(config: number | Named, steps?: number): number | Schedule {
  if (typeof config === "number") return config;
  const { warmUp: rise, ...named } = config;
  const schedule = makeNamed(scheduleRegistry, named as Named, steps);
  return rise === undefined ? schedule : warmUp(schedule, rise as WarmUpOptions);
}

/** Optimizers of full-batch runs that search along lines; their learning rate is the step length tried first. */
export const lineSearchRegistry = fromOptions<DirectionRule>(lineSearches);

/** Optimizers of full-batch runs. */
export const descentSchema = namedSchema("optimizer", { ...optimizerRegistry, ...lineSearchRegistry });

/** The directions of a choice; undefined where it is an optimizer with a learning rate. */
export const makeDirections = (named: Named): DirectionRule | undefined =>
  named.name in lineSearchRegistry ? makeNamed(lineSearchRegistry, named, undefined) : undefined;
