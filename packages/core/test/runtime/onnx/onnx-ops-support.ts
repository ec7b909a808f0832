import fc from "fast-check";
import type { OpCase, OpRow } from "isoloss-test-support/graph/ops/op-case";
import {
  derivativeGraph,
  forwardGraph,
  norm,
  relativeError,
  roundedValues,
} from "isoloss-test-support/graph/ops/op-derivatives";
import { randomCases } from "isoloss-test-support/random-cases";
import { expect } from "vitest";
import { dtypeOf, type NdArray } from "../../../src/array.js";
import type { Graph } from "../../../src/graph/graph.js";
import { simplify } from "../../../src/graph/simplify.js";
import { isFloat } from "../../../src/graph/tensor.js";
import type { Values } from "../../../src/runtime/executable.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import { labeled, settings } from "../../graph/ops/op-table.js";

export type Results = Readonly<Record<string, NdArray>>;

export interface Job {
  readonly graph: Graph;
  readonly values: Values;
  readonly label: string;
}

/** The simplified graphs of a case: the result alone, and with its derivatives where it has them. */
function jobsOf(row: OpRow, c: OpCase, dtype: "float32" | "float64"): Job[] {
  const jobs = [{ ...forwardGraph(c, dtype), label: `${c.label}, forward` }];
  if (row.differentiable ?? true)
    jobs.push({ ...derivativeGraph(c, dtype), label: `${c.label}, derivatives` });
  return jobs.map(({ graph, values, label }) => ({
    graph: simplify(graph),
    values: dtype === "float32" ? roundedValues(values) : values,
    label,
  }));
}

/**
 * Compares with what the JavaScript runtime computes in float64. A result may be small because large terms cancel: an
 * error is measured against a tenth of the largest input or result where that is more.
 */
export function expectSame(results: Results, { graph, values, label }: Job, tolerance: number): void {
  const expected = compileJavaScript(graph).runSync(values);
  const floats = [...Object.values(values), ...Object.values(expected)].filter((x) => isFloat(dtypeOf(x)));
  const floor = Math.max(1e-3, ...floats.map((x) => norm(x) / 10));
  for (const { name } of graph.outputs) {
    const [actual, wanted] = [results[name], expected[name]];
    expect(actual.shape, `${label}: ${name}`).toEqual(wanted.shape);
    expect(dtypeOf(actual), `${label}: ${name}`).toBe(dtypeOf(wanted));
    if (isFloat(dtypeOf(wanted))) {
      expect(relativeError(actual, wanted, floor), `${label}: ${name}`).toBeLessThanOrEqual(tolerance);
    } else {
      expect(Array.from<number | bigint>(actual.data), `${label}: ${name}`).toEqual(
        Array.from<number | bigint>(wanted.data),
      );
    }
  }
}

export async function runInOnnx({ graph, values }: Job): Promise<Results> {
  const executable = await compileOnnx(graph, { provider: "cpu" });
  const results = await executable.run(values);
  await executable.dispose();
  return results;
}

export const named = (rows: readonly OpRow[]) => rows.map((row) => [row.name, row] as const);

export const check = (
  row: OpRow,
  dtype: "float32" | "float64",
  numRuns: number,
  property: (job: Job) => Promise<void>,
) =>
  fc.assert(
    fc.asyncProperty(labeled(row), async (c) => {
      for (const job of jobsOf(row, c, dtype)) await property(job);
    }),
    settings(randomCases(numRuns)),
  );
