import { mapMessages, rawField, rawFields, rawMessage } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { fileOf, float32, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { graph as graphOf } from "../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { dropMetadata } from "../../src/model-file/prepare/drop-metadata.js";

const x = float32([1, -2]);
const inner = (y: string) =>
  graphOf({
    name: y,
    inputs: [],
    outputs: [{ name: y }],
    initializers: [],
    nodes: [node("Neg", ["a"], {}, [y])],
  });
const bytes = fileOf({
  inputs: { x },
  initializers: { w: float32([3, 4]), c: { shape: [], data: Uint8Array.of(1) } },
  nodes: [
    node("Mul", ["x", "w"], {}, ["a"]),
    node("If", ["c"], { then_branch: inner("t"), else_branch: inner("e") }),
  ],
});

/** A message with a text of a field and an entry of properties, as torch.onnx.export(..., dynamo=True) leaves them. */
const remarked = (text: number, properties: number) => (message: Uint8Array) =>
  rawMessage([
    ...rawFields(message),
    rawField(text, (w, n) => w.string(n, "File model.py, line 12")),
    rawField(properties, (w, n) =>
      w.message(n, (entry) => {
        entry.string(1, "pkg.torch.onnx.stack_trace");
        entry.string(2, "return self.layer(x)");
      }),
    ),
  ]);

it("leaves out what exporters note in nodes, values, tensors and graphs, inner ones too, but not in the model", () => {
  const noted = remarked(
    6,
    14,
  )(
    mapMessages(bytes, {
      node: remarked(6, 9),
      graph: remarked(10, 16),
      tensor: remarked(12, 16),
      value: remarked(3, 4),
    }),
  );
  const dropped = dropMetadata(noted);
  expect(Buffer.from(noted).toString("latin1").split("stack_trace")).toHaveLength(15);
  expect(Buffer.from(dropped).toString("latin1").split("stack_trace")).toHaveLength(2);
  expect(dropped.length).toBeGreaterThan(bytes.length);
  expect(decodeModel(dropped).graph).toEqual(decodeModel(bytes).graph);
  expect(runImported(dropped, { x }).y.data).toEqual(Float32Array.of(-3, 8));
  expect(Object.keys(fromOnnx(dropped).params)).toEqual(["w"]);
});

it("returns a file without any as it is", () => {
  expect(dropMetadata(bytes)).toBe(bytes);
});
