import { expectClose, float64, numbers } from "isoloss-test-support/nn/support";
import { expect, it } from "vitest";
import { type LarsOptions, lars } from "../../src/optim/lars.js";
import { sgd } from "../../src/optim/sgd.js";
import { type Arrays, arraysOf, givenGradients, runSteps, startOf } from "./support.js";

const start = { weight: float64([3, -1, 2, 0.5], [2, 2]), bias: float64([1, -2]) };
const given = [0, 1, 2].map((t) => ({
  weight: float64([1 - t, 0.5, -0.25 * t, 2], [2, 2]),
  bias: float64([0.5, t]),
}));
const rates = [0.3, 0.2, 0.1];

const run = (options: LarsOptions, params: Arrays = start, gradients: readonly Arrays[] = given) =>
  runSteps(lars(options), givenGradients, startOf(lars(options), params), { given: gradients, rates })
    .params as typeof start;

it("steps biases by momentum without decay, and weights by their own norm", () => {
  const options = { trust: 0.02, momentum: 0.5, weightDecay: 0.1 };
  const { weight, bias } = run(options);
  const momentum = sgd({ momentum: 0.5 });
  const plain = runSteps(momentum, givenGradients, startOf(momentum, start), { given, rates });
  expect(bias).toEqual((plain.params as typeof start).bias);
  let w = numbers(start.weight);
  let v = w.map(() => 0);
  given.forEach((g, t) => {
    const size = Math.hypot(...w);
    const local = (0.02 * size) / (Math.hypot(...numbers(g.weight)) + 0.1 * size + 1e-8);
    v = v.map((past, i) => 0.5 * past + local * (numbers(g.weight)[i] + 0.1 * w[i]));
    w = w.map((x, i) => x - rates[t] * v[i]);
  });
  expectClose(weight, float64(w, [2, 2]), 1e-14);
});

it("moves a weight in proportion to its norm, whatever the length of its gradient", () => {
  const scaled = (tree: typeof start, by: number) => ({
    weight: float64(
      numbers(tree.weight).map((x) => by * x),
      [2, 2],
    ),
    bias: tree.bias,
  });
  const { weight } = run({ epsilon: 0 });
  const other = run(
    { epsilon: 0 },
    scaled(start, 8),
    given.map((g) => scaled(g, 100)),
  );
  expectClose(other.weight, scaled({ ...start, weight }, 8).weight, 1e-14);
});

it("takes a plain step from a weight of zeros, and none along a gradient of zeros", () => {
  const zero = float64([0, 0, 0, 0], [2, 2]);
  const once = (w: typeof zero, g: typeof zero) => {
    const optimizer = lars({ trust: 0.5, momentum: 0 });
    const step = { given: [{ w: g }], rates: [0.1] };
    return arraysOf(runSteps(optimizer, givenGradients, startOf(optimizer, { w }), step).params)[0];
  };
  expectClose(once(zero, given[0].weight), float64([-0.1, -0.05, 0, -0.2], [2, 2]), 1e-15);
  expect(once(start.weight, zero)).toEqual(start.weight);
});
