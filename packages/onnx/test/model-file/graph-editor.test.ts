import { float } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { opened } from "isoloss-test-support/model-file/builder";
import { fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { ProtoWriter } from "../../../core/src/runtime/onnx/protobuf.js";
import { GraphEditor } from "../../src/model-file/edit/graph-editor.js";

const bytesOf = (...values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);

interface Shown {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly value?: readonly number[];
  readonly infos?: readonly string[];
  readonly stored?: Readonly<Record<string, readonly number[]>>;
}

/** A file of an Add with all that a node, a graph and a model can have around it. */
function file({ inputs, output, stored = {}, infos = [] }: Shown, irVersion = 8): Uint8Array {
  const w = new ProtoWriter();
  w.int(1, irVersion);
  w.string(6, "doc of the model");
  w.message(7, (g) => {
    g.message(1, (n) => {
      for (const input of inputs) n.string(1, input);
      n.string(2, output);
      n.string(3, "name");
      n.string(4, "Add");
      n.string(6, "doc of the node");
      n.message(9, (entry) => entry.string(1, "metadata of the node"));
    });
    g.string(2, "graph");
    for (const [name, values] of Object.entries(stored)) {
      g.message(5, (t) => {
        t.packedInts(1, [values.length]);
        t.int(2, 1);
        t.string(8, name);
        t.bytes(9, bytesOf(...values));
      });
    }
    g.string(10, "doc of the graph");
    g.message(11, (v) => v.string(1, "x"));
    g.message(12, (v) => v.string(1, "y"));
    for (const info of infos) g.message(13, (v) => v.string(1, info));
  });
  w.message(8, (o) => o.int(2, 17));
  // Functions came with IR version 8.
  if (irVersion >= 8) w.message(25, (f) => f.string(1, "function"));
  return w.finish();
}

const edited = (bytes: Uint8Array, edit: (editor: GraphEditor) => void): Uint8Array => {
  const editor = new GraphEditor("test", opened(bytes));
  edit(editor);
  return editor.finish().bytes;
};

describe("editing a graph", () => {
  it.each([0, 3])("writes another number into a Constant node that holds %d as an attribute", (before) => {
    const constant = (value: number) =>
      fileOf({
        inputs: { x: float32([1]) },
        nodes: [node("Constant", [], { value_float: float(value) }, ["c"]), node("Add", ["x", "c"])],
      });
    const changed = edited(constant(before), (editor) => {
      expect(editor.floats("c")).toEqual({ dtype: "float32", shape: [], data: Float64Array.of(before) });
      editor.setFloats("c", { dtype: "float32", shape: [], data: Float64Array.of(0.1) });
    });
    expect(decodeModel(changed)).toEqual(decodeModel(constant(0.1)));
  });

  it("keeps every byte where nothing changes", () => {
    const bytes = file({ inputs: ["x", "w"], output: "y", stored: { w: [1, 2] }, infos: ["y", "odd"] });
    expect(edited(bytes, (editor) => editor.floats("w"))).toEqual(bytes);
  });

  it("rewires a node and keeps all else of it", () => {
    const before = file({ inputs: ["x", "w"], output: "y" });
    const after = file({ inputs: ["v", "x", "x"], output: "z" });
    expect(edited(before, (e) => e.rewire(e.nodes[0], { inputs: ["v", "x", "x"], outputs: ["z"] }))).toEqual(
      after,
    );
  });

  it("leaves out tensors and value infos that lose their use, and keeps those that never had one", () => {
    const before = file({
      inputs: ["x", "w"],
      output: "a",
      stored: { w: [1], spare: [2] },
      infos: ["a", "odd"],
    });
    const after = file({ inputs: ["x", "x"], output: "y", stored: { spare: [2] }, infos: ["odd"] });
    expect(edited(before, (e) => e.rewire(e.nodes[0], { inputs: ["x", "x"], outputs: ["y"] }))).toEqual(
      after,
    );
  });

  it("replaces numbers, and adds tensors under names that are free", () => {
    const before = file({ inputs: ["x", "w"], output: "y", stored: { w: [1] } });
    const after = file({ inputs: ["x", "w_1"], output: "y", stored: { w_1: [3, 4] } });
    const floats = { dtype: "float32" as const, shape: [2], data: Float64Array.of(3, 4) };
    expect(edited(before, (e) => e.rewire(e.nodes[0], { inputs: ["x", e.add("w", floats)] }))).toEqual(after);
    const doubled = file({ inputs: ["x", "w"], output: "y", stored: { w: [2] } });
    expect(
      edited(before, (e) => e.setFloats("w", { ...floats, shape: [1], data: Float64Array.of(2) })),
    ).toEqual(doubled);
  });

  it("makes an added tensor an input, too, where the IR version needs it", () => {
    const floats = { dtype: "float32" as const, shape: [1], data: Float64Array.of(1) };
    const inputsOf = (irVersion: number) => {
      const bytes = edited(file({ inputs: ["x", "x"], output: "y" }, irVersion), (e) =>
        e.rewire(e.nodes[0], { inputs: ["x", e.add("w", floats)] }),
      );
      return decodeModel(bytes).graph.inputs;
    };
    expect(inputsOf(3)).toEqual([{ name: "x" }, { name: "w", dtype: "float32", shape: [1] }]);
    expect(inputsOf(7)).toEqual([{ name: "x" }]);
  });

  it("leaves out an added tensor that nothing reads in the end", () => {
    const before = file({ inputs: ["x", "x"], output: "y" });
    const floats = { dtype: "float32" as const, shape: [1], data: Float64Array.of(1) };
    expect(edited(before, (e) => e.add("w", floats))).toEqual(before);
  });

  it("raises the versions of a file, and never lowers them", () => {
    const bytes = edited(file({ inputs: ["x", "x"], output: "y" }, 7), (e) => e.raiseVersions(18, 8));
    const { irVersion, opsets } = decodeModel(bytes);
    expect([irVersion, opsets]).toEqual([8, [{ domain: "", version: 18 }]]);
    expect(decodeModel(edited(bytes, (e) => e.raiseVersions(13, 3))).opsets).toEqual(opsets);
  });

  it("knows values that a graph inside a node reads, and the operator set", () => {
    const editor = new GraphEditor("test", opened(file({ inputs: ["x", "w"], output: "y" })));
    expect(editor.opset).toBe(17);
    expect([editor.isOutput("y"), editor.isOutput("x"), editor.isUsedOnce("x")]).toEqual([true, false, true]);
    expect(editor.freshName("y")).toBe("y_1");
  });
});
