import { segnet } from "isoloss-benchmarks";
import { bool, expectClose, int64 } from "isoloss-test-support/nn/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { isNdArray, type NdArray, sizeOf } from "../../src/array.js";
import { backward } from "../../src/graph/autodiff.js";
import { avgPool1d, maxPool1d } from "../../src/graph/ops/conv-1d.js";
import { square } from "../../src/graph/ops/elementary.js";
import { fillLike } from "../../src/graph/ops/leaf.js";
import { transpose } from "../../src/graph/ops/reshape.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { trace } from "../../src/graph/trace.js";
import { type Mt19937, torchGenerator, torchRandn } from "../../src/math/mt19937.js";
import { initMultiHeadAttention, multiHeadAttention } from "../../src/nn/attention.js";
import { conv1dLayer, initConv1d } from "../../src/nn/conv.js";
import { dropout } from "../../src/nn/dropout.js";
import { fakeQuantize } from "../../src/nn/fake-quantize.js";
import { binaryCrossEntropyWithLogits } from "../../src/nn/losses/binary-cross-entropy.js";
import { cosineEmbeddingLoss } from "../../src/nn/losses/cosine.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import { l1Loss } from "../../src/nn/losses/l1.js";
import { convnet } from "../../src/nn/models/convnet.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { mobilenet } from "../../src/nn/models/mobilenet.js";
import { recurrentClassifier } from "../../src/nn/models/recurrent-classifier.js";
import { resnet18 } from "../../src/nn/models/resnet18.js";
import { sequenceTransformer } from "../../src/nn/models/sequence-transformer.js";
import { unet } from "../../src/nn/models/unet.js";
import {
  batchNorm,
  groupNorm,
  initBatchNorm,
  initGroupNorm,
  initLayerNorm,
  layerNorm,
} from "../../src/nn/norm.js";
import { lstm } from "../../src/nn/recurrent.js";
import { initLstmCell } from "../../src/nn/recurrent-cells.js";
import { rotaryEmbedding } from "../../src/nn/rotary.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../src/runtime/onnx/executable.js";
import { flatten } from "../../src/tree.js";

const random = (shape: readonly number[], seed = 1): NdArray => torchRandn(torchGenerator(seed), shape);
const spread = (shape: readonly number[], count: number): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7 + 3) % count);
const classes = (shape: readonly number[], count: number): NdArray => int64(spread(shape, count), shape);
const mask = (shape: readonly number[]): NdArray => bool(spread(shape, 2), shape);

/** A traced function with example arguments; its first argument is what gradients are taken in. */
interface Case {
  args: readonly unknown[];
  f: (...args: never[]) => unknown;
}

const images = [2, 3, 8, 8];
const start = <P, S>(model: { init(rng: Mt19937): { params: P; state: S } }) => model.init(torchGenerator(4));
const [smallMlp, smallConvnet, smallResnet, smallSegnet] = [
  mlp({ sizes: [5, 8, 8, 3], activation: "gelu", dropout: 0.4 }),
  convnet({ inputs: 3, imageSize: [8, 8], stages: [[4, 4], [6]] }),
  resnet18({ width: 4 }),
  segnet({ channels: [4, 6], classes: 5 }),
];
const resnet = start(smallResnet);
const smallNormedConvnet = convnet({ inputs: 3, imageSize: [8, 8], stages: [[4, 4], [6]], norm: "batch" });
const normedConvnet = start(smallNormedConvnet);
const smallMobilenet = mobilenet({ inputs: 3, stem: 4, stages: [[4], [6, 6]], expansion: 3, head: 8 });
const mobilenetStart = start(smallMobilenet);
const smallUnet = unet({ inputs: 3, channels: [3, 4] });
const unetStart = start(smallUnet);
const smallGru = recurrentClassifier({ tokens: 5, inputs: 3, width: 4, layers: 2, bidirectional: true });
const smallTransformer = sequenceTransformer({
  inputs: 3,
  width: 8,
  heads: 2,
  causal: true,
  perElement: true,
});
const bn = initBatchNorm(3);

