// Delayed start and frequency control: Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, section 4.4 and the authors' program.

import { OptionError } from "../../errors.js";
import { anyOf, integerFrom, number, type OptionsOf, optionTable, record } from "../../options.js";

/** A time in a run: the first step of an epoch, or a step, both counted from 0. */
export type Time = { readonly epoch: number } | { readonly step: number };

export interface ScheduleOptions extends OptionsOf<typeof scheduleOptions> {}

const time = anyOf(record({ epoch: integerFrom(0) }), record({ step: integerFrom(0) }));

export const scheduleOptions = optionTable("cost: schedule", {
  /** When teleports begin; default at the start of the run. */
  start: time.default({ step: 0 }),
  /** When teleports end; default never. */
  end: time.otherwise("never"),
  /** Maximum number of attempts in one epoch; default any number. */
  perEpoch: number({ integer: true, min: 1, infinite: true }).default(Infinity),
  /** Minimum number of steps from one attempt to the next; default 1. */
  every: integerFrom(1).default(1),
  /**
   * Conflicts are looked for in every n-th step of the run; default 1. Looking takes K backward passes more for methods that
   * do without the tasks' gradients.
   */
  lookEvery: integerFrom(1).default(1),
});

/** The memory of a schedule, as plain data. */
export interface ScheduleMemory {
  /** Step and epoch of the last attempt; -1 before the first. */
  readonly step: number;
  readonly epoch: number;
  /** Attempts in that epoch. */
  readonly inEpoch: number;
}

/** The position of a run. */
export interface Place {
  readonly step: number;
  readonly epoch: number;
}

/** When conflicts are looked for. */
export interface Schedule {
  readonly start: ScheduleMemory;
  /** Whether an attempt may be made. */
  isDue(place: Place, memory: ScheduleMemory): boolean;
  /** The memory after an attempt, whatever its outcome: a rejected one costs as much. */
  attempted(place: Place, memory: ScheduleMemory): ScheduleMemory;
}

/**
 * When teleports may be attempted: from `start` to `end`, at most `perEpoch` in an epoch, at least `every`
 * steps apart, in steps that `lookEvery` divides.
 *
 * @throws OptionError for values out of range
 *
 * @example
 * const { isDue, start } = createSchedule({ start: { epoch: 50 }, perEpoch: 1 });
 * isDue({ step: 0, epoch: 0 }, start); // false
 */
export function createSchedule(options: ScheduleOptions = {}): Schedule {
  const { start, end, perEpoch, every, lookEvery } = scheduleOptions.read(options);
  const [from, to]: Partial<Record<"step" | "epoch", number>>[] = [start, end ?? {}];
  for (const unit of ["step", "epoch"] as const) {
    if ((to[unit] ?? Infinity) > (from[unit] ?? -1)) continue;
    throw new OptionError(
      `schedule: the end must come after the start; got ${unit}s ${from[unit]} and ${to[unit]}.`,
    );
  }
  return {
    start: { step: -1, epoch: -1, inEpoch: 0 },
    isDue(place, memory) {
      if (!hasCome(start, place) || (end && hasCome(end, place))) return false;
      if (place.step % lookEvery !== 0) return false;
      if (memory.step >= 0 && place.step - memory.step < every) return false;
      return memory.epoch !== place.epoch || memory.inEpoch < perEpoch;
    },
    attempted: ({ step, epoch }, memory) => ({
      step,
      epoch,
      inEpoch: memory.epoch === epoch ? memory.inEpoch + 1 : 1,
    }),
  };
}

const hasCome = (time: Time, { step, epoch }: Place): boolean =>
  "epoch" in time ? epoch >= time.epoch : step >= time.step;
