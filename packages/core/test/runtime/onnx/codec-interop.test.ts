import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { loadOrt } from "#ort";
import { encodeModel } from "../../../src/runtime/onnx/codec.js";
import {
  graph,
  int,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
} from "../../../src/runtime/onnx/schema.js";

const modelOf = (graph: OnnxGraph): OnnxModel => ({
  irVersion: 8,
  opsets: [{ domain: "", version: 18 }],
  producer: "isoloss",
  metadata: { origin: "test" },
  graph,
});

const float32 = (name: string, shape: number[]) => ({ name, dtype: "float32", shape }) as const;
const constant = (name: string, shape: number[], data: OnnxTensor["data"], dtype: OnnxTensor["dtype"]) => ({
  name,
  dtype,
  shape,
  data,
});

/** y = x w + b */
const affine: OnnxGraph = {
  name: "affine",
  inputs: [float32("x", [2, 2])],
  outputs: [float32("y", [2, 3])],
  initializers: [
    constant("w", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6), "float32"),
    constant("b", [3], Float32Array.of(10, 20, 30), "float32"),
  ],
  nodes: [
    { opType: "MatMul", inputs: ["x", "w"], outputs: ["xw"], attributes: {} },
    { opType: "Add", name: "bias", inputs: ["xw", "b"], outputs: ["y"], attributes: {} },
  ],
};

/** Doubles x `steps` times and keeps each stage; the addend comes from the surrounding graph. */
const loop: OnnxGraph = {
  name: "loop",
  inputs: [float32("x", [2]), { name: "steps", dtype: "int64", shape: [] }],
  outputs: [float32("last", [2]), { name: "stages", dtype: "float32", shape: ["steps", 2] }],
  initializers: [
    constant("always", [], Uint8Array.of(1), "bool"),
    constant("one", [1], Float32Array.of(1), "float32"),
  ],
  nodes: [
    {
      opType: "Loop",
      inputs: ["steps", "always", "x"],
      outputs: ["last", "stages"],
      attributes: {
        body: graph({
          name: "body",
          inputs: [
            { name: "i", dtype: "int64", shape: [] },
            { name: "go", dtype: "bool", shape: [] },
            float32("state", [2]),
          ],
          outputs: [{ name: "go-on", dtype: "bool", shape: [] }, float32("next", [2]), float32("stage", [2])],
          initializers: [],
          nodes: [
            { opType: "Identity", inputs: ["go"], outputs: ["go-on"], attributes: {} },
            { opType: "Add", inputs: ["state", "state"], outputs: ["twice"], attributes: {} },
            { opType: "Add", inputs: ["twice", "one"], outputs: ["next"], attributes: {} },
            { opType: "Cast", inputs: ["next"], outputs: ["stage"], attributes: { to: int(1) } },
          ],
        }),
      },
    },
  ],
};

/** A constant of every element type that ONNX Runtime hands over to JavaScript. */
const typed = [
  constant("float64", [2], Float64Array.of(0.1, -1e300), "float64"),
  constant("int64", [2], BigInt64Array.of(-1n, 2n ** 63n - 1n), "int64"),
  constant("int32", [2], Int32Array.of(-7, 2 ** 31 - 1), "int32"),
  constant("uint32", [2], Uint32Array.of(0, 2 ** 32 - 1), "uint32"),
  constant("uint8", [2], Uint8Array.of(0, 255), "uint8"),
  constant("bool", [2], Uint8Array.of(1, 0), "bool"),
  constant("float16", [2], Uint16Array.of(0x3c00, 0xc000), "float16"),
  constant("int16", [2], Int16Array.of(-(2 ** 15), 2 ** 15 - 1), "int16"),
  constant("int8", [2], Int8Array.of(-128, 127), "int8"),
  constant("uint64", [2], BigUint64Array.of(0n, 2n ** 64n - 1n), "uint64"),
  constant("uint16", [2], Uint16Array.of(0, 2 ** 16 - 1), "uint16"),
];

/** Every element type as a constant, with an optional input left out. */
const constants: OnnxGraph = {
  name: "constants",
  inputs: [float32("x", [2])],
  outputs: [float32("y", [2]), ...typed.map(({ dtype }) => ({ name: `${dtype}-out`, dtype, shape: [2] }))],
  initializers: [constant("high", [], Float32Array.of(1), "float32"), ...typed],
  nodes: [
    { opType: "Clip", inputs: ["x", "", "high"], outputs: ["y"], attributes: {} },
    ...typed.map(({ dtype }) => ({
      opType: "Identity",
      inputs: [dtype],
      outputs: [`${dtype}-out`],
      attributes: {},
    })),
  ],
};

async function run(model: OnnxGraph, feeds: Record<string, OnnxTensor["data"]>) {
  const ort = await loadOrt("cpu");
  const session = await ort.InferenceSession.create(encodeModel(modelOf(model)), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const tensors = model.inputs.map(({ name, dtype, shape }) => {
    const data = feeds[name];
    return [name, new ort.Tensor(dtype as "float32", data as Float32Array, shape as number[])] as const;
  });
  const results = await session.run(Object.fromEntries(tensors));
  await session.release();
  return results;
}

describe("ONNX Runtime on an encoded model", () => {
  it("multiplies and adds", async () => {
    const { y } = await run(affine, { x: Float32Array.of(1, 0, 2, -1) });
    // By hand: [1 0] w + b and [2 -1] w + b.
    expect(y.dims).toEqual([2, 3]);
    expect([...(y.data as Float32Array)]).toEqual([11, 22, 33, 8, 19, 30]);
  });

  it("runs a Loop whose body uses a value of the outer graph", async () => {
    const { last, stages } = await run(loop, { x: Float32Array.of(0, 1), steps: BigInt64Array.of(3n) });
    // By hand: s -> 2 s + 1 three times from 0 and from 1.
    expect([...(last.data as Float32Array)]).toEqual([7, 15]);
    expect(stages.dims).toEqual([3, 2]);
    expect([...(stages.data as Float32Array)]).toEqual([1, 3, 3, 7, 7, 15]);
  });

  it("reads every element type as it was written", async () => {
    const results = await run(constants, { x: Float32Array.of(0.5, 2) });
    expect([...(results.y.data as Float32Array)]).toEqual([0.5, 1]);
    for (const { name, dtype, data } of constants.initializers.slice(1)) {
      const out = results[`${name}-out`];
      expect(out.type).toBe(dtype);
      const { buffer, byteOffset, byteLength } = out.data as Uint8Array;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      expect([...bytes], name).toEqual([...new Uint8Array(data.buffer)]);
    }
  });
});

const python = "/usr/bin/python3";
const hasOnnx = spawnSync(python, ["-c", "import onnx"]).status === 0;

describe.skipIf(!hasOnnx)(
  "the onnx package for Python on an encoded model (skipped where it is not installed)",
  () => {
    it.each([
      ["affine", affine],
      ["loop", loop],
      ["constants", constants],
    ])("finds %s valid and agrees with the shapes it states", (_, model) => {
      const script = [
        "import sys, onnx",
        "model = onnx.load_model_from_string(sys.stdin.buffer.read())",
        "onnx.checker.check_model(model, full_check=True)",
        "print(len(model.graph.node), len(model.graph.initializer), model.producer_name, model.metadata_props[0].value)",
      ].join("\n");
      const result = spawnSync(python, ["-c", script], {
        input: encodeModel(modelOf(model)),
        encoding: "utf8",
      });
      expect(result.stderr).toBe("");
      expect(result.stdout.trim()).toBe(`${model.nodes.length} ${model.initializers.length} isoloss test`);
    });
  },
);
