import { evaluate, numbers } from "isoloss-test-support/nn/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { isNdArray, item, type NdArray, type Shape } from "../../../src/array.js";
import { dot, grad, valueAndGrad } from "../../../src/graph/autodiff.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import {
  type DepthwiseSeparableParams,
  type DepthwiseSeparableState,
  depthwiseSeparable,
  initDepthwiseSeparable,
} from "../../../src/nn/depthwise.js";
import { initLinear, type LinearParams, linear } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import type { Model, StatelessModel } from "../../../src/nn/model.js";
import { convnet } from "../../../src/nn/models/convnet.js";
import { lenet } from "../../../src/nn/models/lenet.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { mobilenet } from "../../../src/nn/models/mobilenet.js";
import { recurrentClassifier } from "../../../src/nn/models/recurrent-classifier.js";
import { resnet18 } from "../../../src/nn/models/resnet18.js";
import { sequenceTransformer } from "../../../src/nn/models/sequence-transformer.js";
import { unet } from "../../../src/nn/models/unet.js";
import { vgg6 } from "../../../src/nn/models/vgg6.js";
import { flatten } from "../../../src/tree.js";
import { filledModel, goldenModel, labels, overPixels, signed, unit } from "./support.js";

/** Relative distance. */
export const off = (actual: NdArray, expected: number): number => Math.abs(item(actual) / expected - 1);

export const classifiers: [string, StatelessModel<unknown>, (shape: Shape, k: number) => NdArray][] = [
  ["mlp", mlp({ sizes: [784, 16, 10, 10], activation: "leakyRelu", slope: 0.1, bias: false }), unit],
  ["lenet", lenet(), unit],
  ["convnet", convnet(), unit],
  ["vgg6", vgg6(), signed],
];

const sequences = { inputs: 3, width: 4, layers: 2 } as const;
const blocks = { inputs: 3, width: 8, heads: 2, hidden: 6 } as const;

export const ofSequences: typeof classifiers = [
  ["recurrent-gru", recurrentClassifier({ ...sequences, bidirectional: true }), signed],
  ["recurrent-lstm", recurrentClassifier({ ...sequences, cell: "lstm" }), signed],
  ["transformer", sequenceTransformer({ ...blocks, depth: 2 }), signed],
  ["transformer-causal", sequenceTransformer({ ...blocks, depth: 1, causal: true }), signed],
];

const stages = [[4], [6, 6]];

/** Two depthwise-separable convolutions, as in the golden file's generator. */
const separable: Model<unknown, unknown> = {
  init(rng, options) {
    const first = initDepthwiseSeparable(rng, 2, 6, options);
    const second = initDepthwiseSeparable(rng, 6, 5, options);
    const head = initLinear(rng, 5, 10, options);
    return {
      params: { first: first.params, second: second.params, linear: head },
      state: { first: first.state, second: second.state },
    };
  },
  apply(given, x, { state: carried, training }) {
    type Block = TensorsOf<DepthwiseSeparableParams>;
    const params = given as { first: Block; second: Block; linear: TensorsOf<LinearParams> };
    const state = carried as Record<"first" | "second", TensorsOf<DepthwiseSeparableState>>;
    const first = depthwiseSeparable(x, params.first, state.first, { training });
    const second = depthwiseSeparable(first.output, params.second, state.second, { stride: 2, training });
    return {
      output: linear(mean(second.output, { axes: [2, 3] }), params.linear),
      state: { first: first.state, second: second.state },
    };
  },
};

