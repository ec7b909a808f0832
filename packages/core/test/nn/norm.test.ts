import {
  casesOf,
  checkCase,
  evaluate,
  expectClose,
  float64,
  fromGolden,
  type GoldenArray,
  readGolden,
} from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/array.js";
import { OptionError, ShapeError } from "../../src/errors.js";
import { grad, valueAndGrad } from "../../src/graph/autodiff.js";
import { nodesOf } from "../../src/graph/graph.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { mean, sum } from "../../src/graph/ops/reduce.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, type TensorsOf, type Traced, trace } from "../../src/graph/trace.js";
import {
  type BatchNormOptions,
  type BatchNormState,
  batchNorm,
  groupNorm,
  initBatchNorm,
  initGroupNorm,
  initLayerNorm,
  layerNorm,
  type NormParams,
  rmsNorm,
} from "../../src/nn/norm.js";

/** Running statistics and outputs of PyTorch over several steps: bench/torch/golden_nn_models.py. */
interface Steps {
  weight: GoldenArray;
  bias: GoldenArray;
  steps: { input: GoldenArray; output: GoldenArray; running: { mean: GoldenArray; var: GoldenArray } }[];
  evaluation: { input: GoldenArray; output: GoldenArray };
}
const { batchNormSteps } = readGolden<{ batchNormSteps: Steps[] }>("nn-models.json");

function run(x: NdArray, params: NormParams, state: BatchNormState, options: BatchNormOptions) {
  const f = (input: Tensor, p: TensorsOf<NormParams>, s: TensorsOf<BatchNormState>) =>
    batchNorm(input, p, s, options);
  return evaluate(f, x, params, state);
}

describe("batchNorm", () => {
  it.each(casesOf("batchNorm"))("equals PyTorch's F.batch_norm with its derivatives: %s", (_, golden) => {
    const { training, momentum, eps: epsilon } = golden.options;
    const { before: first, after } = golden.running!;
    const state = {
      running_mean: constant(fromGolden(first.mean)),
      running_var: constant(fromGolden(first.var)),
    };
    checkCase(
      golden,
      ({ input, weight, bias }) =>
        batchNorm(input, { weight, bias }, state, { training, momentum, epsilon }).output,
    );
    const before = { running_mean: fromGolden(first.mean), running_var: fromGolden(first.var) };
    const params = { weight: fromGolden(golden.inputs.weight), bias: fromGolden(golden.inputs.bias) };
    const next = run(fromGolden(golden.inputs.input), params, before, { training, momentum, epsilon }).state;
    expectClose(next.running_mean, after.mean);
    expectClose(next.running_var, after.var);
  });

  it.each(batchNormSteps.map((s): [number, Steps] => [s.steps[0].input.shape.length, s]))(
    "follows PyTorch's running statistics over three drifting batches and evaluates with them: %i axes",
    (_, golden) => {
      const params = { weight: fromGolden(golden.weight), bias: fromGolden(golden.bias) };
      let { state } = initBatchNorm(golden.weight.shape[0], { dtype: "float64" });
      for (const step of golden.steps) {
        const result = run(fromGolden(step.input), params, state, { training: true, momentum: 0.3 });
        expectClose(result.output, step.output);
        expectClose(result.state.running_mean, step.running.mean);
        expectClose(result.state.running_var, step.running.var);
        state = result.state;
      }
      const { output, state: kept } = run(fromGolden(golden.evaluation.input), params, state, {});
      expectClose(output, golden.evaluation.output);
      expect(kept).toEqual(state);
    },
  );

  it("loses no digits when the mean is a million times the deviation", () => {
    // x = 1e8 + (-100, 0, 100): mean 1e8, variance 20000 / 3, y = (-1, 0, 1) sqrt(3 / 2) up to epsilon.
    const { params, state } = initBatchNorm(1, { dtype: "float64" });
    const { output } = run(float64([1e8 - 100, 1e8, 1e8 + 100], [3, 1]), params, state, {
      training: true,
      epsilon: 0,
    });
    expectClose(output, float64([-Math.sqrt(1.5), 0, Math.sqrt(1.5)], [3, 1]));
  });

  it("gives the bias and finite gradients for a constant channel", () => {
    const result = evaluate(
      (x: Tensor) => {
        const loss = (v: Tensor) => {
          const p = { weight: constant(float64([2])), bias: constant(float64([3])) };
          const s = { running_mean: constant(float64([0])), running_var: constant(float64([1])) };
          return sum(batchNorm(v, p, s, { training: true }).output);
        };
        return { loss: loss(x), gradient: grad(loss)(x) };
      },
      float64([7, 7, 7, 7], [4, 1]),
    );
    expect(result.loss.data[0]).toBe(12);
    expectClose(result.gradient, float64([0, 0, 0, 0], [4, 1]));
  });

  it("passes over the images 4 times forwards and 5 times backwards, sums and views not counted", () => {
    // Forwards: minus the origin, squares, scale, shift. Backwards: for the scale's gradient, and g s + a x + b.
    const { params, state } = initBatchNorm(8);
    const args = [spec([4, 8, 5, 5]), params, state] as const;
    const passes = ({ graph }: Traced): number => {
      const isFull = (x: Tensor) =>
        x.size === 4 * 8 * 5 * 5 && x.inputs.length > 0 && x.op.name !== "broadcast";
      return nodesOf(simplify(graph)).filter(isFull).length;
    };
    const train = (x: Tensor, p: TensorsOf<NormParams>, s: TensorsOf<BatchNormState>) =>
      batchNorm(x, p, s, { training: true });
    expect(passes(trace(train, args))).toBe(4);
    // The loss mean(y^2) costs two passes: its squares and its gradient.
    const loss = (q: { x: Tensor; p: TensorsOf<NormParams> }, s: TensorsOf<BatchNormState>) =>
      mean(square(train(q.x, q.p, s).output));
    expect(passes(trace((x, p, s) => valueAndGrad(loss)({ x, p }, s), args))).toBe(4 + 5 + 2);
    expect(passes(trace((x, p, s) => batchNorm(x, p, s).output, args))).toBe(2);
  });

  it.each([-0.1, 1.1, Number.NaN])("refuses a momentum of %d", (momentum) => {
    const { params, state } = initBatchNorm(3);
    const layer = () =>
      trace((x, p, s) => batchNorm(x, p, s, { momentum }), [spec([4, 3]), params, state] as const);
    expect(layer).toThrow(`batchNorm: momentum must be a number in [0, 1]; got ${momentum}`);
  });

  it("refuses to train on a single value a channel, and channels that do not fit", () => {
    const { params, state } = initBatchNorm(3);
    const at = (shape: number[], training: boolean) => () =>
      trace((x, p, s) => batchNorm(x, p, s, { training }), [spec(shape), params, state] as const);
    expect(at([1, 3], true)).toThrow(/two or more values a channel/);
    expect(at([1, 3], false)).not.toThrow();
    expect(at([4, 2], true)).toThrow(ShapeError);
  });
});

