import { expectClose, fromGolden, numbers } from "isoloss-test-support/nn/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { astype, dtypeOf, isNdArray, ndarray } from "../../src/array.js";
import { costOf } from "../../src/graph/graph.js";
import { add, mul, sub } from "../../src/graph/ops/arithmetic.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { adagrad } from "../../src/optim/adagrad.js";
import { adam } from "../../src/optim/adam.js";
import { adamw } from "../../src/optim/adamw.js";
import { lars } from "../../src/optim/lars.js";
import { lion } from "../../src/optim/lion.js";
import { nadam } from "../../src/optim/nadam.js";
import type { Optimizer } from "../../src/optim/optimizer.js";
import { radam } from "../../src/optim/radam.js";
import { rmsprop } from "../../src/optim/rmsprop.js";
import { sam } from "../../src/optim/sam.js";
import { cosineSchedule } from "../../src/optim/schedules.js";
import { gd, sgd } from "../../src/optim/sgd.js";
import { compileOnnx } from "../../src/runtime/onnx/executable.js";
import { flatten, unflatten } from "../../src/tree.js";
import {
  type Arrays,
  arraysOf,
  givenGradients,
  golden,
  gradientOf,
  mapArrays,
  runIn,
  runSteps,
  startOf,
  stepGraph,
  zerosOf,
} from "./support.js";

/**
 * One row an optimizer: a name in golden/optimizers.json, and the same settings here.
 * A new optimizer is a configuration in bench/torch/golden_optimizers.py and a row.
 */
const rows: [golden: string, optimizer: Optimizer, traits?: { decays: true }][] = [
  ["sgd", gd()],
  ["sgd", sgd()],
  ["sgd-weight-decay", gd({ weightDecay: 0.05 }), { decays: true }],
  ["sgd-weight-decay", sgd({ weightDecay: 0.05 }), { decays: true }],
  ["sgd-momentum", sgd({ momentum: 0.9 })],
  ["sgd-momentum-dampening", sgd({ momentum: 0.9, dampening: 0.1 })],
  ["sgd-nesterov", sgd({ momentum: 0.9, nesterov: true })],
  ["sgd-nesterov-weight-decay", sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.05 }), { decays: true }],
  ["adagrad", adagrad()],
  ["adagrad-lr-decay", adagrad({ rateDecay: 0.01 })],
  ["adagrad-initial-accumulator", adagrad({ initialSum: 0.1 })],
  ["adagrad-weight-decay", adagrad({ weightDecay: 0.05 }), { decays: true }],
  ["adagrad-all", adagrad({ rateDecay: 0.01, initialSum: 0.1, weightDecay: 0.05 }), { decays: true }],
  ["rmsprop", rmsprop()],
  ["rmsprop-centered", rmsprop({ centered: true })],
  ["rmsprop-momentum", rmsprop({ momentum: 0.9 })],
  [
    "rmsprop-centered-momentum-weight-decay",
    rmsprop({ centered: true, momentum: 0.9, weightDecay: 0.05 }),
    { decays: true },
  ],
  ["adam", adam()],
  ["adam-amsgrad", adam({ betas: [0.9, 0.9], amsgrad: true })],
  ["adam-weight-decay", adam({ weightDecay: 0.05 }), { decays: true }],
  ["adamw", adamw(), { decays: true }],
  ["adamw-weight-decay", adamw({ weightDecay: 0.1 }), { decays: true }],
  ["adamw-amsgrad", adamw({ betas: [0.9, 0.9], amsgrad: true, weightDecay: 0.1 }), { decays: true }],
  ["lars", lars({ trust: 0.1 })],
  [
    "lars-weight-decay-everywhere",
    lars({ trust: 0.1, momentum: 0, weightDecay: 0.05, excludeVectors: false }),
    { decays: true },
  ],
  ["nadam", nadam()],
  [
    "nadam-weight-decay",
    nadam({ betas: [0.8, 0.99], momentumDecay: 0.1, weightDecay: 0.05 }),
    { decays: true },
  ],
  ["radam", radam()],
  ["radam-weight-decay", radam({ betas: [0.8, 0.9], weightDecay: 0.05 }), { decays: true }],
  ["lion", lion()],
  ["lion-weight-decay", lion({ betas: [0.8, 0.9], weightDecay: 0.1 }), { decays: true }],
  ["sam", sam()],
  ["sam-weight-decay", sam({ rho: 0.3, optimizer: sgd({ weightDecay: 0.05 }) }), { decays: true }],
];

