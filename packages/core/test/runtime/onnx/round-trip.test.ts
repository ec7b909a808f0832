// Models that are written here, read back.

import fc from "fast-check";
import { fromOnnx } from "isoloss-onnx";
import type { OpRow } from "isoloss-test-support/graph/ops/op-case";
import { forwardGraph, relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { expectClose, int64 } from "isoloss-test-support/nn/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { astype, dtypeOf, type NdArray } from "../../../src/array.js";
import { valueAndGrad } from "../../../src/graph/autodiff.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRand } from "../../../src/math/mt19937.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import type { Model } from "../../../src/nn/model.js";
import { convnet } from "../../../src/nn/models/convnet.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { mobilenet } from "../../../src/nn/models/mobilenet.js";
import { patchTransformer } from "../../../src/nn/models/patch-transformer.js";
import { recurrentClassifier } from "../../../src/nn/models/recurrent-classifier.js";
import { resnet18 } from "../../../src/nn/models/resnet18.js";
import { sequenceTransformer } from "../../../src/nn/models/sequence-transformer.js";
import { unet } from "../../../src/nn/models/unet.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { jit } from "../../../src/runtime/jit.js";
import { toOnnx } from "../../../src/runtime/onnx/export.js";
import { namedArrays } from "../../../src/tree.js";
import { labeled, opTable, settings } from "../../graph/ops/op-table.js";
import { overPixels } from "../../nn/models/support.js";

/** Operations that a file spells with products of 32-bit integers, which are not exact where it is read. */
const writeOnly = ["randomUniform"];
const isRead = ({ name }: OpRow) => !writeOnly.some((op) => name.startsWith(op));

describe("an operation written to a file and read back computes the same:", () => {
  it.each(sampledRows(opTable.filter(isRead)).map((row) => [row.name, row] as const))("%s", (_, row) => {
    const property = fc.property(labeled(row), (c) => {
      const { graph, values } = forwardGraph(c, "float64");
      const model = fromOnnx(toOnnx(graph), { dtype: "float64" });
      const types = graph.inputs.map(({ name, tensor }) => [name, spec(tensor.shape, tensor.dtype)]);
      const again = trace(({ in: x }) => model.apply({}, x), { in: Object.fromEntries(types) }).graph;
      const renamed = Object.fromEntries(Object.entries(values).map(([name, x]) => [`in.${name}`, x]));
      const expected = compileJavaScript(simplify(graph)).runSync(values).result;
      const actual = compileJavaScript(simplify(again)).runSync(renamed).result;
      expect(actual.shape).toEqual(expected.shape);
      expect(dtypeOf(actual)).toBe(dtypeOf(expected));
      // Attributes, such as the slope of leakyRelu, are stored as float32.
      expect(relativeError(actual, expected)).toBeLessThan(1e-7);
    });
    fc.assert(property, settings(5));
  });
});

type Tree = Readonly<Record<string, NdArray>>;
type Traced = TensorsOf<Tree>;

const images = { inputs: 1, imageSize: [8, 8] as const };
const networks: Readonly<Record<string, readonly [model: unknown, shape: readonly number[]]>> = {
  "a perceptron": [mlp({ sizes: [5, 7, 6, 3], activation: "elu" }), [4, 5]],
  "a convnet": [convnet({ ...images, stages: [[4, 4], [6]] }), [2, 1, 8, 8]],
  "a convnet with batch norm": [convnet({ ...images, stages: [[4, 4], [6]], norm: "batch" }), [2, 1, 8, 8]],
  "a network of depthwise convolutions": [
    mobilenet({ stem: 4, stages: [[4], [6, 6]], expansion: 3, head: 8 }),
    [2, 1, 8, 8],
  ],
  "a network of pixel classes": [overPixels(unet({ channels: [3, 4], classes: 3 })), [2, 1, 4, 4]],
  "a recurrent network": [
    recurrentClassifier({ cell: "lstm", inputs: 3, width: 4, layers: 2, bidirectional: true }),
    [2, 4, 3],
  ],
  "a transformer with rotary embeddings": [
    sequenceTransformer({ inputs: 3, width: 4, heads: 2, depth: 1, hidden: 5 }),
    [2, 4, 3],
  ],
  "a residual network": [resnet18({ width: 4 }), [2, 3, 8, 8]],
  "a transformer": [
    patchTransformer({ imageSize: [4, 4], patch: 2, width: 4, heads: 2, depth: 1, classes: 3 }),
    [2, 1, 4, 4],
  ],
};

describe("a network written to a file and read back has the same loss and gradient:", () => {
  it.each(Object.entries(networks))("%s", async (_, [network, shape]) => {
    const model = network as Model<Tree, Tree>;
    const rng = torchGenerator(5);
    const { params, state } = model.init(rng, { dtype: "float64" });
    const x = astype(torchRand(rng, shape), "float64");
    const y = int64(Array.from({ length: shape[0] }, (_, i) => i % 2));
    const logits = (p: Traced, input: Tensor, s: Traced) => model.apply(p, input, { state: s }).output;
    const { graph } = trace((given) => ({ logits: logits(given.params, given.x, given.state) }), {
      params,
      x,
      state,
    });
    const isParameter = (name: string) => name.startsWith("params.");
    const read = fromOnnx(toOnnx(graph, { constants: namedArrays({ params, state }) }), { isParameter });
    expect(read.params).toEqual(namedArrays({ params }));
    const own = await jit(
      (p: Traced, input: Tensor, labels: Tensor, s: Traced) =>
        valueAndGrad((q: Traced) => crossEntropy(logits(q, input, s), labels))(p),
      [params, x, y, state],
    );
    const imported = await jit(
      (p: Traced, input: Tensor, labels: Tensor) =>
        valueAndGrad((q: Traced) => crossEntropy(read.apply(q, { x: input }).logits, labels))(p),
      [read.params, x, y],
    );
    const [loss, gradient] = await own(params, x, y, state);
    const [lossRead, gradientRead] = await imported(read.params, x, y);
    expectClose(lossRead, loss);
    const wanted = namedArrays({ params: gradient });
    for (const [name, g] of Object.entries(gradientRead)) expectClose(g, wanted[name], 1e-10);
  });
});
