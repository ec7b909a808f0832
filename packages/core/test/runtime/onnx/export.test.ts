import { fromOnnx } from "isoloss-onnx";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { type NdArray, zeros } from "../../../src/array.js";
import { IsolossError, ShapeError } from "../../../src/errors.js";
import { grad } from "../../../src/graph/autodiff.js";
import { cond } from "../../../src/graph/control/cond.js";
import { scan } from "../../../src/graph/control/scan.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { greater } from "../../../src/graph/ops/compare.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRand } from "../../../src/math/mt19937.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import type { Model } from "../../../src/nn/model.js";
import { convnet } from "../../../src/nn/models/convnet.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { patchTransformer } from "../../../src/nn/models/patch-transformer.js";
import { resnet18 } from "../../../src/nn/models/resnet18.js";
import { compile } from "../../../src/runtime/compile.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { decodeModel } from "../../../src/runtime/onnx/codec.js";
import { toOnnx } from "../../../src/runtime/onnx/export.js";
import { namedArrays } from "../../../src/tree.js";
import { relativeError } from "../relative-error.js";

const model = convnet({ imageSize: [12, 12] });
const rng = torchGenerator(3);
const { params } = model.init(rng);
const x = torchRand(rng, [5, 1, 12, 12]);
const apply = (p: TensorsOf<typeof params>, v: Tensor) => ({ logits: model.apply(p, v).output });
const { graph } = trace(({ params, x }) => apply(params, x), { params, x: spec([5, 1, 12, 12]) });
const weights = namedArrays({ params });

const networks: Readonly<Record<string, readonly [network: Model<never, never>, shape: readonly number[]]>> =
  {
    "a perceptron": [mlp({ sizes: [5, 7, 3] }) as never, [5]],
    "a residual network": [resnet18({ width: 4 }) as never, [3, 8, 8]],
    "a transformer": [
      patchTransformer({ imageSize: [4, 4], patch: 2, width: 4, heads: 2, depth: 1, classes: 3 }) as never,
      [1, 4, 4],
    ],
  };

describe("an exported model", () => {
  it("has its parameters inside, standard operators only, and the graph's names", () => {
    const file = decodeModel(toOnnx(graph, { constants: weights, metadata: { task: "digits" } }));
    expect(file.graph.inputs.map((i) => i.name)).toEqual(["x"]);
    expect(file.graph.outputs.map((o) => o.name)).toEqual(["logits"]);
    expect(file.graph.initializers.map((t) => t.name)).toEqual(expect.arrayContaining(Object.keys(weights)));
    expect(new Set(file.graph.nodes.map((n) => n.domain ?? ""))).toEqual(new Set([""]));
    expect(file.opsets).toEqual([{ domain: "", version: 18 }]);
    expect(file.metadata).toEqual({ task: "digits" });
  });

  it("gives the same numbers in a plain session of ONNX Runtime", async () => {
    const executable = await compile(graph, { runtime: "javascript" });
    const expected = (await executable.run({ ...weights, x })).logits;
    const session = await ort.InferenceSession.create(toOnnx(graph, { constants: weights }));
    const { logits } = await session.run({ x: new ort.Tensor("float32", x.data as Float32Array, x.shape) });
    await session.release();
    expect(logits.dims).toEqual([5, 10]);
    expect(relativeError(expected, { shape: logits.dims, data: logits.data as Float32Array })).toBeLessThan(
      1e-6,
    );
  });

  it("refuses constants that no input takes, or of another shape", () => {
    expect(() => toOnnx(graph, { constants: { nothing: zeros([1]) } })).toThrow(IsolossError);
    expect(() => toOnnx(graph, { constants: { nothing: zeros([1]) } })).toThrow(
      /no input "nothing"; it has params/,
    );
    expect(() => toOnnx(graph, { constants: { x: zeros([5, 1, 12, 11]) } })).toThrow(ShapeError);
  });
});

