import { evaluate, float64, readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, astype, isNdArray, item, type NdArray } from "../../src/array.js";
import { dot, grad, hvp, valueAndGrad } from "../../src/graph/autodiff.js";
import { leakyRelu } from "../../src/graph/ops/activation.js";
import { add, mul, sub } from "../../src/graph/ops/arithmetic.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../src/graph/trace.js";
import { eigenSymmetric } from "../../src/math/linalg.js";
import { torchGenerator, torchRand } from "../../src/math/mt19937.js";
import { adagrad } from "../../src/optim/adagrad.js";
import type { Optimizer, OptimizerState } from "../../src/optim/optimizer.js";
import { gd } from "../../src/optim/sgd.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { flatten } from "../../src/tree.js";

// Published figures of the test functions and of the MLP regression of Zhao et al., NeurIPS 2022 (arXiv 2205.10637),
// in the reference implementation's runs; the regression's were computed again by bench/torch/golden_regression.py.

type Point = { x: Tensor; y: Tensor };

/** (x + 2y - 7)^2 + (2x + y - 5)^2 */
const booth = ({ x, y }: Point): Tensor =>
  add(square(sub(add(x, mul(2, y)), 7)), square(sub(add(mul(2, x), y), 5)));

/** 100 (x^2 - y)^2 + (x - 1)^2 */
const rosenbrock = ({ x, y }: Point): Tensor => add(mul(100, square(sub(square(x), y))), square(sub(x, 1)));

interface Descent {
  readonly losses: Float64Array;
  readonly gradientNorms: Float64Array;
  readonly end: readonly [number, number];
}

/** Losses L_0 .. L_steps of gradient descent, all in one scan, and the point after `steps` steps. */
function descend(
  f: (p: Point) => Tensor,
  [x, y]: readonly [number, number],
  rate: number,
  steps: number,
): Descent {
  const number = spec([], "float64");
  const step = (p: Point) => {
    const [loss, g] = valueAndGrad(f)(p);
    return { x: sub(p.x, mul(rate, g.x)), y: sub(p.y, mul(rate, g.y)), loss, norm: dot(g, g) };
  };
  const { graph } = trace(({ p }) => step(p), { p: { x: number, y: number } });
  const executable = compileJavaScript(simplify(graph), { scan: { carry: { x: "p.x", y: "p.y" } } });
  const run = (count: number) =>
    executable.runSync({ "p.x": array(x, "float64"), "p.y": array(y, "float64") }, { steps: count });
  const { loss, norm } = run(steps + 1);
  const last = run(steps);
  return {
    losses: loss.data as Float64Array,
    gradientNorms: norm.data as Float64Array,
    end: [item(last.x), item(last.y)],
  };
}

describe("Gradient descent on Booth's function from (5, -5) at rate 0.08", () => {
  const { losses, gradientNorms } = descend(booth, [5, -5], 0.08, 10);

  it("has the published losses", () => {
    const published = [
      144, 64.7424, 38.54536704, 25.815912873983994, 17.948211369895528, 12.612470571026286, 8.88933319977981,
      6.270372465362236, 4.423999026137693, 3.1215009607850766, 2.2025169931315807,
    ];
    expect(losses).toHaveLength(published.length);
    published.forEach((loss, t) => {
      expect(losses[t] / loss, `L_${t}`).toBeCloseTo(1, 13);
    });
  });

  it("has the published squared gradient norm after four steps", () => {
    expect(gradientNorms[4] / 75.02955620283186).toBeCloseTo(1, 13);
  });

  it("has the Hessian [[10, 8], [8, 10]] of eigenvalues 2 and 18", () => {
    const column = (v: readonly [number, number]) => {
      const one = (n: number): NdArray => array(n, "float64");
      const h = evaluate(
        (p: Point, u: Point) => hvp(booth)(p, u),
        { x: one(5), y: one(-5) },
        { x: one(v[0]), y: one(v[1]) },
      ) as unknown as Record<"x" | "y", NdArray>;
      return [item(h.x), item(h.y)];
    };
    const hessian = [...column([1, 0]), ...column([0, 1])];
    expect(hessian).toEqual([10, 8, 8, 10]);
    const { values } = eigenSymmetric(float64(hessian, [2, 2]));
    expect([...values.data].sort((a, b) => a - b).map((v) => Number(v.toFixed(12)))).toEqual([2, 18]);
  });
});

describe("Gradient descent on Rosenbrock's function from (-1, -1) at rate 0.001", () => {
  it("has the published losses and end", () => {
    const { losses, end } = descend(rosenbrock, [-1, -1], 1e-3, 1000);
    expect(losses[0]).toBe(404);
    expect(losses[1]).toBeCloseTo(42.1879149056, 10);
    expect(losses[99] / 0.7645973444710297).toBeCloseTo(1, 12);
    expect(losses[100] / 0.761726059487506).toBeCloseTo(1, 12);
    expect(losses[1000] / 0.11134068265746125).toBeCloseTo(1, 12);
    expect(end[0]).toBeCloseTo(0.666707, 6);
    expect(end[1]).toBeCloseTo(0.442896, 6);
  });
});

