import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import {
  atSteps,
  every,
  inEpochs,
  occasionAt,
  onPlateau,
  onPredictedGain,
  type When,
  when,
} from "../../src/teleport/when.js";

interface RunOptions {
  readonly steps: number;
  readonly stepsPerEpoch?: number;
  readonly lossOf?: (step: number) => number;
  readonly gainOf?: (step: number) => number;
  /** Steps after which the run is cut: reports, or a checkpoint whose state goes through JSON. */
  readonly cuts?: readonly number[];
}

/** A run as a trainer would make it: where it teleports, and how often it was interrupted. */
function run<S>(
  schedule: When<S>,
  { steps, stepsPerEpoch = 10, lossOf = () => 1, gainOf, cuts = [] }: RunOptions,
): { teleports: number[]; asked: number } {
  const teleports: number[] = [];
  let [step, asked, state] = [0, 0, schedule.init()];
  let losses: number[] = [];
  while (step < steps) {
    const gain = schedule.needsPredictedGain ? gainOf?.(step) : undefined;
    const answer = schedule.should(occasionAt(step, stepsPerEpoch, losses, gain), state);
    asked++;
    ({ state } = JSON.parse(JSON.stringify(answer)) as { state: S });
    if (answer.teleport) teleports.push(step);
    const next = schedule.nextStep?.({ step, stepsPerEpoch }, state) ?? step + 1;
    expect(next).toBeGreaterThan(step);
    const end = Math.min(next, steps, cuts.find((cut) => cut > step) ?? Infinity);
    losses = [];
    for (; step < end; step++) losses.push(lossOf(step));
  }
  return { teleports, asked };
}

const teleportsOf = <S>(schedule: When<S>, options: RunOptions): number[] => run(schedule, options).teleports;

/** Falls, stays, falls, stays. */
const stairs = (step: number): number => [10, 9, 8, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 3, 3, 3, 3][step];

const numberedRows: [string, When, RunOptions, number[]][] = [
  ["atSteps", atSteps([7, 0, 3]), { steps: 20 }, [0, 3, 7]],
  ["every k from k on", every(5), { steps: 20 }, [5, 10, 15]],
  ["t % 10 === 9", every(10, { from: 9 }), { steps: 40 }, [9, 19, 29, 39]],
  ["every with until and max", every(3, { from: 1, until: 11 }), { steps: 30 }, [1, 4, 7, 10]],
  ["every with max", every(3, { from: 1, max: 2 }), { steps: 30 }, [1, 4]],
  ["every with max 0", every(3, { max: 0 }), { steps: 30 }, []],
  ["inEpochs", inEpochs([1, 3], { batches: 2 }), { steps: 60 }, [10, 11, 30, 31]],
  ["inEpochs, one batch", inEpochs([0]), { steps: 60 }, [0]],
  [
    "inEpochs with more batches than there are",
    inEpochs([1], { batches: 9 }),
    { steps: 30, stepsPerEpoch: 4 },
    [4, 5, 6, 7],
  ],
  // Step 3 is the best; steps 4, 5, 6 are no better: with patience 2 the third is one too many.
  ["onPlateau", onPlateau({ patience: 2, threshold: 0 }), { steps: 20, lossOf: stairs }, [7, 10, 16, 19]],
  [
    "onPlateau with cooldown",
    onPlateau({ patience: 2, threshold: 0, cooldown: 4 }),
    { steps: 20, lossOf: stairs },
    [7, 16],
  ],
  [
    "onPredictedGain",
    onPredictedGain(0.5, { every: 2 }),
    { steps: 12, gainOf: (step) => step / 10 },
    [6, 8, 10],
  ],
  ["a function", when(({ step }) => step === 7 || step === 8), { steps: 20 }, [7, 8]],
  ["a function asked now and then", when(() => true, { every: 6 }), { steps: 20 }, [0, 6, 12, 18]],
  [
    "a function of losses and epochs",
    when(({ losses, epoch, batchInEpoch }) => epoch === 1 && batchInEpoch > 3 && losses[0] === 3),
    { steps: 20, lossOf: stairs },
    [14, 15, 16, 17, 18, 19],
  ],
];

