import { float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam } from "../../../src/optim/adam.js";
import { lion } from "../../../src/optim/lion.js";
import { rmsprop } from "../../../src/optim/rmsprop.js";
import { sgd } from "../../../src/optim/sgd.js";
import { decrease } from "../../../src/teleport/objective/decrease.js";
import { bowl, expectGradient, measured, net, netBatch, netLoss } from "./support.js";

const w = float64([3, 0.5]);

describe("decrease", () => {
  // diag(1, 10), w = (3, .5), eta .1: w1 = (2.7, 0), L 5.75 -> 3.645; w2 = (2.43, 0), L 2.95245.
  it("is L(w) - L(w - eta g) of gradient descent by default", () => {
    expect(measured(decrease({ learningRate: 0.1 }), bowl(1, 10), w).value).toBeCloseTo(5.75 - 3.645, 14);
    const two = decrease({ learningRate: 0.1, steps: 2 });
    expect(measured(two, bowl(1, 10), w).value).toBeCloseTo(5.75 - 2.95245, 14);
  });

  // L(w) - L(w - eta g) = eta ||g||^2 - eta^2/2 g'Hg, here 34 eta - 129.5 eta^2.
  it("turns negative where the learning rate is too large for the curvature", () => {
    expect(measured(decrease({ learningRate: 0.3 }), bowl(1, 10), w).value).toBeCloseTo(10.2 - 11.655, 13);
  });

  it("takes the learning rate that the teleport is given before the option", () => {
    const memory = { learningRate: float64([0.1], []) };
    expect(measured(decrease({ learningRate: 0.3 }), bowl(1, 10), w, { memory }).value).toBeCloseTo(
      2.105,
      14,
    );
    expect(measured(decrease(), bowl(1, 10), w, { memory }).value).toBeCloseTo(2.105, 14);
  });

  it("starts from a fresh state where there is none: Adam's first step is eta in every element", () => {
    // Up to epsilon 1e-8: w1 = (2.9, .4).
    const objective = decrease({ optimizer: adam({ epsilon: 0 }), learningRate: 0.1 });
    expect(measured(objective, bowl(1, 10), w).value).toBeCloseTo(
      5.75 - 0.5 * (2.9 ** 2 + 10 * 0.4 ** 2),
      12,
    );
  });

  it("goes on from the current state: a step of Adam by hand", () => {
    const [m, v, t] = [[0.2, -1], [4, 9], 6];
    const memory = {
      optimizer: { step: float64([t], []), m: float64(m), v: float64(v) },
      learningRate: float64([0.05], []),
    };
    const g = [3, 5];
    const next = [3, 0.5].map((x, i) => {
      const mean = (0.9 * m[i] + 0.1 * g[i]) / (1 - 0.9 ** 7);
      const square = (0.999 * v[i] + 0.001 * g[i] ** 2) / (1 - 0.999 ** 7);
      return x - (0.05 * mean) / (Math.sqrt(square) + 1e-8);
    });
    const expected = 5.75 - 0.5 * (next[0] ** 2 + 10 * next[1] ** 2);
    const objective = decrease({ optimizer: adam() });
    expect(measured(objective, bowl(1, 10), w, { memory }).value).toBeCloseTo(expected, 13);
    expectGradient(objective, bowl(1, 10), w, { memory });
  });

  it("goes on from a velocity", () => {
    const memory = { optimizer: { velocity: float64([1, 1]) } };
    const objective = decrease({ optimizer: sgd({ momentum: 0.5 }), learningRate: 0.1, steps: 2 });
    // v = (3.5, 5.5), w = (2.65, -.05); v = (4.4, 2.25), w = (2.21, -.275)
    const expected = 5.75 - 0.5 * (2.21 ** 2 + 10 * 0.275 ** 2);
    expect(measured(objective, bowl(1, 10), w, { memory }).value).toBeCloseTo(expected, 13);
  });

  it.each([
    ["gradient descent, 3 steps", decrease({ learningRate: 0.02, steps: 3 })],
    ["momentum", decrease({ learningRate: 0.02, steps: 3, optimizer: sgd({ momentum: 0.9 }) })],
    ["Adam", decrease({ learningRate: 0.02, steps: 2, optimizer: adam() })],
    ["AdaGrad", decrease({ learningRate: 0.02, optimizer: adagrad() })],
    ["RMSprop", decrease({ learningRate: 0.02, optimizer: rmsprop() })],
  ])("has the gradient of difference quotients: %s", (_, objective) => {
    expectGradient(objective, netLoss, net, { batch: netBatch, tolerance: 1e-5 });
  });

  it.each([
    ["Adam", adam()],
    ["AdaGrad", adagrad()],
    ["RMSprop", rmsprop()],
  ])("has a finite gradient where some of the loss's is zero: %s", (_, optimizer) => {
    const { value, gradient } = measured(
      decrease({ optimizer, learningRate: 0.1, steps: 2 }),
      (p: Tensor) => sum(mul(float64([1, 0, 2]), square(p))),
      float64([3, 2, 0]),
    );
    expect(value).toBeGreaterThan(0);
    expect(gradient.every(Number.isFinite)).toBe(true);
    expect(gradient[1]).toBe(0);
  });

  // The first element is dead, and stays: its gradient is 0, and so is the sign of 0. The other goes from -3 to -2.9.
  it("moves nothing by Lion where the gradient is zero", () => {
    const { value, gradient } = measured(
      decrease({ optimizer: lion(), learningRate: 0.1 }),
      (p: Tensor) => sum(square(relu(mul(-1, p)))),
      float64([0.05, -3]),
    );
    expect(value).toBeCloseTo(9 - 2.9 ** 2, 13);
    expect(gradient[0]).toBe(0);
  });

  it("refuses to go without a learning rate, and options that are none", () => {
    expect(() => measured(decrease(), bowl(1, 10), w)).toThrow(/decrease: needs a learning rate/);
    expect(() => decrease({ steps: 0 })).toThrow(OptionError);
    expect(() => decrease({ learningRate: -1 })).toThrow(/learningRate must be a finite number > 0; got -1/);
    expect(() => decrease({ optimizer: "adam" as never })).toThrow(/must be an optimizer, such as adam\(\)/);
    const memory = { optimizer: { velocity: w } };
    expect(() =>
      measured(decrease({ optimizer: adam(), learningRate: 0.1 }), bowl(1, 10), w, { memory }),
    ).toThrow(ShapeError);
  });
});