interface GoldenRegression {
  options: { gd: { lr: number }; adagrad: { lr: number; eps: number } };
  seeds: { seed: number; first: number[]; float64: Record<"gd" | "adagrad", Record<string, number>> }[];
}

const golden = readGolden<GoldenRegression>("regression.json");

type Weights = { w1: Tensor; w2: Tensor; w3: Tensor };

/** 1/2 ||Y - W3 s(W2 s(W1 X))||^2 with s = leakyRelu(0.1) */
function regression({ w1, w2, w3 }: Weights, x: Tensor, y: Tensor): Tensor {
  const hidden = leakyRelu(matmul(w2, leakyRelu(matmul(w1, x), 0.1)), 0.1);
  return mul(0.5, sum(square(sub(y, matmul(w3, hidden)))));
}

/** The start values: drawn in float32, computed with in float64. */
function draw(seed: number) {
  const rng = torchGenerator(seed);
  const next = (...shape: number[]): NdArray => astype(torchRand(rng, shape), "float64");
  const weights = { w1: next(6, 5), w2: next(7, 6), w3: next(8, 7) };
  return { weights, x: next(5, 4), y: next(8, 4) };
}

/** Losses after 0 .. steps - 1 steps of an optimizer. */
function train(optimizer: Optimizer<never>, rate: number, seed: number, steps: number): Float64Array {
  const { update, init } = optimizer as unknown as Optimizer;
  const { weights, x, y } = draw(seed);
  const state = init(weights);
  const step = (w: Weights, s: OptimizerState, inputs: Tensor, targets: Tensor) => {
    const [loss, g] = valueAndGrad(regression)(w, inputs, targets);
    const next = update(g, s, w, constant(rate, "float64"));
    return { w: next.params, s: next.state, loss };
  };
  const { graph } = trace(({ w, s, x, y }) => step(w, s, x, y), { w: weights, s: state, x, y });
  const carried = graph.outputs.map(({ name }) => name).filter((name) => name !== "loss");
  const scan = { carry: Object.fromEntries(carried.map((name) => [name, name])) };
  const { leaves } = flatten<NdArray>([weights, state, x, y], isNdArray);
  const inputs = Object.fromEntries(graph.inputs.map(({ name }, k) => [name, leaves[k]]));
  return compileJavaScript(simplify(graph), { scan }).runSync(inputs, { steps }).loss.data as Float64Array;
}

const optimizers = {
  gd: [gd(), golden.options.gd.lr],
  adagrad: [adagrad({ epsilon: golden.options.adagrad.eps }), golden.options.adagrad.lr],
} as const;

describe.each(["gd", "adagrad"] as const)("MLP regression by %s", (name) => {
  const [optimizer, rate] = optimizers[name];

  it.each(golden.seeds.map((s) => [s.seed, s] as const))(
    "has PyTorch's losses from seed %i",
    (seed, expected) => {
      const losses = train(optimizer as Optimizer<never>, rate, seed, 301);
      const recorded = Object.entries(expected.float64[name]);
      expect(recorded.length).toBeGreaterThan(5);
      for (const [t, loss] of recorded) expect(losses[Number(t)] / loss, `L_${t}`).toBeCloseTo(1, 10);
    },
  );

  it("has the published losses from seed 0", () => {
    const losses = train(optimizer as Optimizer<never>, rate, 0, 300);
    const published = {
      gd: [
        [0, 2306.84, 3],
        [4, 725.9532, 4],
        [5, 595.6577, 3],
        [299, 2.387353253019, 11],
      ],
      adagrad: [
        [5, 133.6445, 4],
        [299, 1.36751347691, 11],
      ],
    }[name];
    for (const [t, loss, digits] of published) expect(losses[t], `L_${t}`).toBeCloseTo(loss, digits);
  });
});

it("The regression's start values are torch.rand's, in the order W1, W2, W3, X, Y", () => {
  for (const { seed, first } of golden.seeds) {
    expect([...draw(seed).weights.w1.data].slice(0, first.length)).toEqual(first);
  }
});

it("The gradient of the regression's squared gradient norm is that of difference quotients", () => {
  const { weights, x, y } = draw(0);
  const norm = (w: Weights, a: Tensor, b: Tensor) => {
    const g = grad(regression)(w, a, b);
    return dot(g, g);
  };
  const at = (h: number) => {
    const moved = {
      ...weights,
      w2: { ...weights.w2, data: (weights.w2.data as Float64Array).map((v, i) => v + h * Math.sin(i)) },
    };
    return evaluate(
      (w: TensorsOf<typeof weights>, a: Tensor, b: Tensor) => {
        const [value, g] = valueAndGrad(norm)(w, a, b);
        return { value, g: g.w2 };
      },
      moved,
      x,
      y,
    ) as unknown as Record<"value" | "g", NdArray>;
  };
  const quotient = (item(at(1e-6).value) - item(at(-1e-6).value)) / 2e-6;
  const slope = [...at(0).g.data].reduce<number>((s, v, i) => s + Number(v) * Math.sin(i), 0);
  expect(slope / quotient).toBeCloseTo(1, 7);
});
