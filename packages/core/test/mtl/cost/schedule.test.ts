import { describe, expect, it } from "vitest";
import { OptionError } from "../../../src/errors.js";
import { createSchedule, type ScheduleOptions } from "../../../src/mtl/cost/schedule.js";

/** Steps of 4 epochs of 5 at which attempts are made when every step calls for one. */
function attempts(options: ScheduleOptions): number[] {
  const schedule = createSchedule(options);
  let memory = schedule.start;
  const steps: number[] = [];
  for (let step = 0; step < 20; step++) {
    const place = { step, epoch: Math.floor(step / 5) };
    if (!schedule.isDue(place, memory)) continue;
    // What a checkpoint makes of it.
    memory = JSON.parse(JSON.stringify(schedule.attempted(place, memory)));
    steps.push(step);
  }
  return steps;
}

describe("the schedule of teleports", () => {
  it.each<[ScheduleOptions, number[]]>([
    [{ start: { epoch: 2 }, perEpoch: 1 }, [10, 15]],
    [{ start: { step: 8 }, perEpoch: 2 }, [8, 9, 10, 11, 15, 16]],
    [{ every: 6 }, [0, 6, 12, 18]],
    [{ every: 3, perEpoch: 1 }, [0, 5, 10, 15]],
    [{ start: { epoch: 1 }, end: { epoch: 3 }, every: 4 }, [5, 9, 13]],
    [{ start: { step: 3 }, end: { step: 6 } }, [3, 4, 5]],
    [{ start: { step: 3 }, lookEvery: 4, perEpoch: 1 }, [4, 8, 12, 16]],
  ])("keeps to %o", (options, steps) => {
    expect(attempts(options)).toEqual(steps);
  });

  it("is always open without options", () => {
    expect(attempts({})).toHaveLength(20);
  });

  it("rejects times that are none", () => {
    expect(() => createSchedule({ start: { epoch: -1 } })).toThrow(OptionError);
    expect(() => createSchedule({ start: { epoch: 1, step: 2 } as never })).toThrow(
      "start must be { epoch: an integer >= 0 }",
    );
    expect(() => createSchedule({ perEpoch: 0 })).toThrow("perEpoch must be an integer >= 1");
    expect(() => createSchedule({ start: { step: 5 }, end: { step: 5 } })).toThrow("after the start");
    expect(() => createSchedule({ start: { epoch: 5 }, end: { epoch: 3 } })).toThrow("got epochs 5 and 3");
  });
});
