import { DataError, type NdArray, RuntimeError, ShapeError } from "isoloss";
import { int, type OnnxNode, string } from "isoloss/internal";
import { fileOf, float32, int64, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";

const x = float32([1, 2, 3, 4, 5, 6], [2, 3]);

/** Runs a node on x and stored operands s and t. */
const run = (operator: OnnxNode, s: NdArray, t: NdArray = s) => {
  const bytes = fileOf({ inputs: { x }, initializers: { s, t }, nodes: [operator], opset: 23 });
  return () => runImported(bytes, { x });
};

describe("an index outside its axis is an error of the run for", () => {
  it.each<[OnnxNode, NdArray]>([
    [node("GatherElements", ["x", "s"], { axis: int(1) }), int64([0, 3], [2, 1])],
    [node("GatherND", ["x", "s"]), int64([-3, 0], [1, 2])],
    [node("ScatterElements", ["x", "s", "x"], { axis: int(0) }), int64([0, 0, 0, 0, 0, 2], [2, 3])],
  ])("$opType", (operator, s) => {
    expect(run(operator, s)).toThrow(RuntimeError);
    expect(run(operator, s)).toThrow(/An index must be in/);
  });
});

describe("it is refused", () => {
  it.each<[string, OnnxNode, NdArray, RegExp, NdArray?]>([
    ["to select by unknown numbers", node("NonZero", ["x"]), int64([0]), /give those inputs as arrays/],
    ["to order by unknown counts", node("Unique", ["x"]), int64([0]), /give those inputs as arrays/],
    [
      "to look up more axes than there are",
      node("GatherND", ["x", "s"]),
      int64([0, 0, 0]),
      /more indices than axes/,
    ],
    [
      "to write to more axes than there are",
      node("ScatterND", ["x", "s", "t"]),
      int64([0, 0, 0], [1, 3]),
      /more indices than axes/,
      float32([1]),
    ],
    [
      "to write by an unknown reduction",
      node("ScatterND", ["x", "s", "t"], { reduction: string("mean") }),
      int64([0], [1, 1]),
      /must be none, add, mul, max or min; it is mean/,
      float32([1, 2, 3], [1, 3]),
    ],
    [
      "to reduce a loss in an unknown way",
      node("NegativeLogLikelihoodLoss", ["x", "s"], { reduction: string("max") }),
      int64([0, 1]),
      /must be mean, sum or none; it is max/,
    ],
    [
      "to attend with heads that do not divide the width",
      node("Attention", ["s", "s", "s"], { q_num_heads: int(2), kv_num_heads: int(2) }),
      float32([1, 2, 3], [1, 1, 3]),
      /2 heads do not divide the width 3/,
    ],
    [
      "to attend with heads of keys that do not divide those of queries",
      node("Attention", ["s", "t", "t"]),
      float32([1, 2, 3], [1, 3, 1, 1]),
      /2 heads of keys do not divide 3 heads of queries/,
      float32([1, 2], [1, 2, 1, 1]),
    ],
    [
      "to invert one side of a spectrum",
      node("DFT", ["s"], { inverse: int(1), onesided: int(1) }),
      float32([1, 2, 3, 4], [1, 2, 2]),
      /the inverse of a one-sided transform/,
    ],
    [
      "to transform windows longer than the signal",
      node("STFT", ["s", "t", "", "t"]),
      float32([1, 2, 3], [1, 3, 1]),
      /a window of 4 is longer than the signal/,
      int64([4], []),
    ],
  ])("%s", (_, operator, s, words, t) => {
    expect(run(operator, s, t)).toThrow(DataError);
    expect(run(operator, s, t)).toThrow(words);
  });

  it("to take more elements than there are", () => {
    expect(run(node("TopK", ["x", "s"]), int64([4]))).toThrow(ShapeError);
    expect(run(node("TopK", ["x", "s"]), int64([4]))).toThrow(
      /count must be an integer from 0 to the axis' size 3/,
    );
  });
});