describe("an exported model whose batch stays open", () => {
  const anyBatch = (n: number) =>
    trace(({ params, x }) => apply(params, x), { params, x: spec([n, 1, 12, 12]) }).graph;

  it("gives the numbers of each size, in ONNX Runtime and read back", async () => {
    const bytes = toOnnx(anyBatch, { constants: weights });
    const { inputs, outputs } = decodeModel(bytes).graph;
    expect([inputs[0].shape, outputs[0].shape]).toEqual([
      ["batch", 1, 12, 12],
      ["batch", 10],
    ]);
    for (const n of [1, 4]) {
      const images = torchRand(rng, [n, 1, 12, 12]);
      const executable = await compile(anyBatch(n), { runtime: "javascript" });
      const { logits: expected } = await executable.run({ ...weights, x: images });
      for (const logits of [await runSession(bytes, images), runRead(bytes, images)]) {
        expect(logits.shape).toEqual([n, 10]);
        expect(relativeError(expected, logits)).toBeLessThan(1e-6);
      }
    }
  });

  it.each(Object.entries(networks))("keeps the loss and the gradient of %s", async (_, [network, shape]) => {
    const drawn = network.init(torchGenerator(1));
    const graphOf = (n: number) =>
      trace(
        ({ p, s, x: images, y }) => {
          const loss = (q: typeof p) => crossEntropy(network.apply(q, images, { state: s }).output, y);
          return { loss: loss(p), g: grad(loss)(p) };
        },
        { p: drawn.params, s: drawn.state, x: spec([n, ...shape]), y: spec([n], "int64") },
      ).graph;
    const bytes = toOnnx(graphOf, { constants: namedArrays({ p: drawn.params, s: drawn.state }) });
    const session = await ort.InferenceSession.create(bytes);
    for (const n of [2, 5]) {
      const images = torchRand(rng, [n, ...shape]);
      const labels = BigInt64Array.from({ length: n }, (__, i) => BigInt(i % 3));
      const feeds = {
        x: new ort.Tensor("float32", images.data as Float32Array, images.shape),
        y: new ort.Tensor("int64", labels, [n]),
      };
      const results = await session.run(feeds);
      const executable = await compile(graphOf(n), { runtime: "javascript" });
      const inputs = {
        ...namedArrays({ p: drawn.params, s: drawn.state }),
        x: images,
        y: { shape: [n], data: labels },
      };
      for (const [name, expected] of Object.entries(await executable.run(inputs))) {
        const { dims, data } = results[name];
        expect(relativeError(expected, { shape: dims, data: data as Float32Array }), name).toBeLessThan(1e-5);
      }
    }
    await session.release();
  });

  it("keeps loops and branches", async () => {
    const w = torchRand(rng, [3, 3]);
    const graphOf = (n: number) =>
      trace(
        ({ w: weight, x: images }) => {
          const start = mul(0, reshape(slice(images, { starts: [0, 0, 0], ends: [n, 1, 3] }), [n, 3]));
          const loss = (v: Tensor) => {
            const [last, all] = scan(
              (h: Tensor, e: Tensor) => {
                const next = tanh(add(matmul(h, v), e));
                const scaled = () => mul(next, 0.5);
                return [cond(greater(mean(next), 0.2), scaled, () => next), next];
              },
              start,
              transpose(images, [1, 0, 2]),
            );
            return add(mean(square(last)), mean(all));
          };
          return { loss: loss(weight), g: grad(loss)(weight) };
        },
        { w: spec([3, 3]), x: spec([n, 4, 3]) },
      ).graph;
    const session = await ort.InferenceSession.create(toOnnx(graphOf, { constants: { w } }));
    for (const n of [1, 6]) {
      const images = torchRand(rng, [n, 4, 3]);
      const results = await session.run({
        x: new ort.Tensor("float32", images.data as Float32Array, images.shape),
      });
      const expected = compileJavaScript(graphOf(n)).runSync({ w, x: images });
      for (const [name, value] of Object.entries(expected)) {
        const { dims, data } = results[name];
        expect(relativeError(value, { shape: dims, data: data as Float32Array }), name).toBeLessThan(1e-5);
      }
    }
    await session.release();
  });

  it("refuses a graph that is another one for another size", () => {
    const rows = (n: number) => trace((v: Tensor) => concat(Array<Tensor>(n).fill(v)), [spec([1, 2])]).graph;
    expect(() => toOnnx(rows)).toThrow("the size of the batch cannot stay open: Concat");
  });
});

async function runSession(bytes: Uint8Array, images: NdArray): Promise<NdArray> {
  const session = await ort.InferenceSession.create(bytes);
  const { logits } = await session.run({
    x: new ort.Tensor("float32", images.data as Float32Array, images.shape),
  });
  await session.release();
  return { shape: logits.dims, data: logits.data as Float32Array };
}

function runRead(bytes: Uint8Array, images: NdArray): NdArray {
  const read = fromOnnx(bytes);
  const traced = trace(({ p, v }) => read.apply(p, { x: v }), { p: read.params, v: images });
  return compileJavaScript(traced.graph).runSync(namedArrays({ p: read.params, v: images })).logits;
}