describe("layerNorm", () => {
  it.each(casesOf("layerNorm"))("equals PyTorch's F.layer_norm with its derivatives: %s", (_, golden) => {
    checkCase(golden, ({ input, weight, bias }) =>
      layerNorm(input, { weight, bias }, { epsilon: golden.options.eps }),
    );
  });

  it("says which shapes do not fit", () => {
    expect(() => trace((x, p) => layerNorm(x, p), [spec([2, 3]), initLayerNorm([2, 4])] as const)).toThrow(
      ShapeError,
    );
    expect(() => trace((x, p) => layerNorm(x, p), [spec([3]), initLayerNorm([2, 3])] as const)).toThrow(
      ShapeError,
    );
  });
});

describe("groupNorm", () => {
  it.each(casesOf("groupNorm"))("equals PyTorch's F.group_norm with its derivatives: %s", (_, golden) => {
    const { num_groups: groups, eps: epsilon } = golden.options;
    checkCase(golden, ({ input, weight, bias }) => groupNorm(input, { weight, bias }, { groups, epsilon }));
  });

  it("refuses groups that do not divide the channels", () => {
    const params = initGroupNorm(4);
    expect(() => trace((x, p) => groupNorm(x, p, { groups: 3 }), [spec([2, 4, 2]), params] as const)).toThrow(
      OptionError,
    );
  });
});

describe.each([-1, Number.NaN, Infinity, "1e-5" as never])("an epsilon of %j", (epsilon) => {
  const [params, { state }] = [initLayerNorm(4), initBatchNorm(4)];
  type Layer = (x: Tensor, p: TensorsOf<NormParams>, s: TensorsOf<BatchNormState>) => unknown;
  it.each<[string, Layer]>([
    ["batchNorm", (x, p, s) => batchNorm(x, p, s, { epsilon }).output],
    ["layerNorm", (x, p) => layerNorm(x, p, { epsilon })],
    ["rmsNorm", (x, { weight }) => rmsNorm(x, { weight }, { epsilon })],
    ["groupNorm", (x, p) => groupNorm(x, p, { groups: 2, epsilon })],
  ])("is refused by %s", (name, layer) => {
    const traced = () => trace((x, p, s) => layer(x, p, s) as Tensor, [spec([2, 4]), params, state] as const);
    expect(traced).toThrow(`${name}: epsilon must be a finite number >= 0; got`);
  });
});

describe("initBatchNorm, initLayerNorm, initGroupNorm", () => {
  it("start at scale 1 and shift 0, running statistics at mean 0 and variance 1", () => {
    const three = (x: number, dtype: typeof Float32Array | typeof Float64Array) =>
      ndarray(dtype.from([x, x, x]), [3]);
    expect(initBatchNorm(3)).toEqual({
      params: { weight: three(1, Float32Array), bias: three(0, Float32Array) },
      state: { running_mean: three(0, Float32Array), running_var: three(1, Float32Array) },
    });
    expect(initGroupNorm(3)).toEqual({ weight: three(1, Float32Array), bias: three(0, Float32Array) });
    expect(initLayerNorm(3, { dtype: "float64" })).toEqual({
      weight: three(1, Float64Array),
      bias: three(0, Float64Array),
    });
    expect(initLayerNorm([2, 2]).weight.shape).toEqual([2, 2]);
  });
});
