import {
  bool,
  casesOf,
  checkCase,
  evaluate,
  expectClose,
  float64,
  type GoldenCase,
  int64,
  numbers,
} from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { item, type NdArray } from "../../../src/array.js";
import { DTypeError, OptionError, ShapeError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import { nodesOf } from "../../../src/graph/graph.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { transpose } from "../../../src/graph/ops/reshape.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { nllLoss, type SmoothedOptions } from "../../../src/nn/losses/nll.js";
import type { Reduction } from "../../../src/nn/losses/reduction.js";

/** PyTorch's options under this library's names; PyTorch ignores -100 where nothing is said. */
function optionsOf({ options }: GoldenCase): SmoothedOptions {
  return {
    reduction: options.reduction,
    labelSmoothing: options.label_smoothing,
    ignoreIndex: options.ignore_index ?? (options.weight && options.label_smoothing ? -100 : undefined),
    weights: options.weight && float64(options.weight),
  };
}

const logits = float64([1, -2, 0.5, 3, 0.25, -1, -0.5, 2, 2], [3, 3]);
const labels = int64([0, 2, 1]);

/** -log softmax by hand. */
function negativeLogSoftmax(row: number, label: number): number {
  const x = numbers(logits).slice(3 * row, 3 * row + 3);
  return Math.log(x.reduce((s, v) => s + Math.exp(v), 0)) - x[label];
}

const run = (options: SmoothedOptions, y: NdArray = labels) =>
  evaluate(
    (x: Tensor, t: Tensor) => {
      const f = (z: Tensor) => crossEntropy(z, t, options);
      return { loss: f(x), gradient: grad((z: Tensor) => sum(f(z)))(x) };
    },
    logits,
    y,
  );

describe("crossEntropy", () => {
  it.each(casesOf("crossEntropy"))(
    "equals PyTorch's F.cross_entropy with its derivatives: %s",
    (_, golden) => {
      const axis = golden.inputs.input.shape.length === 4 ? 1 : -1;
      checkCase(golden, ({ input, target }) => crossEntropy(input, target, { ...optionsOf(golden), axis }));
    },
  );

  it("gives the same along the second axis as along the last, with every option at once", () => {
    const [, golden] = casesOf("crossEntropy").find(([name]) => name === "pixels-ignore-255")!;
    const options = { labelSmoothing: 0.2, ignoreIndex: 255, weights: float64([0.5, 1, 3]) };
    const [x, y] = [golden.inputs.input, golden.inputs.target];
    const result = evaluate(
      (a: Tensor, t: Tensor) => ({
        second: crossEntropy(a, t, { ...options, axis: 1 }),
        last: crossEntropy(transpose(a, [0, 2, 3, 1]), t, options),
      }),
      float64(x.data, x.shape),
      int64(y.data, y.shape),
    );
    expect(item(result.second)).toBeCloseTo(item(result.last), 14);
  });

  it("counts a label that is no class as loss zero, unless it is the ignored one", () => {
    const two = negativeLogSoftmax(0, 0) + negativeLogSoftmax(2, 1);
    const missing = int64([0, -100, 1]);
    expect(item(run({}, missing).loss)).toBeCloseTo(two / 3, 14);
    expect(item(run({ ignoreIndex: -100 }, missing).loss)).toBeCloseTo(two / 2, 14);
  });

  it.each(["mean", "sum", "none"] as Reduction[])(
    "leaves masked elements out, with all options: %s",
    (reduction) => {
      const options = { labelSmoothing: 0.1, weights: float64([1, 2, 4]), reduction };
      const mask = constant(bool([1, 0, 1]));
      const masked = run({ ...options, mask }, int64([0, 1, 1]));
      const ignored = run({ ...options, ignoreIndex: 2 }, int64([0, 2, 1]));
      expectClose(masked.loss, ignored.loss);
      expectClose(masked.gradient, ignored.gradient);
      expect(
        numbers(masked.gradient)
          .slice(3, 6)
          .every((g) => g === 0),
      ).toBe(true);
    },
  );

  it.each([
    {},
    { labelSmoothing: 0.1 },
    { weights: float64([1, 2, 3]) },
    { ignoreIndex: -1 },
    { reduction: "sum" },
    { reduction: "none" },
  ] as SmoothedOptions[])("is 0 with gradient 0 when no label is present: %j", (options) => {
    const missing = run({ ...options, mask: constant(bool([0, 0, 0])) });
    expect(missing.loss.data.every((v) => v === 0)).toBe(true);
    expectClose(missing.gradient, float64(new Array(9).fill(0), [3, 3]));
    const ignored = run({ ...options, ignoreIndex: -1 }, int64([-1, -1, -1]));
    expect(ignored.loss.data.every((v) => v === 0)).toBe(true);
    expectClose(ignored.gradient, float64(new Array(9).fill(0), [3, 3]));
  });

  it("takes logits of -Infinity for classes that cannot be", () => {
    const result = evaluate(
      (x: Tensor, t: Tensor) => ({
        loss: crossEntropy(x, t),
        gradient: grad((z: Tensor) => crossEntropy(z, t))(x),
      }),
      float64([0, 0, Number.NEGATIVE_INFINITY], [1, 3]),
      int64([1]),
    );
    expect(item(result.loss)).toBeCloseTo(Math.LN2, 15);
    expectClose(result.gradient, float64([0.5, -0.5, 0], [1, 3]));
  });

  it("is five nodes when plain", () => {
    const { graph } = trace((x, t) => crossEntropy(x, t), [spec([20, 10]), spec([20], "int64")] as const);
    const names = nodesOf(simplify(graph)).map((node) => node.op.name);
    const work = names.filter((name) => !["input", "constant", "broadcast"].includes(name));
    expect(work.sort()).toEqual(["logSoftmax", "mul", "oneHot", "sum", "where"]);
  });

  it("refuses labels of another shape or type, and smoothing beyond 1", () => {
    const at =
      (shape: number[], dtype: "int64" | "float32", options: SmoothedOptions = {}) =>
      () =>
        trace((x, t) => crossEntropy(x, t, options), [spec([2, 3, 4, 4]), spec(shape, dtype)] as const);
    expect(at([2, 4, 4], "int64", { axis: 1 })).not.toThrow();
    expect(at([2, 4, 4], "int64")).toThrow(ShapeError);
    expect(at([2, 4, 4], "float32", { axis: 1 })).toThrow(DTypeError);
    expect(at([2, 4, 4], "int64", { axis: 1, labelSmoothing: 1.5 })).toThrow(OptionError);
    expect(at([2, 4, 4], "int64", { axis: 1, reduction: "max" as Reduction })).toThrow(OptionError);
    expect(at([2, 4, 4], "int64", { axis: 1, mask: constant(1) })).toThrow(DTypeError);
    expect(at([2, 4, 4], "int64", { axis: 1, weights: float64([1, 2]) })).toThrow(
      "weights must be one number for each of the",
    );
  });
});

describe("nllLoss", () => {
  it.each(casesOf("nllLoss"))("equals PyTorch's F.nll_loss with its derivatives: %s", (_name, golden) => {
    const { labelSmoothing: _, ...options } = optionsOf(golden);
    checkCase(golden, ({ input, target }) => nllLoss(input, target, options));
  });

  it("takes log-probabilities of -Infinity at other classes", () => {
    const loss = evaluate(
      (x: Tensor, t: Tensor) => nllLoss(x, t),
      float64([Math.log(0.25), Number.NEGATIVE_INFINITY], [1, 2]),
      int64([0]),
    );
    expect(item(loss)).toBeCloseTo(Math.log(4), 15);
  });
});

describe("cross-entropy with probabilities as labels", () => {
  const q = float64([0.2, 0.3, 0.5, 0, 1, 0, 0.25, 0.75, 0], [3, 3]);

  it("is -sum q log softmax, and that of classes where one is certain", () => {
    const rows = [0, 1, 2].map((i) => [0, 1, 2].map((c) => Number(logits.data[3 * i + c])));
    const expected = rows.map((z, i) => {
      const top = Math.log(z.reduce((s, v) => s + Math.exp(v), 0));
      return -z.reduce((s, v, c) => s + Number(q.data[3 * i + c]) * (v - top), 0);
    });
    const each = evaluate((z: Tensor, y: Tensor) => crossEntropy(z, y, { reduction: "none" }), logits, q);
    expect(numbers(each).map((v) => v.toFixed(12))).toEqual(expected.map((v) => v.toFixed(12)));
    const mean = evaluate((z: Tensor, y: Tensor) => crossEntropy(z, y), logits, q);
    expect(item(mean)).toBeCloseTo(expected.reduce((a, b) => a + b, 0) / 3, 12);
  });

  it("leaves masked elements out, whatever their probabilities", () => {
    const unknown = float64([0.2, 0.3, 0.5, Number.NaN, Number.NaN, Number.NaN, 0.25, 0.75, 0], [3, 3]);
    const mask = constant(bool([1, 0, 1]));
    for (const reduction of ["mean", "sum", "none"] as const) {
      const [masked, others] = [run({ reduction, mask }, unknown), run({ reduction, mask }, q)];
      expectClose(masked.loss, others.loss);
      expectClose(masked.gradient, others.gradient);
      expect(numbers(masked.gradient).slice(3, 6)).toEqual([0, 0, 0]);
    }
    const whole = run({ mask: constant(bool([1], [])) }, q);
    expectClose(whole.gradient, run({}, q).gradient);
    const [z, y] = [constant(logits), constant(q)];
    expect(() => crossEntropy(z, y, { mask: constant(bool([1, 0, 1, 0, 1, 1], [2, 3])) })).toThrow(
      ShapeError,
    );
    expect(() => crossEntropy(z, y, { mask: constant(1) })).toThrow(DTypeError);
  });

  it("takes no options of classes", () => {
    const z = constant(logits);
    expect(() => crossEntropy(z, constant(q), { labelSmoothing: 0.1 })).toThrow(OptionError);
  });
});