const { problem } = golden;
const start = { W: fromGolden(problem.params.W), b: fromGolden(problem.params.b) };
const like = (tree: Record<"W" | "b", number[]>) => ({
  W: ndarray(Float64Array.from(tree.W), [3, 2]),
  b: ndarray(Float64Array.from(tree.b), [2]),
});
const gradients = problem.gradients.map(like);
const float32 = (tree: Arrays) => mapArrays(tree, (a) => astype(a, "float32"));
const goldenOf = (name: string) => {
  const found = golden.optimizers.find((o) => o.name === name);
  if (!found) throw new Error(`optimizers.json has no "${name}".`);
  return found;
};

/** sum((X W + b - Y)^2) / (2 n) with the golden file's data, n = 5. */
function quadratic({ W, b }: { W: Tensor; b: Tensor }): Tensor {
  const X = constant(fromGolden(problem.X));
  const Y = constant(fromGolden(problem.Y));
  return mul(sum(square(sub(add(matmul(X, W), b), Y))), 1 / 10);
}

function expectTree(actual: Arrays, expected: Arrays, tolerance: number): void {
  const wanted = arraysOf(expected);
  for (const [i, a] of arraysOf(actual).entries()) expectClose(a, wanted[i], tolerance);
}

it("has a row for every configuration of the golden file", () => {
  expect([...new Set(rows.map(([name]) => name))]).toEqual(golden.optimizers.map(({ name }) => name));
});

