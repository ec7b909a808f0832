// A function, its symmetry, and teleports along its level sets: Rosenbrock's function, from 404 to rounding error in 500 steps.
import { atSteps, bestAngle, every, gd, minimize } from "isoloss";
import { rosenbrock } from "isoloss/problems";
import { gradientAscent } from "isoloss/teleport";

const problem = rosenbrock();
const common = { optimizer: gd(), learningRate: 1e-3, steps: 500 };
const runs = {
  plain: undefined,
  "best angle every 100": { when: every(100, { from: 99 }), search: bestAngle(problem.symmetry()) },
  "ascent at step 99": { when: atSteps([99]), search: gradientAscent(problem.symmetry(), { steps: 20 }) },
};
for (const [name, teleport] of Object.entries(runs)) {
  const run = await minimize(problem, teleport ? { ...common, teleport } : common);
  console.log(`${name}: loss ${run.loss.at(-1).toPrecision(3)} after ${common.steps} steps`);
  for (const { step, drift, gradNormSqBefore, gradNormSqAfter } of run.teleports.slice(0, 1)) {
    const gain = gradNormSqAfter / gradNormSqBefore;
    console.log(
      `  step ${step}: ||grad L||^2 times ${gain.toPrecision(3)}, drift ${drift < 1e-9 ? "below 1e-9" : drift}`,
    );
  }
}
