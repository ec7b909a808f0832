// Delayed start and frequency control: Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, section 4.4 and the authors' program.

import { OptionError } from "../../errors.js";
import { anyOf, integerFrom, number, record } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";

/** A time of a run: the first step of an epoch, or a step, both counted from 0. */
export type Time = { readonly epoch: number } | { readonly step: number };

export interface ScheduleOptions {
  /** When teleports begin; default with the run. */
  readonly start?: Time | undefined;
  /** From when on there are none; default never. */
  readonly end?: Time | undefined;
  /** Most attempts in one epoch; default any number. */
  readonly perEpoch?: number | undefined;
  /** Least number of steps from one attempt to the next; default 1. */
  readonly every?: number | undefined;
}

const time = anyOf(record({ epoch: integerFrom(0) }), record({ step: integerFrom(0) }));

export const scheduleOptions = optionTable("cost: schedule", {
  start: time.default({ step: 0 }),
  end: time.otherwise("never"),
  perEpoch: number({ integer: true, min: 1, infinite: true }).default(Infinity),
  every: integerFrom(1).default(1),
} satisfies OptionRows<ScheduleOptions>);

/** What a schedule has seen, as plain data. */
export interface ScheduleMemory {
  /** Step of the last attempt, -1 before the first, and its epoch. */
  readonly step: number;
  readonly epoch: number;
  /** Attempts in that epoch. */
  readonly inEpoch: number;
}

/** Where a run is. */
export interface Place {
  readonly step: number;
  readonly epoch: number;
}

/** When a conflict is looked for at all. */
export interface Schedule {
  readonly start: ScheduleMemory;
  /** Whether an attempt may be made. */
  isDue(place: Place, memory: ScheduleMemory): boolean;
  /** The memory after an attempt, whatever came of it: a refused one costs as much. */
  attempted(place: Place, memory: ScheduleMemory): ScheduleMemory;
}

/**
 * When teleports may be tried: from a start to an end, at most so many in an epoch, so many steps apart.
 *
 * @throws OptionError for values out of range
 *
 * @example
 * const { isDue, start } = createSchedule({ start: { epoch: 50 }, perEpoch: 1 });
 * isDue({ step: 0, epoch: 0 }, start); // false
 */
export function createSchedule(options: ScheduleOptions = {}): Schedule {
  const { start, end, perEpoch, every } = scheduleOptions.read(options);
  if (end && "step" in start && "step" in end && end.step <= start.step) {
    throw new OptionError(
      `schedule: the end must come after the start; got steps ${start.step} and ${end.step}.`,
    );
  }
  return {
    start: { step: -1, epoch: -1, inEpoch: 0 },
    isDue(place, memory) {
      if (!hasCome(start, place) || (end && hasCome(end, place))) return false;
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
