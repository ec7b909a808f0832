import { evaluate, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, dtypeOf, item, type NdArray } from "../../src/array.js";
import { DTypeError, ShapeError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { adam } from "../../src/optim/adam.js";
import { rmsprop } from "../../src/optim/rmsprop.js";
import { sgd } from "../../src/optim/sgd.js";
import { compileOnnx } from "../../src/runtime/onnx/executable.js";
import { givenGradients, runIn, runSteps, startOf, stepGraph } from "./support.js";

describe("update", () => {
  const rate = constant(0.1, "float64");
  const w = constant(float64([1, 2]));

  it("names the leaf where gradients do not fit the parameters", () => {
    const update = (gradients: unknown) => () => sgd().update(gradients, {}, { w, b: w }, rate);
    expect(update({ w })).toThrow(ShapeError);
    expect(update({ w })).toThrow(
      "sgd: gradients must be a tree like the parameters, with leaves w, b; got w.",
    );
    expect(update({ w, b: constant(float64([1])) })).toThrow(
      'sgd: "b" is float64[2] among the parameters but float64[1] in gradients; they must be equal.',
    );
    expect(update({ w, b: constant(array([1, 2])) })).toThrow(/float32\[2\] in gradients/);
  });

  it("refuses the state of another optimizer", () => {
    const update = () => adam().update(w, { velocity: w }, w, rate);
    expect(update).toThrow(
      'adam: the state has no "m"; it must come from adam\'s init, with the same options.',
    );
  });

  it("refuses a learning rate that is neither a number nor a scalar tensor", () => {
    const update = (learningRate: unknown) => () => sgd().update(w, {}, w, learningRate as Tensor);
    const words = "sgd: the learning rate must be a finite number or a scalar tensor";
    expect(update("0.1")).toThrow(`${words}, such as an input spec([]) of the step; got "0.1".`);
    expect(update(Number.NaN)).toThrow(words);
    expect(update(w)).toThrow("got a tensor float64[2]");
  });

  it("refuses parameters that are no floats", () => {
    const n = constant(array([1, 2], "int64"));
    expect(() => sgd().update({ n }, {}, { n }, rate)).toThrow(DTypeError);
  });

  it("keeps each leaf's dtype in a tree of both", () => {
    const params = { a: array([1], "float32"), b: array([1], "float64") };
    const run = runSteps(adam(), givenGradients, startOf(adam(), params), {
      given: [params, params],
      rates: [0.1, 0.1],
    });
    const { a, b } = run.params as typeof params;
    expect([dtypeOf(a), dtypeOf(b)]).toEqual(["float32", "float64"]);
    expect(item(a)).toBeCloseTo(item(b), 6);
    expect(item(b)).toBeCloseTo(0.8, 6);
  });

  it("can itself be differentiated: the slope of a loss after a step in the learning rate", () => {
    // w = 3, loss w^2: after a step w (1 - 2 eta), so that d/d eta w^2 (1 - 2 eta)^2 = -4 w^2 (1 - 2 eta).
    const slope = evaluate(
      (x: Tensor, eta: Tensor) =>
        grad((r: Tensor) => square(sgd().update(grad(square)(x), {}, x, r).params))(eta),
      float64([3], []),
      float64([0.1], []),
    );
    expect(item(slope)).toBeCloseTo(-4 * 9 * 0.8, 12);
  });
});

describe("adam", () => {
  it("corrects its bias in float64: a first float32 step has the length of the learning rate", async () => {
    // m / (1 - b1) = g and v / (1 - b2) = g^2, so that the step is eta g / (|g| + epsilon).
    const optimizer = adam();
    const start = startOf(optimizer, { w: array([0, 0, 0]) });
    const given: { w: NdArray }[] = [{ w: array([1, -2, 0.03]) }];
    const { graph, scan } = stepGraph(optimizer, givenGradients, start, given[0]);
    const executable = await compileOnnx(graph, { scan });
    const { params } = await runIn(executable, start, given, [0.1]);
    await executable.dispose();
    numbers((params as { w: NdArray }).w).forEach((x, i) => {
      const g = Number(given[0].w.data[i]);
      const expected = (-0.1 * g) / (Math.abs(g) + 1e-8);
      expect(Math.abs(x / expected - 1)).toBeLessThan(1e-6);
    });
  });
});

describe("rmsprop", () => {
  it("stays finite under a constant gradient, whose centered variance rounds to below zero", () => {
    const optimizer = rmsprop({ centered: true, decay: 0.5 });
    const values = Array.from({ length: 64 }, (_, i) => 0.1 + 0.37 * i);
    const given = Array.from({ length: 100 }, () => float64(values));
    const run = runSteps(optimizer, givenGradients, startOf(optimizer, float64(values)), {
      given,
      rates: given.map(() => 1e-12),
    });
    const { square: s, mean: a } = run.state as { square: NdArray; mean: NdArray };
    const variances = numbers(s).map((x, i) => x - numbers(a)[i] ** 2);
    expect(Math.min(...variances), "a case that rounds below zero").toBeLessThan(0);
    expect(numbers(run.params as NdArray).every(Number.isFinite)).toBe(true);
  });
});
