// Actions as traced functions against those of the host, on a hundred random networks each.

import {
  distance,
  evaluator,
  named,
  type Problem,
  randomProblem,
  randomT,
  relative,
  scaledT,
} from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../src/array.js";
import { spec, trace } from "../../src/graph/trace.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { compile } from "../../src/runtime/compile.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import { flatten } from "../../src/tree.js";
import { symmetryRows } from "./symmetries.js";

const seeds = Array.from({ length: 100 }, (_, i) => i);

/** Moved parameters by the traced action, and its context at the start. */
async function traced(symmetry: Symmetry<MlpParams>, { params, batch }: Problem, T: readonly NdArray[]) {
  const { graph, resultDef } = trace(
    ({ p, t, b }) => ({ moved: symmetry.trace?.(p, t, b), known: symmetry.traceContext?.(p, b) ?? {} }),
    { p: params, t: symmetry.algebra.map((shape) => spec(shape, "float64")), b: batch },
  );
  expect(resultDef).toBeDefined();
  const executable = await compile(graph, { runtime: "javascript" });
  const results = await executable.run({ ...named("p", params), ...named("t", T), ...named("b", batch) });
  const { paths } = flatten<NdArray>(params, isNdArray);
  const count = Object.keys(results).filter((name) => name.startsWith("known.context.")).length;
  return {
    leaves: paths.map((path) => results[`moved.${path}`]),
    context: Array.from({ length: count }, (_, m) => results[`known.context.${m}`]),
    isCertain: results["known.isCertain"]?.data[0],
  };
}

const leavesOf = (params: MlpParams): NdArray[] => flatten<NdArray>(params, isNdArray).leaves;
const rebuilt = ({ layers }: MlpParams, leaves: readonly NdArray[]): MlpParams => {
  let next = 0;
  return {
    layers: layers.map((layer) =>
      Object.fromEntries(Object.keys(layer).map((key) => [key, leaves[next++]])),
    ) as unknown as MlpParams["layers"],
  };
};

const rows = symmetryRows.filter(({ name }) => !/rotations|shifts/.test(name));

describe("a traced action", () => {
  it.each(rows.map((row) => [row.name, row] as const))(
    "of %s is the host's, and keeps the loss",
    async (_, row) => {
      let checked = 0;
      for (const seed of seeds) {
        const problem = randomProblem(seed, row);
        const symmetry = row.make(problem);
        const { params, batch, label, loss } = problem;
        const T = randomT(symmetry.algebra, row.norm, seed);
        const wanted = await symmetry.act(params, T, batch);
        const { leaves, context, isCertain = 1 } = await traced(symmetry, problem, T);
        if (isRefusal(wanted)) {
          const isThere = leaves.every(({ data }) => Array.from(data, Number).every(Number.isFinite));
          expect(isThere && isCertain === 1, `${label}: ${wanted.refused}`).toBe(false);
          continue;
        }
        if (isCertain !== 1) continue;
        checked++;
        const moved = rebuilt(params, leaves);
        expect(distance(wanted, moved), label).toBeLessThan(1e-9);
        const lossOf = evaluator(loss, problem);
        const tolerance = row.tolerance?.float64 ?? 1e-10;
        expect(relative(lossOf(params, batch), lossOf(moved, batch)), label).toBeLessThan(tolerance);
        const known = (await symmetry.context?.(params, batch)) ?? [];
        if (isRefusal(known)) throw new Error(`${label}: ${known.refused}`);
        expect(context.length, label).toBe(known.length);
        context.forEach((plus, m) => {
          const own = known[m].data as Float64Array;
          const difference = own.map((v, i) => v - Number(plus.data[i]));
          const size = Math.hypot(...own);
          expect(Math.hypot(...difference) / size, label).toBeLessThan(1e-9);
        });
        const still = await traced(symmetry, problem, scaledT(T, 0));
        expect(
          still.leaves.map(({ data }) => data),
          label,
        ).toEqual(leavesOf(params).map(({ data }) => data));
        await symmetry.dispose?.();
      }
      // A few matrices are nearly singular, and some elements lead out of an activation's range.
      expect(checked).toBeGreaterThan(90);
    },
  );

  it("is not certain of itself on a batch that is too large", async () => {
    for (const seed of seeds.slice(0, 20)) {
      const problem = randomProblem(seed, { activations: ["tanh", "elu"], size: "wide" });
      const symmetry = hiddenAction(problem.params, problem.activation);
      const T = randomT(symmetry.algebra, 0.05, seed);
      expect((await traced(symmetry, problem, T)).isCertain, problem.label).toBe(0);
    }
  });
});
