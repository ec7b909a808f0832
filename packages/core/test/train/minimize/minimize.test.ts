import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { DataError, OptionError } from "../../../src/errors.js";
import { adam } from "../../../src/optim/adam.js";
import { gd, sgd } from "../../../src/optim/sgd.js";
import { booth } from "../../../src/problems/booth.js";
import { mlpRegression } from "../../../src/problems/mlp-regression.js";
import { quadratic } from "../../../src/problems/quadratic.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { bestAngle } from "../../../src/teleport/search/best-angle.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { atSteps, every, onPlateau, onPredictedGain } from "../../../src/teleport/when.js";
import { decodeCheckpoint, encodeCheckpoint } from "../../../src/train/checkpoint.js";
import { createMinimizer, minimize } from "../../../src/train/minimize/minimize.js";
import type { MinimizationProgress } from "../../../src/train/minimize/minimize-options.js";
import { expectEveryOptimizer, stateModes } from "./minimize-support.js";

const numbers = ({ data }: NdArray): number[] => Array.from(data as Float64Array);

/** With as many digits as the expected number has. */
const digits = (value: number, count: number): number => Number(value.toPrecision(count));

describe("minimize", () => {
  it("runs at another learning rate as a minimizer of that rate, teleports and checkpoints included", async () => {
    const rates = [1e-3, (step: number) => 2e-3 / (1 + step)];
    const options = {
      optimizer: gd(),
      steps: 30,
      teleport: { when: every(10), search: levelSet<{ readonly w: NdArray }>({ steps: 3 }) },
    };
    let bytes = new Uint8Array();
    const stopped = {
      pauses: [10],
      onLoop(progress: MinimizationProgress<{ readonly w: NdArray }>) {
        bytes = encodeCheckpoint(progress) as typeof bytes;
        return progress.current.step >= 10;
      },
    };
    const shared = await createMinimizer(rosenbrock(), { ...options, learningRate: 5e-4 });
    for (const learningRate of rates) {
      const own = await createMinimizer(rosenbrock(), { ...options, learningRate });
      const [a, b] = [await shared.run({ learningRate }), await own.run()];
      expect(a.loss).toEqual(b.loss);
      expect(a.teleports.length).toBeGreaterThan(0);
      expect(a.teleports.map(({ lossAfter }) => lossAfter)).toEqual(b.teleports.map((t) => t.lossAfter));
      await shared.run({ ...stopped, learningRate });
      const checkpoint = decodeCheckpoint(bytes);
      expect((await own.run({ checkpoint })).loss).toEqual(b.loss);
      await expect(shared.run({ checkpoint })).rejects.toThrow("learningRate");
      await own.dispose();
    }
    for (const learningRate of [-1, null as never]) {
      await expect(shared.run({ learningRate })).rejects.toThrow("the learning rate must be");
    }
    await shared.dispose();
  });

  it("descends Booth's function at rate .08 from (5, -5) to the printed losses", async () => {
    const { loss, gradNormSq, params } = await minimize(booth(), {
      optimizer: gd(),
      learningRate: 0.08,
      steps: 10,
    });
    const printed = [
      144, 64.7424, 38.54536704, 25.815912873983994, 17.948211369895528, 12.612470571026286, 8.88933319977981,
      6.270372465362236, 4.423999026137693, 3.1215009607850766, 2.2025169931315807,
    ];
    printed.forEach((value, t) => {
      expect(loss[t] / value).toBeCloseTo(1, 13);
    });
    expect(loss).toHaveLength(11);
    expect(gradNormSq[4]).toBeCloseTo(75.02955620283186, 11);
    expect(params.w.shape).toEqual([2]);
  });

  it("runs again what it compiled, with the same numbers", async () => {
    const problem = booth();
    const minimizer = await createMinimizer(problem, {
      optimizer: gd(),
      learningRate: 0.08,
      steps: 10,
      teleport: { when: atSteps([4]), search: bestAngle(problem.symmetry()) },
    });
    const first = await minimizer.run();
    const again = await minimizer.run();
    await minimizer.dispose();
    expect(again.loss).toEqual(first.loss);
    expect(again.teleports.map(({ step }) => step)).toEqual([4]);
    expect(again.seconds).toHaveLength(11);
  });

  it("starts where a run says, with the numbers of a problem that starts there", async () => {
    const teleport = { when: atSteps([3]), search: bestAngle(booth().symmetry()) };
    const options = { optimizer: adam(), learningRate: 0.08, steps: 8, teleport } as const;
    const minimizer = await createMinimizer(booth(), options);
    const elsewhere = booth({ start: [1, -2] });
    const fresh = await minimize(elsewhere, options);
    await minimizer.run();
    expect((await minimizer.run({ start: elsewhere.start })).loss).toEqual(fresh.loss);
    expect((await minimize(booth(), { ...options, start: elsewhere.start })).loss).toEqual(fresh.loss);
    const short = { w: { shape: [1], data: new Float64Array(1) } };
    await expect(minimizer.run({ start: short })).rejects.toThrow(
      /start\.w must have the shape \[2\]; got \[1\]/,
    );
    const single = { w: { shape: [2], data: new Float32Array(2) } };
    await expect(minimizer.run({ start: single })).rejects.toThrow(/start\.w must be float64; got float32/);
    await expect(minimizer.run({ start: {} as never })).rejects.toThrow(/a tree like the problem's start: w/);
    const half = await minimizer.run({
      start: elsewhere.start,
      onLoop: ({ current }) => current.step >= 4,
      pauses: [4],
    });
    expect(half.status).toBe("stopped");
    await minimizer.dispose();
  });

  it("jumps on Booth's function at step 4 to where ten steps lead to 9.45e-4", async () => {
    const problem = booth();
    const {
      loss,
      teleports,
      trajectory = [],
    } = await minimize(problem, {
      optimizer: gd(),
      learningRate: 0.08,
      steps: 10,
      teleport: { when: atSteps([4]), search: bestAngle(problem.symmetry()) },
      trajectory: true,
    });
    expect(teleports).toHaveLength(1);
    expect(teleports[0]).toMatchObject({ step: 4, accepted: true });
    expect(digits(teleports[0].gradNormSqAfter, 13)).toBe(646.1356093162);
    expect(digits(loss[10] * 1e4, 7)).toBe(9.450468);
    // The point before step 4 is that after the jump: the loss is kept, the place is not.
    expect(loss[4]).toBeCloseTo(17.948211369895528, 11);
    // Or its antipode, which is as good.
    const jumped = numbers(trajectory[4].w);
    const nearer = jumped[0] < 1 ? jumped : [2 - jumped[0], 6 - jumped[1]];
    expect(nearer.map((v) => Number(v.toFixed(9)))).toEqual([0.001439609, 2.001439609]);
  });

  it("jumps every 100 steps on Rosenbrock's function, as printed", async () => {
    const problem = rosenbrock();
    const run = await minimize(problem, {
      optimizer: gd(),
      learningRate: 1e-3,
      steps: 500,
      teleport: { when: every(100, { from: 99 }), search: bestAngle(problem.symmetry()) },
      trajectory: true,
    });
    expect(run.teleports.map(({ step }) => step)).toEqual([99, 199, 299, 399, 499]);
    expect(run.teleports[0].gradNormSqAfter).toBeCloseTo(2208.31293, 4);
    // The printed point is the best of a grid of angles; see search/closed-forms.test.ts.
    const [x, y] = numbers((run.trajectory ?? [])[99].w);
    expect(Math.hypot(x - 1.4048359479, y - 1.8960588666)).toBeLessThan(2e-6);
    expect(run.loss[500]).toBeLessThan(1e-14);
  });

  it("gives the numbers of one run for a run with teleports that move nothing", async () => {
    const problem = mlpRegression();
    const settings = { optimizer: adam(), learningRate: 1e-3, steps: 40 };
    const plain = await minimize(problem, settings);
    const teleport = {
      when: every(7),
      symmetry: positiveScaling,
      guard: { drift: 0, heldOutDrift: 0, halvings: 0 },
    };
    const refused = await minimize(problem, { ...settings, teleport });
    expect(refused.teleports.length).toBeGreaterThan(4);
    const moved = refused.teleports.some(({ accepted }) => accepted);
    if (!moved) expect(refused.loss).toEqual(plain.loss);
    expect(plain.loss[0]).toBe(refused.loss[0]);
  });

  expectEveryOptimizer(stateModes.slice(0, 1));

  it("leaves Adam's path as it is when its moments are pushed along with a scaling", async () => {
    // Spec, evidence A9: with v pushed forward exactly, scaled parameters move in scaled steps only where the action
    // and the division by sqrt(v) commute: m/sqrt(v) has no scale, so the step taken is the unscaled one.
    const problem = mlpRegression();
    const settings = { optimizer: adam(), learningRate: 1e-4, steps: 8 };
    const symmetry = (p: typeof problem.start) => positiveScaling(p, { activation: "leakyRelu" });
    const pushed = await minimize(problem, {
      ...settings,
      teleport: { when: atSteps([4]), symmetry, state: "push" },
    });
    const kept = await minimize(problem, {
      ...settings,
      teleport: { when: atSteps([4]), symmetry, state: "keep" },
    });
    expect(pushed.loss.slice(0, 5)).toEqual(kept.loss.slice(0, 5));
    expect(pushed.loss[6]).not.toBe(kept.loss[6]);
  });

  it("waits for a plateau, or for a gain worth having", async () => {
    const problem = quadratic();
    const common = { optimizer: gd(), learningRate: 0.01, steps: 400 };
    const search = bestAngle(problem.symmetry());
    const plateau = await minimize(problem, {
      ...common,
      teleport: { when: onPlateau({ patience: 1, threshold: 0.05, cooldown: 1000 }), search },
    });
    expect(plateau.teleports.filter(({ accepted }) => accepted)).toHaveLength(1);
    const gain = await minimize(problem, {
      ...common,
      teleport: { when: onPredictedGain(2, { every: 10 }), search },
    });
    const [first] = gain.teleports;
    expect(first.gradNormSqAfter / first.gradNormSqBefore).toBeGreaterThan(3);
    const never = await minimize(problem, {
      ...common,
      teleport: { when: onPredictedGain(100, { every: 10 }), search },
    });
    expect(never.teleports).toEqual([]);
  });

  it("goes on from a checkpoint to the same bits, wherever it was stopped", async () => {
    const problem = quadratic();
    const settings = {
      optimizer: sgd({ momentum: 0.5 }),
      learningRate: (t: number) => 0.01 / (1 + t / 50),
      steps: 120,
      teleport: {
        when: onPlateau({ patience: 1, threshold: 0.05, cooldown: 15 }),
        search: bestAngle(problem.symmetry()),
      },
      trajectory: true,
    };
    const whole = await minimize(problem, settings);
    expect(whole.teleports.filter(({ accepted }) => accepted).length).toBeGreaterThan(1);
    expect(whole.jumps?.map(({ step }) => step)).toEqual(
      whole.teleports.filter(({ accepted }) => accepted).map(({ step }) => step),
    );
    for (const { step, to } of whole.jumps ?? []) expect(whole.trajectory?.[step]).toEqual(to);
    for (const until of [1, 25, 60]) {
      let bytes = new Uint8Array();
      const part = await minimize(problem, {
        ...settings,
        onLoop(progress) {
          bytes = encodeCheckpoint(progress) as typeof bytes;
          return progress.current.step >= until;
        },
      });
      // The moment depends on the clock; the numbers do not.
      expect(part.status).toBe(part.loss.length > 120 ? "done" : "stopped");
      expect(part.loss).toEqual(whole.loss.slice(0, part.loss.length));
      const rest = await minimize(problem, { ...settings, checkpoint: decodeCheckpoint(bytes) });
      expect([rest.loss, rest.gradNormSq, rest.params]).toEqual([whole.loss, whole.gradNormSq, whole.params]);
      const withoutTimes = (events: typeof rest.teleports) => events.map(({ seconds: _, ...e }) => e);
      expect(withoutTimes(rest.teleports)).toEqual(withoutTimes(whole.teleports));
      const { step } = decodeCheckpoint(bytes).rest;
      expect(rest.trajectory).toEqual(whole.trajectory?.slice(step));
      expect(rest.jumps).toEqual(whole.jumps?.filter((jump) => jump.step >= step));
    }
  });

  it("refuses a checkpoint of another run", async () => {
    let bytes = new Uint8Array();
    const settings = { optimizer: gd(), learningRate: 1e-3, steps: 20 };
    await minimize(mlpRegression(), {
      ...settings,
      onLoop(progress) {
        bytes = encodeCheckpoint(progress) as typeof bytes;
        return true;
      },
    });
    const other = minimize(booth(), { ...settings, checkpoint: decodeCheckpoint(bytes) });
    await expect(other).rejects.toThrow(DataError);
  });

  it("stops where it diverges, and says so", async () => {
    const run = await minimize(booth(), { optimizer: gd(), learningRate: 10, steps: 5000 });
    expect(run.status).toBe("diverged");
    expect(run.loss.length).toBeLessThan(5000);
  });

  it("refuses an optimizer and a schedule that are none", async () => {
    const settings = { optimizer: gd(), learningRate: 0.1, steps: 1 };
    await expect(minimize(booth(), { ...settings, optimizer: "gd" as never })).rejects.toThrow(
      "minimize: optimizer must be one such as sgd() or adam(); got string.",
    );
    const teleport = { search: levelSet() } as never;
    await expect(minimize(booth(), { ...settings, teleport })).rejects.toThrow(
      "teleport: when must be a schedule, such as every(100) or atSteps([5]); got undefined.",
    );
  });

  it("names each option once where one is unknown", async () => {
    const settings = { optimizer: gd(), learningRate: 0.1, steps: 1, rate: 1 };
    const error: Error = await minimize(booth(), settings).catch((e) => e);
    expect(error.message).toMatch(/^minimize has no option "rate"/);
    expect(error.message.match(/learningRate/g)).toHaveLength(1);
  });

  it.each([{ steps: 1.5 }, { steps: -1 }, { learningRate: Number.NaN }, { learningRate: -1 }])(
    "refuses %j",
    async (options) => {
      const settings = { optimizer: gd(), learningRate: 0.1, steps: 1, ...options };
      await expect(minimize(booth(), settings)).rejects.toThrow(OptionError);
    },
  );
});
