import type { OnnxNode } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { fileOf, float32, int64, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { graph } from "../../../core/src/runtime/onnx/schema.js";
import { dropIdentity } from "../../src/model-file/prepare/drop-identity.js";

const file = (nodes: readonly OnnxNode[], outputs: readonly string[] = ["y"]) =>
  fileOf({
    inputs: { x: float32([1, 2]) },
    initializers: {
      w: float32([3, 4]),
      ratio: float32([0.5], []),
      on: { shape: [], data: Uint8Array.of(1) },
      off: { shape: [], data: Uint8Array.of(0) },
      none: int64([0], []),
      three: int64([3], []),
    },
    nodes,
    outputs,
  });

/** A Loop whose steps make w of v. */
const loop = (inputs: readonly string[], outputs: readonly string[], nodes: readonly OnnxNode[]) =>
  node(
    "Loop",
    inputs,
    {
      body: graph({
        name: "step",
        inputs: ["i", "going", "v"].map((name) => ({ name })),
        outputs: ["going", "w", ...outputs.slice(1).map(() => "v")].map((name) => ({ name })),
        initializers: [],
        nodes,
      }),
    },
    outputs,
  );

const nodesOf = (bytes: Uint8Array) =>
  decodeModel(bytes).graph.nodes.map(
    ({ opType, inputs, outputs }) => `${opType}(${inputs.join(", ")}) -> ${outputs.join(", ")}`,
  );

describe("dropping what does nothing", () => {
  it.each<[string, readonly OnnxNode[], readonly string[], readonly string[]]>([
    [
      "in the middle",
      [
        node("Neg", ["x"], {}, ["a"]),
        node("Identity", ["a"], {}, ["b"]),
        node("Dropout", ["b", "ratio", "off"], {}, ["c", "mask"]),
        node("Add", ["c", "c"]),
      ],
      ["y"],
      ["Neg(x) -> a", "Add(a, a) -> y"],
    ],
    ["of a weight", [node("Identity", ["w"], {}, ["v"]), node("Add", ["x", "v"])], ["y"], ["Add(x, w) -> y"]],
    [
      "before an output, which keeps its name",
      [node("Neg", ["x"], {}, ["a"]), node("Abs", ["a"], {}, ["b"]), node("Identity", ["a"])],
      ["y", "b"],
      ["Neg(x) -> y", "Abs(y) -> b"],
    ],
    [
      "in a chain to an output",
      [node("Neg", ["x"], {}, ["a"]), node("Identity", ["a"], {}, ["b"]), node("Identity", ["b"])],
      ["y"],
      ["Neg(x) -> y"],
    ],
    [
      "of a Loop that has no steps",
      [loop(["none", "on", "x"], ["a"], [node("Neg", ["v"], {}, ["w"])]), node("Neg", ["a"])],
      ["y"],
      ["Neg(x) -> y"],
    ],
    [
      "of a Loop that does not start",
      [loop(["", "off", "x"], ["a"], [node("Neg", ["v"], {}, ["w"])]), node("Neg", ["a"])],
      ["y"],
      ["Neg(x) -> y"],
    ],
    [
      "of a Loop that passes on what is read of it",
      [
        loop(
          ["three", "", "x"],
          ["a", "stacked"],
          [node("Identity", ["v"], {}, ["u"]), node("Identity", ["u"], {}, ["w"])],
        ),
        node("Neg", ["a"]),
      ],
      ["y"],
      ["Neg(x) -> y"],
    ],
    [
      "of a Loop of which nothing is read",
      [loop(["three", "", "x"], ["a"], [node("Neg", ["v"], {}, ["w"])]), node("Neg", ["x"])],
      ["y"],
      ["Neg(x) -> y"],
    ],
  ])("works %s", (_, nodes, outputs, expected) => {
    const { bytes, report } = dropIdentity(file(nodes, outputs));
    expect(nodesOf(bytes)).toEqual(expected);
    expect(report.every(({ changed, note }) => changed && note === "removed")).toBe(true);
  });

  it("leaves a Loop that computes something", () => {
    const before = file([
      loop(["three", "", "x"], ["a"], [node("Neg", ["v"], {}, ["w"])]),
      node("Neg", ["a"]),
    ]);
    expect(dropIdentity(before)).toEqual({ bytes: before, report: [] });
  });

  const branch = {
    name: "b",
    inputs: [],
    outputs: [{ name: "o" }],
    initializers: [],
    nodes: [node("Neg", ["a"], {}, ["o"])],
  };

  it.each<[string, readonly OnnxNode[], readonly string[]]>([
    ["it passes an input or a constant to an output", [node("Identity", ["x"])], ["y"]],
    [
      "a is needed under its own name, too",
      [node("Neg", ["x"], {}, ["a"]), node("Identity", ["a"])],
      ["a", "y"],
    ],
    [
      "it may be in training mode",
      [node("Dropout", ["x", "ratio", "on"], {}, ["a"]), node("Neg", ["a"])],
      ["y"],
    ],
    ["its mask is used", [node("Dropout", ["x"], {}, ["a", "m"]), node("Neg", ["a"])], ["y", "m"]],
    [
      "a graph inside a node reads its result",
      [
        node("Identity", ["x"], {}, ["a"]),
        node("If", ["on"], { then_branch: graph(branch), else_branch: graph(branch) }),
      ],
      ["y"],
    ],
  ])("leaves it where %s", (note, nodes, outputs) => {
    const before = file(nodes, outputs);
    const { bytes, report } = dropIdentity(before);
    expect(report).toMatchObject([{ changed: false, note }]);
    expect(bytes).toEqual(before);
  });
});