describe.each(sampledRows(rows))("%s", (name, optimizer, traits) => {
  const { options, given, quadratic: fromLoss } = goldenOf(name);
  const rates = given.map(() => options.lr);

  it("equals PyTorch over 20 steps along given gradients", () => {
    for (const steps of [1, 2, 3, 10, 20]) {
      const run = runSteps(optimizer, givenGradients, startOf(optimizer, start), {
        given: gradients.slice(0, steps),
        rates: rates.slice(0, steps),
      });
      expectTree(run.params, like(given[steps - 1]), 1e-12);
    }
  });

  it("equals PyTorch over 20 steps down a least-squares loss", () => {
    for (const steps of [1, 2, 3, 10, 20]) {
      const run = runSteps(optimizer, gradientOf(quadratic), startOf(optimizer, start), {
        rates: rates.slice(0, steps),
      });
      expectTree(run.params, like(fromLoss[steps - 1]), 1e-12);
    }
  });

  it("gives the bits of one scan in single steps, in float64 and float32", () => {
    for (const convert of [(tree: Arrays) => tree, float32]) {
      const begin = startOf(optimizer, convert(start));
      const given = gradients.map(convert);
      const scanned = runSteps(optimizer, givenGradients, begin, { given, rates });
      let single = begin;
      given.forEach((g, t) => {
        single = runSteps(optimizer, givenGradients, single, { given: [g], rates: [rates[t]] });
      });
      expect(single).toEqual(scanned);
    }
  });

  it("is deterministic and leaves its arguments as they are", () => {
    const begin = startOf(optimizer, start);
    const before = structuredClone(begin);
    const once = runSteps(optimizer, givenGradients, begin, { given: gradients, rates });
    expect(runSteps(optimizer, givenGradients, begin, { given: gradients, rates })).toEqual(once);
    expect(begin).toEqual(before);
    expect(optimizer.init(start)).toEqual(before.state);
  });

  it("keeps the structure, shapes and dtypes of its state, which names its moments", () => {
    const typesOf = (tree: Arrays) => {
      const { leaves, paths } = flatten(tree, isNdArray);
      return paths.map((path, i) => `${path}: ${dtypeOf(leaves[i])}[${leaves[i].shape}]`);
    };
    for (const convert of [(tree: Arrays) => tree, float32]) {
      const begin = startOf(optimizer, convert(start));
      const run = runSteps(optimizer, givenGradients, begin, { given: gradients.map(convert), rates });
      expect(typesOf(run)).toEqual(typesOf(begin));
      const { leaves, def } = flatten(run.state, isNdArray);
      expect(unflatten(def, leaves)).toEqual(run.state);
      for (const entry of Object.keys(optimizer.moments)) {
        expect(typesOf(begin.state[entry])).toEqual(typesOf(begin.params));
      }
    }
  });

  it("does not care how the parameters are nested", () => {
    const nest = (tree: { W: unknown; b: unknown }) => ({
      layers: [{ bias: tree.b }, { inner: { weight: tree.W } }],
    });
    const flat = runSteps(optimizer, givenGradients, startOf(optimizer, start), { given: gradients, rates });
    const nested = runSteps(optimizer, givenGradients, startOf(optimizer, nest(start)), {
      given: gradients.map(nest),
      rates,
    });
    expect(nested.params).toEqual(nest(flat.params as typeof start));
    const bare = runSteps(optimizer, givenGradients, startOf(optimizer, start.W), {
      given: gradients.map(({ W }) => W),
      rates,
    });
    expect(bare.params).toEqual((flat.params as typeof start).W);
  });

  it("stays put from a fresh state at gradient zero, unless weights decay", () => {
    const given = gradients.map(zerosOf);
    const { params } = runSteps(optimizer, givenGradients, startOf(optimizer, start), { given, rates });
    if (traits?.decays) {
      const sizes = (tree: Arrays) => arraysOf(tree).flatMap(numbers).map(Math.abs);
      const before = sizes(start);
      expect(sizes(params).every((x, i) => x < before[i])).toBe(true);
    } else {
      expect(params).toEqual(start);
    }
  });

  it("converges on an ill-conditioned quadratic", () => {
    const curvatures = constant(ndarray(Float64Array.of(1, 0.3, 0.1, 1, 0.3, 0.1), [3, 2]));
    const bowl = ({ W }: { W: Tensor }) => mul(sum(mul(curvatures, square(W))), 0.5);
    const steps = 1500;
    const schedule = cosineSchedule(0.3, { steps });
    const { params } = runSteps(optimizer, gradientOf(bowl), startOf(optimizer, { W: start.W }), {
      rates: Array.from({ length: steps }, (_, t) => schedule(t)),
    });
    const largest = Math.max(...numbers(arraysOf(params)[0]).map(Math.abs));
    expect(largest).toBeLessThan(1e-3);
  });

  it("gives the same in ONNX Runtime, in float64 and to single precision in float32", async () => {
    for (const [convert, tolerance] of [
      [(tree: Arrays) => tree, 1e-12],
      [float32, 1e-6],
    ] as const) {
      const begin = startOf(optimizer, convert(start));
      const given64 = gradients.map(convert);
      const { graph, scan } = stepGraph(optimizer, givenGradients, begin, given64[0]);
      const executable = await compileOnnx(graph, { scan });
      const run = await runIn(executable, begin, given64, rates);
      await executable.dispose();
      expectTree(run.params, like(given[19]), tolerance);
    }
  });

  it("adds few operations for a further parameter", () => {
    const nodesFor = (count: number) => {
      const tree = Array.from({ length: count }, () => start.W);
      return costOf(stepGraph(optimizer, givenGradients, startOf(optimizer, tree), tree).graph).nodes;
    };
    expect(nodesFor(3) - nodesFor(2)).toBeLessThanOrEqual(20);
  });
});
