import { IsolossError, spec, trace } from "isoloss";
import { float, int } from "isoloss/internal";
import { encodeModel, inlineExternalData } from "isoloss/onnx";
import { fileOf, float32, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../../src/import/from-onnx.js";
import { liftBounds } from "../../../src/model-file/prepare/bounds.js";
import { dropIdentity } from "../../../src/model-file/prepare/drop-identity.js";
import { check, refusalOf } from "./check.js";
import { branching, namedFiles } from "./named.js";
import { referenceSeconds, secondsOf } from "./reference.js";

describe("a file that asks for too much is refused with a reason:", () => {
  it.each(Object.entries(namedFiles))("%s", (_, [make, message]) => {
    const bytes = make();
    const error = refusalOf(bytes);
    expect(error).toBeInstanceOf(IsolossError);
    expect((error as Error).message).toMatch(message);
    expect(check(bytes).crashes).toEqual([]);
  });
});

it("inlineExternalData refuses graphs nested deeper than the decoder reads", () => {
  const [make] = namedFiles["If in If, 10,000 deep"];
  expect(() => inlineExternalData(make(), {})).toThrow("Messages nested deeper than 100");
});

it("dropIdentity leaves an Identity without an operand or a result", () => {
  for (const own of [node("Identity", []), node("Identity", ["x"], {}, [])]) {
    const { report } = dropIdentity(fileOf({ nodes: [own, node("Neg", ["x"])] }));
    expect(report.map(({ changed, note }) => [changed, note])).toEqual([
      [false, "the file is damaged: it has no operand, or no result of its own"],
    ]);
  }
});

it("liftBounds leaves a Clip whose channels are no count", () => {
  const w = float32([1, 2, 3, 4], [2, 2, 1, 1]);
  const attributes = { min: float(0), max: float(6) };
  for (const group of [-3, 0, 2 ** 40]) {
    const transposed = node("ConvTranspose", ["x", "w"], { group: int(group) }, ["z"]);
    const bytes = fileOf({
      initializers: { w },
      nodes: [transposed, node("Clip", ["z"], attributes)],
      opset: 9,
    });
    expect(liftBounds(bytes).report.map(({ changed }) => changed)).toEqual([false]);
  }
});

it("indices of no axes stand for the whole operand", () => {
  const none = { shape: [2, 0], data: new BigInt64Array() };
  const bytes = fileOf({
    inputs: { x: float32([5, 7]) },
    initializers: { none },
    nodes: [node("GatherND", ["x", "none"])],
  });
  expect(runImported(bytes, { x: float32([5, 7]) }).y).toEqual(float32([5, 7, 5, 7], [2, 2]));
});

it("an If in an If, 30 deep, with an unknown condition is read in time", () => {
  const bytes = branching(30);
  expect(refusalOf(bytes)).toBeUndefined();
  expect(check(bytes).crashes).toEqual([]);
});

it("a value without elements takes no time, however long its other axes are", () => {
  const x = { shape: [2 ** 29, 0, 3], data: new Float32Array() };
  const w = float32([1, 2, 3], [3, 1]);
  const bytes = fileOf({ inputs: { x }, initializers: { w }, nodes: [node("MatMul", ["x", "w"])] });
  const seconds = secondsOf(() => expect(runImported(bytes, { x }).y.shape).toEqual([2 ** 29, 0, 1]));
  // Its axis alone would take more steps than the reference has operations, ten thousand times.
  expect(seconds).toBeLessThan(referenceSeconds());
});

it("an input named as a property of every object is missing until it is given", () => {
  const model = fromOnnx(
    fileOf({ inputs: { constructor: float32([1]) }, nodes: [node("Neg", ["constructor"])] }),
  );
  expect(() => trace(() => model.apply({}, {}), [spec([1])])).toThrow('"constructor" is missing');
});

it("a size of -1 in a file is open", () => {
  const bytes = encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 18 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "graph",
      inputs: [{ name: "x", dtype: "float32", shape: [-1, 3] }],
      outputs: [{ name: "y" }],
      initializers: [],
      nodes: [node("Neg", ["x"])],
    },
  });
  const model = fromOnnx(bytes);
  expect(model.inputs[0].shape).toEqual(["", 3]);
  const { graph } = trace(({ x }) => model.apply({}, { x }), { x: spec([5, 3]) });
  expect(graph.outputs[0].tensor.shape).toEqual([5, 3]);
});