describe("a schedule", () => {
  it.each(numberedRows)("teleports at its steps: %s", (_, schedule, options, expected) => {
    expect(teleportsOf(schedule, options)).toEqual(expected);
  });

  it.each(numberedRows)(
    "teleports at the same steps however the run is cut: %s",
    (_, schedule, options, expected) => {
      for (const cuts of [
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        [5, 11, 13],
        Array.from({ length: 60 }, (_, i) => i),
      ]) {
        expect(teleportsOf(schedule, { ...options, cuts })).toEqual(expected);
      }
    },
  );

  it.each(numberedRows)(
    "leaves its argument alone, and answers the same again: %s",
    (_, schedule, options) => {
      const state = schedule.init();
      const now = occasionAt(10, 10, [3, 4, 5, 6], options.gainOf?.(10));
      const before = JSON.stringify(state);
      const answer = schedule.should(now, state);
      expect(schedule.should(now, state)).toEqual(answer);
      expect(JSON.stringify(state)).toBe(before);
      expect(JSON.parse(JSON.stringify(answer))).toEqual(answer);
      expect(schedule.name).not.toBe("");
    },
  );

  it("lets the steps between run without a break", () => {
    expect(run(atSteps([500]), { steps: 1000 }).asked).toBe(2);
    expect(run(every(100), { steps: 1000 }).asked).toBe(10);
    expect(run(inEpochs([3], { batches: 4 }), { steps: 1000 }).asked).toBe(5);
    expect(run(onPlateau({ patience: 99 }), { steps: 1000, lossOf: (step) => -step }).asked).toBeLessThan(12);
    expect(
      run(
        when(() => false),
        { steps: 50 },
      ).asked,
    ).toBe(50);
  });

  it("need not say when it is next", () => {
    const counter: When<number> = {
      name: "every third question",
      init: () => 0,
      should: (_, count) => ({ teleport: count % 3 === 2, state: count + 1 }),
    };
    expect(teleportsOf(counter, { steps: 9 })).toEqual([2, 5, 8]);
  });
});

describe("occasionAt", () => {
  it("counts epochs and batches from 0", () => {
    expect(occasionAt(23, 10, [1])).toEqual({
      step: 23,
      stepsPerEpoch: 10,
      epoch: 2,
      batchInEpoch: 3,
      losses: [1],
    });
  });
});

describe("onPlateau", () => {
  it("counts an improvement only above the threshold, also of negative losses", () => {
    const slow = (start: number) => (step: number) => start - 0.001 * step * Math.abs(start);
    const options = { patience: 3, threshold: 0.0025 };
    expect(teleportsOf(onPlateau(options), { steps: 20, lossOf: slow(1) })).toEqual([]);
    expect(teleportsOf(onPlateau(options), { steps: 20, lossOf: slow(-1) })).toEqual([]);
    expect(teleportsOf(onPlateau({ ...options, patience: 1 }), { steps: 8, lossOf: slow(-1) })).toEqual([
      3, 6,
    ]);
  });

  it("takes a loss that is not finite for no improvement, even as the first", () => {
    const lossOf = (step: number) => [Number.NaN, Infinity, 5, 4, -Infinity, 4][step];
    expect(teleportsOf(onPlateau({ patience: 1 }), { steps: 7, lossOf })).toEqual([2, 6]);
  });
});

describe("refusals", () => {
  it.each<[string, () => unknown, RegExp]>([
    ["steps below 0", () => atSteps([-1]), /steps must be a list of integers >= 0; got \[-1\]/],
    ["a step for a list", () => atSteps(5 as never), /steps must be a list/],
    ["BigInt", () => atSteps([1n] as never), /steps must be a list .*; got \[1n\]/],
    ["k = 0", () => every(0), /k must be an integer >= 1; got 0/],
    ["an unknown option", () => every(1, { till: 3 } as never), /no option "till"; it has from, until, max/],
    ["epochs that are no integers", () => inEpochs([0.5]), /epochs must be a list of integers/],
    ["no batches", () => inEpochs([0], { batches: 0 }), /batches must be an integer >= 1; got 0/],
    ["a negative patience", () => onPlateau({ patience: -1 }), /patience must be an integer >= 0/],
    ["a threshold that is no number", () => onPredictedGain(Number.NaN), /threshold must be .*; got NaN/],
    ["half steps", () => when(() => true, { every: 0.5 }), /every must be an integer >= 1/],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });

  it("an onPredictedGain that is asked without one", () => {
    expect(() => teleportsOf(onPredictedGain(1, { every: 2 }), { steps: 5 })).toThrow(
      /at step 2 there is no/,
    );
  });
});