export const normalized: [string, Model<unknown, unknown>][] = (
  [
    ["resnet18", resnet18({ width: 16 })],
    ["resnet18-imagenet", resnet18({ stem: "imagenet", width: 16 })],
    ["convnet-norm", convnet({ imageSize: [8, 8], stages: [[3, 4], [5]], norm: "batch" })],
    ["separable", separable],
    ["mobilenet", mobilenet({ stem: 4, stages, expansion: 3, head: 8 })],
    [
      "mobilenet-plain",
      mobilenet({
        inputs: 2,
        stem: 4,
        stemStride: 2,
        stages: [[5], [5]],
        expansion: 2,
        head: 8,
        activation: "relu",
        norm: "none",
      }),
    ],
    ["unet", overPixels(unet({ inputs: 2, channels: [3, 4, 5], classes: 10 }))],
    ["unet-plain", overPixels(unet({ channels: [3, 4], norm: "none", classes: 10 }))],
    ["mobilenet-narrow", mobilenet({ stem: 4, stages: [[4, 4]], expansion: 1, head: 8, activation: "relu" })],
  ] as const
).map(([name, model]) => [name, model as Model<unknown, unknown>]);

export function expectSecondOrder(rows: typeof classifiers): void {
  it.each(sampledRows(rows))(
    "have its loss, squared gradient norm and the norm's gradient: %s",
    (name, model, values) => {
      const golden = goldenModel(name);
      const { params } = filledModel(model);
      const isSecond = golden.secondNormSq !== undefined;
      const run = (p: TensorsOf<unknown>, x: Tensor, y: Tensor) => {
        const loss = (q: TensorsOf<unknown>) => crossEntropy(model.apply(q, x).output, y);
        const normSq = (q: TensorsOf<unknown>) => {
          const g = grad(loss)(q);
          return dot(g, g);
        };
        const second = isSecond ? grad(normSq)(p) : undefined;
        return { loss: loss(p), normSq: normSq(p), ...(second ? { second: dot(second, second) } : {}) };
      };
      const x = values(golden.input, 1000);
      const result = evaluate(run, params, x, labels([golden.input[0]], 1001, 10)) as {
        loss: NdArray;
        normSq: NdArray;
        second?: NdArray;
      };
      expect(off(result.loss, golden.loss)).toBeLessThan(1e-12);
      expect(off(result.normSq, golden.gradNormSq)).toBeLessThan(1e-11);
      if (isSecond) expect(off(result.second!, golden.secondNormSq!)).toBeLessThan(1e-10);
      expect(isSecond).toBe(name !== "vgg6");
    },
  );
}

export function expectStatistics(rows: typeof normalized): void {
  it.each(sampledRows(rows))(
    "have its loss, squared gradient norm, running statistics and loss in evaluation: %s",
    (name, model) => {
      const golden = goldenModel(name);
      const { params, state } = filledModel(model);
      const x = signed(golden.input, 1000);
      const y = labels([golden.input[0]], 1001, 10);
      type Params = TensorsOf<typeof params>;
      type State = TensorsOf<typeof state>;
      const result = evaluate(
        (p: Params, s: State, images: Tensor, t: Tensor) => {
          const lossOf = (q: Params) =>
            crossEntropy(model.apply(q, images, { state: s, training: true }).output, t);
          const [loss, g] = valueAndGrad(lossOf)(p);
          return {
            loss,
            normSq: dot(g, g),
            state: model.apply(p, images, { state: s, training: true }).state,
          };
        },
        params,
        state,
        x,
        y,
      );
      expect(off(result.loss, golden.loss)).toBeLessThan(1e-12);
      // A channel of the last stage has three values: normalizing them magnifies rounding.
      expect(off(result.normSq, golden.gradNormSq)).toBeLessThan(1e-10);
      const { leaves } = flatten<NdArray>(result.state, isNdArray);
      const stateNormSq = leaves.flatMap(numbers).reduce((a, b) => a + b * b, 0);
      if (leaves.length === 0) return expect(golden.stateNormSq).toBeUndefined();
      expect(Math.abs(stateNormSq / golden.stateNormSq! - 1)).toBeLessThan(1e-12);
      const evaluated = evaluate(
        (p: Params, s: State, images: Tensor, t: Tensor) =>
          crossEntropy(model.apply(p, images, { state: s }).output, t),
        params,
        result.state as typeof state,
        x,
        y,
      );
      expect(off(evaluated, golden.evaluationLoss!)).toBeLessThan(1e-11);
    },
  );
}
