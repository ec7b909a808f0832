import { OptionError } from "../errors.js";
import { integerFrom, nonNegative, type OptionsOf, optionTable } from "../options.js";
import type { Choice } from "../registry.js";
import {
  type CosineScheduleOptions,
  constantSchedule,
  cosineSchedule,
  cosineScheduleOptions,
  type ExponentialScheduleOptions,
  exponentialSchedule,
  exponentialScheduleOptions,
  type PiecewiseScheduleOptions,
  piecewiseSchedule,
  piecewiseScheduleOptions,
  type Schedule,
  type StepScheduleOptions,
  stepSchedule,
  stepScheduleOptions,
} from "./schedules.js";

export interface RateOption extends OptionsOf<typeof rateOption> {}

const rateOption = optionTable("schedule: constant", {
  /** The first rate. */
  rate: nonNegative.required(),
});

const cosineChoice = optionTable("schedule: cosine", {
  ...rateOption.rows,
  ...cosineScheduleOptions.rows,
  /** Number of steps from the initial rate to the least one. */
  steps: integerFrom(1).otherwise("those of the run"),
});

/** Every learning rate schedule by name; `make` also takes the number of steps of the run, if known. */
export const schedules = {
  constant: {
    summary: "the same rate at every step",
    options: rateOption,
    make: (o: RateOption) => constantSchedule(o.rate),
  },
  step: {
    summary: "rate gamma^floor(t / size)",
    options: optionTable("schedule: step", {
      ...rateOption.rows,
      ...stepScheduleOptions.rows,
    }),
    make: ({ rate: r, ...o }: RateOption & StepScheduleOptions) => stepSchedule(r, o),
  },
  piecewise: {
    summary: "constant rates that change at given steps",
    options: piecewiseScheduleOptions,
    make: (o: PiecewiseScheduleOptions) => piecewiseSchedule(o),
  },
  exponential: {
    summary: "rate gamma^t",
    options: optionTable("schedule: exponential", {
      ...rateOption.rows,
      ...exponentialScheduleOptions.rows,
    }),
    make: ({ rate: r, ...o }: RateOption & ExponentialScheduleOptions) => exponentialSchedule(r, o),
  },
  cosine: {
    summary: "half a cosine from the rate down to the least one, over the run or a number of steps",
    options: cosineChoice,
    make: ({ rate: r, ...o }: RateOption & Partial<CosineScheduleOptions>, runSteps?: number) => {
      const steps = o.steps ?? runSteps;
      if (steps === undefined) throw new OptionError("The schedule cosine needs steps here.");
      return cosineSchedule(r, { ...o, steps: Math.max(1, steps) });
    },
  },
} satisfies Record<string, Choice<(options: never, runSteps?: number) => Schedule>>;
