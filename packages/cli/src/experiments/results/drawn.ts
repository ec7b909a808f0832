// What figures of runs draw.
import { mapValues } from "es-toolkit";
import { compile, type Graph, type NdArray } from "isoloss";
import type { CurveSeries } from "isoloss-figures";
import type { JobResult } from "../kind.js";

export const point = ([x, y]: readonly number[]): { x: number; y: number } => ({ x, y });

interface Grid {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** Points on each side. */
  readonly n: number;
}

/** Points row by row, those of the smallest y first. */
export function gridPoints({ x, y, n }: Grid): number[][] {
  const at = ([a, b]: readonly [number, number], i: number) => a + ((b - a) * i) / (n - 1);
  return Array.from({ length: n * n }, (_, k) => [at(x, k % n), at(y, Math.floor(k / n))]);
}

/** The outputs of a graph with an input w at points of the plane, in one run of a compiled loop. */
export async function valuesAt(
  graph: Graph,
  points: readonly (readonly number[])[],
  others: Readonly<Record<string, NdArray>> = {},
): Promise<Readonly<Record<string, Float64Array>>> {
  const run = await compile(graph, { runtime: "javascript", scan: { carry: {}, sequences: ["w"] } });
  const steps = points.length;
  const w = { shape: [steps, 2], data: Float64Array.from(points.flat()) };
  const outputs = await run.run({ w, ...others }, { steps });
  await run.dispose();
  return mapValues(outputs, ({ data }) => data as Float64Array);
}

/** What the evaluations of runs have under a name, without the runs that have nothing. */
export const evaluationRuns = (results: readonly JobResult[], name: string): CurveSeries["runs"] =>
  results.flatMap(({ evaluations = [] }) => {
    const known = evaluations.filter((e) => typeof e[name] === "number");
    if (known.length === 0) return [];
    return [
      {
        steps: known.map(({ step }) => step),
        seconds: known.map(({ seconds }) => seconds),
        values: known.map((e) => e[name]),
      },
    ];
  });
