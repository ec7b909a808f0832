import fc from "fast-check";
import { derivativeGraph } from "isoloss-test-support/graph/ops/op-derivatives";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { nodesOf } from "../../../src/graph/graph.js";
import { isFloat } from "../../../src/graph/tensor.js";
import { labeled, opTable, settings } from "./op-table.js";

describe("The table of operations", () => {
  const differentiable = opTable.filter((row) => row.differentiable ?? true);
  const sources = new Set(["input", "constant", "array"]);
  /** Float results that are constant wherever they have a derivative. */
  const flat = new Set([
    "step",
    "leakyStep",
    "sign",
    "floor",
    "round",
    "stopGradient",
    "oneHot",
    "randomUniform",
  ]);

  it.each(sampledRows(differentiable).map((row) => [row.name, row] as const))(
    "is closed under derivatives of %s",
    (_, row) => {
      for (const c of fc.sample(labeled(row), settings(3))) {
        for (const { op, dtype } of nodesOf(derivativeGraph(c, "float64").graph)) {
          if (sources.has(op.name)) continue;
          expect(op.js.pull ?? op.js.kernel, op.name).toBeTypeOf("function");
          expect(op.onnx.emit, op.name).toBeTypeOf("function");
          if (isFloat(dtype) && !flat.has(op.name)) expect(op.vjp, op.name).toBeTypeOf("function");
        }
      }
    },
  );

  it("names every operation once", () => {
    const byName = new Map<string, unknown>();
    for (const row of differentiable) {
      for (const c of fc.sample(labeled(row), settings(2))) {
        for (const { op } of nodesOf(derivativeGraph(c, "float64").graph)) {
          expect(byName.get(op.name) ?? op, op.name).toBe(op);
          byName.set(op.name, op);
        }
      }
    }
    expect(byName.size).toBeGreaterThan(40);
  });
});
