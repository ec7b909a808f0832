import fc from "fast-check";
import { derivativeGraph, forwardGraph } from "isoloss-test-support/graph/ops/op-derivatives";
import { normals, subject } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { nodesOf } from "../../../../src/graph/graph.js";
import { matmul } from "../../../../src/graph/ops/matmul.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import { apply, type Op, type Tensor } from "../../../../src/graph/tensor.js";
import { createRng } from "../../../../src/math/rng.js";
import { sortedValues } from "../../../../src/symmetry/discovery/graph/prepare.js";
import { rules } from "../../../../src/symmetry/discovery/graph/rules.js";
import { turnPairs } from "../../../../src/symmetry/discovery/graph/turns.js";
import { labeled, opTable, settings } from "../../../graph/ops/op-table.js";

describe("The rules of the operations", () => {
  // Constant arrays are no row of the table, nor what stands for a pattern.
  const names = new Set(["array", turnPairs.name, sortedValues.name]);
  for (const row of opTable) {
    for (const c of fc.sample(labeled(row), settings(3))) {
      const graphs = [forwardGraph(c, "float64").graph];
      if (row.differentiable ?? true) graphs.push(derivativeGraph(c, "float64").graph);
      for (const graph of graphs) for (const { op } of nodesOf(graph)) names.add(op.name);
    }
  }

  it("are there for every operation of the engine", () => {
    expect([...names].filter((name) => !Object.hasOwn(rules, name))).toEqual([]);
  });

  it("are for operations of the engine only", () => {
    expect(Object.keys(rules).filter((name) => !names.has(name))).toEqual([]);
  });

  it("keep nothing of an operation that they do not know", () => {
    const unknown: Op = {
      name: "mystery",
      infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
      js: { pull: (at, read) => read(0, at) },
      onnx: { emit: (_e, [x]) => x },
    };
    const rng = createRng(1);
    const params = { v: normals(rng, [4, 3]), u: normals(rng, [2, 4]) };
    const loss = (hidden: (h: Tensor) => Tensor) =>
      subject((p, d) => sum(matmul(p.u, hidden(matmul(p.v, d.x)))), params, { x: normals(rng, [3, 5]) })
        .found;
    expect(loss((h) => h).linear).toHaveLength(1);
    const { scalings, signs, permutations, linear } = loss((h) => apply(unknown, [h], {}));
    // What is left does not pass through it: rows of u are summed.
    expect(permutations.map(({ size }) => size)).toEqual([2]);
    expect([scalings, signs, linear]).toEqual([[], [], []]);
  });
});
