// The symmetries of models through products by equation, attention, and operators that move slices.

import type { BatchTensors, ImportedModel, NdArray, TensorsOf } from "isoloss";
import { int, type OnnxNode, string } from "isoloss/internal";
import { mseLoss } from "isoloss/nn";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { type Arrays, fileOf, int64, node } from "isoloss-test-support/nn/onnx/support";
import { describeFound, expectKept, subject } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";

type Params = TensorsOf<ImportedModel["params"]>;

/** What is found in the squared error of a model. */
function found(nodes: OnnxNode[], x: NdArray, y: NdArray, weights: Arrays, stored: Arrays = {}) {
  const bytes = fileOf({ inputs: { x }, initializers: { ...weights, ...stored }, nodes, opset: 23 });
  const model = fromOnnx(bytes, { dtype: "float64", isParameter: (name) => name in weights });
  const loss = (p: Params, batch: BatchTensors) => mseLoss(model.apply(p, { x: batch.x }).y, batch.y);
  const s = subject(loss, weights, { x, y });
  expectKept(s);
  return s.found;
}

const einsum = (equation: string, inputs: readonly string[], output: string) =>
  node("Einsum", inputs, { equation: string(equation) }, [output]);

it("a hidden layer's scaling is found through products that Einsum makes", () => {
  const nodes = [
    einsum("bi,hi->bh", ["x", "u"], "a"),
    node("Relu", ["a"], {}, ["h"]),
    einsum("...h,ho", ["h", "v"], "y"),
  ];
  const weights = { u: uniform(2, [4, 3]), v: uniform(3, [4, 2]) };
  const { scalings } = found(nodes, uniform(1, [5, 3]), uniform(4, [5, 2]), weights);
  expect(scalings.map(describeFound)).toEqual(["scaling 4: p.u[4,3]@0^1 p.v[4,2]@0^-1"]);
});

describe("a hidden layer's scaling is found through slices of units that are moved by", () => {
  const places = { lengths: int64([3, 1]), table: int64([0, 1, 1, 0, 2, 1], [3, 2]) };
  it.each([
    [node("ReverseSequence", ["h", "lengths"], {}, ["z"])],
    [node("GatherND", ["h", "table"], {}, ["z"])],
    [node("ScatterND", ["h", "table", "h1"], { reduction: string("add") }, ["z"])],
  ])("$opType", (inner) => {
    const nodes = [
      node("MatMul", ["x", "u"], {}, ["a"]),
      node("Relu", ["a"], {}, ["h"]),
      node("ReduceSum", ["h", "one"], { keepdims: int(0) }, ["h1"]),
      inner,
      node("MatMul", ["z", "v"]),
    ];
    const weights = { u: uniform(2, [4, 5]), v: uniform(3, [5, 2]) };
    const y = uniform(4, inner.opType === "GatherND" ? [3, 2] : [3, 2, 2]);
    const { scalings } = found(nodes, uniform(1, [3, 2, 4]), y, weights, { ...places, one: int64([1]) });
    expect(scalings.map(describeFound)).toEqual(["scaling 5: p.u[4,5]@1^1 p.v[5,2]@0^-1"]);
  });
});

it("the products of queries and keys, and of values and their projection, are found through Attention", () => {
  const nodes = [
    ...["q", "k", "v"].map((name) => node("MatMul", ["x", `w${name}`], {}, [name])),
    node("Attention", ["q", "k", "v"], { q_num_heads: int(2), kv_num_heads: int(2) }, ["z"]),
    node("MatMul", ["z", "wo"]),
  ];
  const weights = {
    wq: uniform(2, [3, 4]),
    wk: uniform(3, [3, 4]),
    wv: uniform(4, [3, 4]),
    wo: uniform(5, [4, 3]),
  };
  const { linear, permutations } = found(nodes, uniform(1, [2, 5, 3]), uniform(6, [2, 5, 3]), weights);
  expect(linear.map(describeFound)).toEqual([
    "linear 2 x2: p.wq[3,2,2]@2/1+ p.wk[3,2,2]@2/1-",
    "linear 2 x2: p.wv[3,2,2]@2/1+ p.wo[2,2,3]@1/0-",
  ]);
  // Of the heads.
  expect(permutations.map(describeFound)).toContain(
    "permutation 2: p.wq[3,2,2]@1 p.wk[3,2,2]@1 p.wv[3,2,2]@1 p.wo[2,2,3]@0",
  );
});