const cases: Record<string, Case> = {
  "plain cross-entropy": {
    args: [random([6, 4]), classes([6], 4)],
    f: (x: Tensor, y: Tensor) => crossEntropy(x, y),
  },
  "cross-entropy with every option, along axis 1": {
    args: [random([2, 3, 4, 5]), classes([2, 4, 5], 4), mask([2, 4, 5])],
    f: (x: Tensor, y: Tensor, m: Tensor) =>
      crossEntropy(x, y, { axis: 1, labelSmoothing: 0.1, ignoreIndex: 3, weights: random([3], 2), mask: m }),
  },
  "binary cross-entropy with missing labels": {
    args: [random([4, 3]), random([4, 3], 2), mask([4, 3])],
    f: (x: Tensor, y: Tensor, m: Tensor) => binaryCrossEntropyWithLogits(x, y, { posWeight: 2, mask: m }),
  },
  "L1 loss with missing labels": {
    args: [random([4, 3]), random([4, 3], 2), mask([4, 1])],
    f: (x: Tensor, y: Tensor, m: Tensor) => l1Loss(x, y, { mask: m }),
  },
  "cosine embedding loss": {
    args: [random([4, 3]), random([4, 3], 2), classes([4], 2)],
    f: (a: Tensor, b: Tensor, y: Tensor) => cosineEmbeddingLoss(a, b, y, { margin: 0.1 }),
  },
  "batch norm": {
    args: [random(images), bn.params, bn.state],
    f: (x: Tensor, p: never, s: never) => batchNorm(x, p, s, { training: true }),
  },
  "layer and group norm": {
    args: [random([2, 4, 3, 3]), initLayerNorm([3, 3]), initGroupNorm(4)],
    f: (x: Tensor, p: never, q: never) => groupNorm(layerNorm(x, p), q, { groups: 2 }),
  },
  "masked attention": {
    args: [random([2, 4, 8]), initMultiHeadAttention(torchGenerator(1), 8), mask([2, 1, 4, 4])],
    f: (x: Tensor, p: never, m: Tensor) => multiHeadAttention(x, p, { heads: 2, causal: true, mask: m }),
  },
  dropout: {
    args: [random([30, 10]), int64([123456789], [])],
    f: (x: Tensor, seed: Tensor) => dropout(x, { rate: 0.3, stream: 5, training: true, seed }),
  },
  "symmetric fake quantization of channels": {
    args: [random([6, 20])],
    f: (w: Tensor) => square(fakeQuantize(w, { bits: 4, axis: 0 })),
  },
  "asymmetric fake quantization": {
    args: [random([6, 20])],
    f: (x: Tensor) => square(fakeQuantize(x, { range: [-0.7, 1.1] })),
  },
  "mlp with dropout": {
    args: [start(smallMlp).params, random([4, 5]), int64([3], [])],
    f: (p: never, x: Tensor, seed: Tensor) => smallMlp.apply(p, x, { training: true, seed }).output,
  },
  convnet: {
    args: [start(smallConvnet).params, random(images)],
    f: (p: never, x: Tensor) => smallConvnet.apply(p, x).output,
  },
  "resnet18 in training": {
    args: [resnet.params, random([4, 3, 8, 8]), resnet.state],
    f: (p: never, x: Tensor, state: never) => smallResnet.apply(p, x, { state, training: true }),
  },
  "resnet18 in evaluation": {
    args: [resnet.params, random([4, 3, 8, 8]), resnet.state],
    f: (p: never, x: Tensor, state: never) => smallResnet.apply(p, x, { state }).output,
  },
  "convnet with batch norm in training": {
    args: [normedConvnet.params, random([4, 3, 8, 8]), normedConvnet.state],
    f: (p: never, x: Tensor, state: never) => smallNormedConvnet.apply(p, x, { state, training: true }),
  },
  "mobilenet in training": {
    args: [mobilenetStart.params, random([4, 3, 8, 8]), mobilenetStart.state],
    f: (p: never, x: Tensor, state: never) => smallMobilenet.apply(p, x, { state, training: true }),
  },
  "mobilenet in evaluation": {
    args: [mobilenetStart.params, random([4, 3, 8, 8]), mobilenetStart.state],
    f: (p: never, x: Tensor, state: never) => smallMobilenet.apply(p, x, { state }).output,
  },
  "unet in training": {
    args: [unetStart.params, random([2, 3, 8, 8]), unetStart.state],
    f: (p: never, x: Tensor, state: never) => smallUnet.apply(p, x, { state, training: true }),
  },
  "GRU layers in both directions, on tokens": {
    args: [start(smallGru).params, classes([3, 6], 5)],
    f: (p: never, x: Tensor) => smallGru.apply(p, x).output,
  },
  "LSTM of sequences of different lengths": {
    args: [initLstmCell(torchGenerator(1), 3, 4), random([2, 6, 3]), int64([5, 2])],
    f: (p: never, x: Tensor, lengths: Tensor) => lstm(x, p, { lengths, reverse: true }),
  },
  "transformer with rotary embeddings": {
    args: [start(smallTransformer).params, random([2, 5, 3])],
    f: (p: never, x: Tensor) => smallTransformer.apply(p, x).output,
  },
  "convolution and pooling of sequences": {
    args: [initConv1d(torchGenerator(1), 3, 4, 3), random([2, 3, 9])],
    f(p: never, x: Tensor) {
      const h = conv1dLayer(x, p, { padding: 1 });
      return {
        max: maxPool1d(h, { kernel: 2 }),
        avg: avgPool1d(h, { kernel: 3, stride: 2, padding: 1 }),
        last: rotaryEmbedding(transpose(conv1dLayer(x, p, { stride: 2, dilation: 2 }), [0, 2, 1]), {
          interleaved: true,
        }),
      };
    },
  },
  segnet: {
    args: [start(smallSegnet).params, random(images)],
    f: (p: never, x: Tensor) => smallSegnet.apply(p, x).output,
  },
};

it.each(sampledRows(Object.entries(cases)))(
  "ONNX Runtime in float32 agrees with the float64 JavaScript in values and gradients: %s",
  async (title, { args, f }) => {
    // Batch norm over four values magnifies rounding: PyTorch's own float32 gradient is as far from its float64 one.
    const tolerance = title === "resnet18 in training" ? 1e-3 : 1e-5;
    const traced = trace((...tensors: never[]) => f(...tensors), args as never);
    const { inputs, outputs } = traced.graph;
    const parameters = inputs.filter(({ name }) => /^0(\.|$)/.test(name));
    const gradients = backward(
      outputs.map(({ tensor }) => tensor),
      outputs.map(({ tensor }) => fillLike(tensor, 1)),
      parameters.map(({ tensor }) => tensor),
    );
    const ports = gradients.map((tensor, k) => ({ name: `gradient ${parameters[k].name}`, tensor }));
    const graph = simplify({ inputs, outputs: [...outputs, ...ports] });
    const { leaves } = flatten<NdArray>(args, isNdArray);
    const values = Object.fromEntries(inputs.map(({ name }, k) => [name, leaves[k]]));
    const onnx = await compileOnnx(graph);
    const [expected, actual] = [compileJavaScript(graph).runSync(values), await onnx.run(values)];
    await onnx.dispose();
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) expectClose(actual[name], value, tolerance);
  },
);
