import { sampledRows } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { adam } from "../../../src/optim/adam.js";
import { optimizers } from "../../../src/optim/registry.js";
import { rmsprop } from "../../../src/optim/rmsprop.js";
import { mlpRegression } from "../../../src/problems/mlp-regression.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { atSteps } from "../../../src/teleport/when.js";
import { minimize } from "../../../src/train/minimize/minimize.js";

export const stateModes = ["keep", "reset", "push", "reuse"] as const;

export function expectEveryOptimizer(rows: readonly (typeof stateModes)[number][]): void {
  it.each(rows)("takes every optimizer across a teleport: %s", async (state) => {
    const problem = mlpRegression();
    const others = [adam({ amsgrad: true }), rmsprop({ centered: true, momentum: 0.9 })];
    for (const optimizer of sampledRows([
      ...Object.values(optimizers).map(({ make }) => make()),
      ...others,
    ])) {
      const run = await minimize(problem, {
        optimizer,
        learningRate: 1e-5,
        steps: 12,
        teleport: {
          when: atSteps([5]),
          symmetry: (p) => positiveScaling(p, { activation: "leakyRelu" }),
          state,
        },
      });
      expect(run.teleports[0]).toMatchObject({ accepted: true });
      expect(run.teleports[0].note).toBeUndefined();
      expect(run.status).toBe("done");
      expect(run.loss[12]).toBeLessThan(run.loss[0]);
    }
  });
}
