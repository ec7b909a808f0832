import {
  constantSchedule,
  cosineSchedule,
  createOptimizer,
  exponentialSchedule,
  type Optimizer,
  OptionError,
  optimizers,
  piecewiseSchedule,
  type Schedule,
  stepSchedule,
  warmUp,
} from "isoloss";
import { z } from "zod";
import {
  count,
  type Entry,
  fromZero,
  makeNamed,
  type Named,
  namedSchema,
  nonNegative,
  positive,
  smoothing,
} from "./named.js";

const weightDecay = nonNegative.optional();
const epsilon = nonNegative.optional();
const sgdOptions = {
  momentum: smoothing.optional(),
  dampening: z.number().min(0).max(1).optional(),
  nesterov: z.boolean().optional(),
  weightDecay,
};
const adamOptions = {
  betas: z.tuple([smoothing, smoothing]).optional(),
  epsilon,
  amsgrad: z.boolean().optional(),
  weightDecay,
};

const described = {
  gd: ["gradient descent, w - eta g", { weightDecay }],
  sgd: ["gradient descent, with momentum, dampening or Nesterov's step where asked for", sgdOptions],
  momentum: ["heavy ball: sgd with a momentum of 0.9", sgdOptions],
  nesterov: ["sgd with Nesterov's momentum of 0.9", sgdOptions],
  adagrad: [
    "steps divided by the root of the sum of all squared gradients",
    { epsilon, rateDecay: nonNegative.optional(), initialSum: nonNegative.optional(), weightDecay },
  ],
  rmsprop: [
    "steps divided by the root of the running mean of squared gradients",
    {
      decay: smoothing.optional(),
      epsilon,
      momentum: smoothing.optional(),
      centered: z.boolean().optional(),
      weightDecay,
    },
  ],
  adam: ["running means of gradients and of their squares, corrected for their start", adamOptions],
  adamw: ["Adam with decoupled weight decay", adamOptions],
} as const satisfies Record<keyof typeof optimizers, readonly [string, z.ZodRawShape]>;

/** Optimisers by name, all those that the library has. */
export const optimiserRegistry: Readonly<Record<string, Entry<undefined, Optimizer>>> = Object.fromEntries(
  Object.keys(optimizers).map((name) => {
    const [summary, shape] = described[name as keyof typeof described];
    return [
      name,
      { summary, options: z.strictObject(shape), make: (options) => createOptimizer(name, options) },
    ] satisfies [string, Entry<undefined, Optimizer>];
  }),
);

export const optimiserSchema = namedSchema("optimiser", optimiserRegistry);

export const makeOptimiser = (named: Named): Optimizer => makeNamed(optimiserRegistry, named, undefined);

const rate = nonNegative;

/** Schedules of the learning rate by name, made for a run of so many steps. `rate` is the first one. */
export const scheduleRegistry: Readonly<Record<string, Entry<number | undefined, Schedule>>> = {
  constant: {
    summary: "the same rate at every step",
    options: z.strictObject({ rate }),
    make: (o) => constantSchedule(o.rate as number),
  },
  step: {
    summary: "rate gamma^floor(t / size)",
    options: z.strictObject({ rate, size: count, gamma: positive.optional() }),
    make: ({ rate: r, ...o }) => stepSchedule(r as number, o as never),
  },
  piecewise: {
    summary: "one rate after another, from given steps on",
    options: z.strictObject({ boundaries: z.array(fromZero), rates: z.array(rate).min(1) }),
    make: (o) => piecewiseSchedule(o as never),
  },
  exponential: {
    summary: "rate gamma^t",
    options: z.strictObject({ rate, gamma: positive }),
    make: ({ rate: r, ...o }) => exponentialSchedule(r as number, o as never),
  },
  cosine: {
    summary: "half a cosine from the rate down to the least one, over the run or so many steps",
    options: z.strictObject({ rate, steps: count.optional(), least: nonNegative.optional() }),
    make: ({ rate: r, steps: own, ...o }, runSteps) => {
      const steps = (own as number | undefined) ?? runSteps;
      if (steps === undefined) throw new OptionError("The schedule cosine needs steps here.");
      return cosineSchedule(r as number, { ...o, steps: Math.max(1, steps) });
    },
  },
};

const warmUpSchema = z.strictObject({ steps: count, start: z.number().min(0).max(1).optional() });

/** Schemas of schedules, with a warm-up where one is asked for. */
const withWarmUp = Object.fromEntries(
  Object.entries(scheduleRegistry).map(([name, { options }]) => [
    name,
    { options: options.extend({ warmUp: warmUpSchema.optional() }) },
  ]),
);

export const learningRateSchema = z
  .union([nonNegative, namedSchema("schedule", withWarmUp)])
  .meta({ title: "learning rate" }) as z.ZodType<number | Named, number | Named>;

/**
 * The learning rate of every step; a number stays one.
 *
 * @param steps of the run, for schedules that do not say their own
 */
export function makeLearningRate(config: number | Named, steps?: number): number | Schedule {
  if (typeof config === "number") return config;
  const { warmUp: ramp, ...named } = config;
  const schedule = makeNamed(scheduleRegistry, named as Named, steps);
  return ramp === undefined ? schedule : warmUp(schedule, ramp as never);
}
