import { describe, expect, it } from "vitest";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam } from "../../../src/optim/adam.js";
import type { Optimizer } from "../../../src/optim/optimizer.js";
import { gd, sgd } from "../../../src/optim/sgd.js";
import { booth } from "../../../src/problems/booth.js";
import { mlpRegression } from "../../../src/problems/mlp-regression.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import { hiddenAction } from "../../../src/symmetry/hidden/hidden-action.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { gradientAscent } from "../../../src/teleport/search/ascent/gradient-ascent.js";
import { bestAngle } from "../../../src/teleport/search/best-angle.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { quadraticOptimum } from "../../../src/teleport/search/quadratic-optimum.js";
import { atSteps, every, type When } from "../../../src/teleport/when.js";
import { createMinimizer, minimize } from "../../../src/train/minimize/minimize.js";
import type { Minimization } from "../../../src/train/minimize/minimize-options.js";

const optimizers: Readonly<Record<string, Optimizer>> = {
  "gradient descent": gd(),
  "heavy ball": sgd({ momentum: 0.9 }),
  AdaGrad: adagrad(),
  Adam: adam(),
};
/** The same schedule, but one that is asked when its step has come: the host then teleports. */
const asked = (when: When): When => ({ ...when, isPlanned: false });
const untimed = ({ teleports }: Minimization<unknown>) =>
  teleports.map(({ seconds: _, sharedClock: __, ...event }) => event);

const regression = mlpRegression();
const leaky = { activation: "leakyRelu" } as const;
const hessian = { shape: [2, 2], data: Float64Array.of(10, 8, 8, 10) };

describe("teleports in the loop of steps", () => {
  it.each(Object.keys(optimizers))("decide as those on the host: %s", async (name) => {
    const optimizer = optimizers[name];
    const runs = [
      {
        problem: rosenbrock(),
        teleport: { search: bestAngle(rosenbrock().symmetry()), when: every(40, { from: 9 }) },
        learningRate: 1e-3,
      },
      {
        problem: booth(),
        teleport: { search: quadraticOptimum(hessian, { center: [1, 3] }), when: atSteps([0, 4, 5, 60]) },
        learningRate: 0.02,
      },
    ];
    for (const { problem, teleport, learningRate } of runs) {
      const settings = { optimizer, learningRate, steps: 100, trajectory: true };
      const inLoop = await minimize(problem, { ...settings, teleport });
      const onHost = await minimize(problem, {
        ...settings,
        teleport: { ...teleport, when: asked(teleport.when) },
      });
      expect(inLoop.teleports.every(({ sharedClock }) => sharedClock)).toBe(true);
      expect(onHost.teleports.some(({ sharedClock }) => sharedClock)).toBe(false);
      expect(untimed(inLoop)).toEqual(untimed(onHost));
      expect(inLoop.loss).toEqual(onHost.loss);
      expect(inLoop.trajectory).toEqual(onHost.trajectory);
      expect(inLoop.jumps).toEqual(onHost.jumps);
      expect(inLoop.params).toEqual(onHost.params);
    }
  });

  const searches = {
    "level set": levelSet<typeof regression.start>({ steps: 4 }),
    "eq. 8": gradientAscent(hiddenAction(regression.start, leaky), { steps: 4, stepSize: 0.02 }),
    scaling: gradientAscent(positiveScaling(regression.start, leaky), { steps: 4, bound: 0.3 }),
    "scaling by steps too long": gradientAscent(positiveScaling(regression.start, leaky), {
      steps: 4,
      stepSize: 3,
      bound: 6,
    }),
  };
  it.each(Object.keys(searches))("take the same walks: %s", async (name) => {
    const search = searches[name as keyof typeof searches];
    for (const optimizer of Object.values(optimizers)) {
      const settings = { optimizer, learningRate: 1e-5, steps: 12 };
      const teleport = { search, when: atSteps([0, 3, 9]) };
      const inLoop = await minimize(regression, { ...settings, teleport });
      const onHost = await minimize(regression, {
        ...settings,
        teleport: { ...teleport, when: asked(teleport.when) },
      });
      expect(inLoop.teleports.map(({ sharedClock }) => sharedClock)).toEqual([true, true, true]);
      expect(untimed(inLoop)).toEqual(untimed(onHost));
      expect(inLoop.loss).toEqual(onHost.loss);
      expect(inLoop.params).toEqual(onHost.params);
    }
  });
});
