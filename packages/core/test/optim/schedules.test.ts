import fc from "fast-check";
import { expectClose, float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  piecewiseSchedule,
  type Schedule,
  stepSchedule,
  warmUp,
} from "../../src/optim/schedules.js";
import { golden } from "./support.js";

/** One row a schedule of the golden file, with the same settings here. */
const rows: [string, Schedule][] = [
  ["step", stepSchedule(0.1, { size: 7, gamma: 0.5 })],
  ["multi-step", piecewiseSchedule({ boundaries: [8, 20], rates: [0.1, 0.01, 0.001] })],
  ["exponential", exponentialSchedule(0.1, { gamma: 0.9 })],
  ["cosine", cosineSchedule(0.1, { steps: 30, least: 0.001 })],
  ["cosine-past-its-end", cosineSchedule(0.1, { steps: 10 })],
  ["linear-warmup", warmUp(constantSchedule(0.1), { steps: 5, start: 0.1 })],
  ["warmup-cosine", warmUp(cosineSchedule(0.1, { steps: 25, least: 0.001 }), { steps: 5, start: 0.1 })],
];

describe("schedules", () => {
  it("have a row for every schedule of the golden file that is a function of the step", () => {
    const names = golden.schedules.filter((s) => s.metrics === undefined).map((s) => s.name);
    expect(rows.map(([name]) => name)).toEqual(names);
  });

  it.each(rows)("equal PyTorch's over 30 steps: %s", (name, schedule) => {
    const { lr } = golden.schedules.find((s) => s.name === name) as (typeof golden.schedules)[number];
    expect(lr).toHaveLength(30);
    expectClose(float64(lr.map((_, t) => schedule(t))), float64(lr), 1e-14);
  });

  it("never change the rate where they are constant", () => {
    fc.assert(fc.property(fc.nat(), (t) => constantSchedule(0.3)(t) === 0.3));
  });

  it("warm up from a third of the rate, as PyTorch does by default, to the schedule that follows", () => {
    const schedule = warmUp(stepSchedule(0.3, { size: 1, gamma: 0.5 }), { steps: 4 });
    // 0.3 (1/3 + 2/3 t/4), then 0.3 / 2^(t - 4)
    const expected = [0.1, 0.15, 0.2, 0.25, 0.3, 0.15];
    expectClose(float64(expected.map((_, t) => schedule(t))), float64(expected), 1e-15);
  });

  it("stay between their end and their start", () => {
    const rate = fc.double({ min: 1e-6, max: 10, noNaN: true });
    const step = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(rate, fc.double({ min: 0, max: 1, noNaN: true }), step, (top, part, t) => {
        const least = top * part;
        const value = warmUp(cosineSchedule(top, { steps: 500, least }), { steps: 100, start: part })(t);
        return value >= least * (1 - 1e-12) && value <= top * (1 + 1e-12);
      }),
    );
  });

  it.each<[string, () => Schedule, RegExp]>([
    [
      "a negative rate",
      () => constantSchedule(-0.1),
      /constantSchedule: the rate must be a finite number >= 0; got -0.1/,
    ],
    ["a rate that is NaN", () => cosineSchedule(Number.NaN, { steps: 1 }), /the rate .* got NaN/],
    ["a step size of zero", () => stepSchedule(0.1, { size: 0 }), /size must be an integer >= 1; got 0/],
    [
      "a negative factor",
      () => stepSchedule(0.1, { size: 1, gamma: -1 }),
      /gamma must be a finite number > 0; got -1/,
    ],
    ["an exponential that vanishes", () => exponentialSchedule(0.1, { gamma: 0 }), /gamma/],
    ["a negative last rate", () => cosineSchedule(0.1, { steps: 5, least: -1 }), /least/],
    [
      "a fraction of steps",
      () => warmUp(constantSchedule(1), { steps: 1.5 }),
      /steps must be an integer >= 1; got 1.5/,
    ],
    [
      "a warm-up from above",
      () => warmUp(constantSchedule(1), { steps: 1, start: 2 }),
      /start must be a number in \[0, 1\]/,
    ],
    [
      "boundaries that fall",
      () => piecewiseSchedule({ boundaries: [5, 3], rates: [1, 2, 3] }),
      /must ascend/,
    ],
    [
      "too few rates",
      () => piecewiseSchedule({ boundaries: [5], rates: [1] }),
      /one more rate than boundaries; got boundaries \[5\] and 1 rates/,
    ],
    [
      "a negative rate in a list",
      () => piecewiseSchedule({ boundaries: [], rates: [-1] }),
      /rates must be a list/,
    ],
    [
      "an unknown option",
      () => stepSchedule(0.1, { size: 1, step_size: 2 } as never),
      /stepSchedule has no option "step_size"; it has size, gamma/,
    ],
  ])("refuse %s", (_, make, message) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});
