import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { zeros } from "../../../src/array.js";
import { IsolossError, ShapeError } from "../../../src/errors.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRand } from "../../../src/math/mt19937.js";
import { namedArrays } from "../../../src/named-arrays.js";
import { convnet } from "../../../src/nn/models/convnet.js";
import { compile } from "../../../src/runtime/compile.js";
import { decodeModel } from "../../../src/runtime/onnx/codec.js";
import { toOnnx } from "../../../src/runtime/onnx/export.js";
import { relativeError } from "../relative-error.js";

const model = convnet({ imageSize: [12, 12] });
const rng = torchGenerator(3);
const { params } = model.init(rng);
const x = torchRand(rng, [5, 1, 12, 12]);
const apply = (p: TensorsOf<typeof params>, v: Tensor) => ({ logits: model.apply(p, v).output });
const { graph } = trace(({ params, x }) => apply(params, x), { params, x: spec([5, 1, 12, 12]) });
const weights = namedArrays({ params });

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
