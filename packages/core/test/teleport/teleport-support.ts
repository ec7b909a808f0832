import { randomCases, sampledRows } from "isoloss-test-support/random-cases";
import {
  distance,
  evaluator,
  type Problem,
  randomProblem,
  relative,
} from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../src/array.js";
import { takeRows } from "../../src/data/batches.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import { gradNormSq } from "../../src/teleport/objective/objective.js";
import { type SingleTeleportOptions, teleport } from "../../src/teleport/teleporter.js";
import { flatten } from "../../src/tree.js";
import type { teleportRows } from "../symmetry/symmetries.js";

export const seeds = Array.from({ length: randomCases(15) }, (_, i) => 2000 + i);

export async function teleported(
  { params, batch, loss }: Problem,
  symmetry: Symmetry<MlpParams>,
  options: Partial<SingleTeleportOptions<MlpParams>> = {},
) {
  const rowsOf = (a: NdArray) =>
    takeRows(
      a,
      Array.from({ length: a.shape[0] }, (_, i) => a.shape[0] - 1 - i),
    );
  const heldOut = { x: rowsOf(batch.x), y: rowsOf(batch.y) };
  const result = await teleport({ symmetry, loss, params, batch, ...options }, { heldOut });
  return { ...result, heldOut };
}

export function expectIndependentMeasurement(rows: typeof teleportRows): void {
  // symmetries.test.ts and ascent-graph-support.ts sample the rows beside.
  describe.each(sampledRows(rows, 1))("a teleport by $name", (row) => {
    const { make } = row;
    it("reports what an independent measurement finds, and raises the gradient at the same loss", async () => {
      let accepted = 0;
      for (const seed of seeds) {
        const problem = randomProblem(seed, row);
        const { params, batch, loss, label } = problem;
        const {
          params: moved,
          report,
          heldOut,
        } = await teleported(problem, make(problem), { guard: { heldOutDrift: 10 } });
        const [lossOf, gradientOf] = [evaluator(loss, problem), evaluator(gradNormSq(loss), problem)];
        expect(relative(lossOf(params, batch), report.lossBefore), label).toBeLessThan(1e-12);
        expect(relative(lossOf(moved, batch), report.lossAfter), label).toBeLessThan(1e-12);
        expect(report.drift, label).toBe(Math.abs(report.lossAfter - report.lossBefore) / report.lossBefore);
        expect(Math.abs(gradientOf(params, batch) - report.gradNormSqBefore)).toBeLessThanOrEqual(
          1e-10 * report.gradNormSqBefore,
        );
        expect(Math.abs(gradientOf(moved, batch) - report.gradNormSqAfter)).toBeLessThanOrEqual(
          1e-10 * report.gradNormSqAfter,
        );
        expect(relative(lossOf(moved, heldOut), report.heldOut?.lossAfter ?? Number.NaN), label).toBeLessThan(
          1e-12,
        );
        expect(report.drift, label).toBeLessThanOrEqual(1e-6);
        expect(report.accepted, label).toBe(moved !== params);
        expect(report.accepted, label).toBe(report.steps > 0);
        expect(report.reason, label).not.toBe("");
        expect(report.seconds).toBeGreaterThan(0);
        if (report.accepted) {
          expect(report.gradNormSqAfter, label).toBeGreaterThan(report.gradNormSqBefore);
          accepted++;
        }
      }
      expect(accepted).toBeGreaterThanOrEqual(seeds.length / 2);
    });

    it("gives the same numbers again, bit for bit, and leaves its argument alone", async () => {
      const problem = randomProblem(2003, row);
      const [first, second] = [
        await teleported(problem, make(problem)),
        await teleported(problem, make(problem)),
      ];
      expect(first.report.accepted).toBe(true);
      expect(second.params).toEqual(first.params);
      expect({ ...second.report, seconds: 0 }).toEqual({ ...first.report, seconds: 0 });
      expect(problem.params).toEqual(randomProblem(2003, row).params);
    });

    it("agrees between the runtimes, and stays within float32's drift in float32", async () => {
      const problem = randomProblem(2003, row);
      const { params } = await teleported(problem, make(problem), { runtime: "javascript" });
      const onnx = await teleported(problem, make(problem), { runtime: "onnx" });
      expect(distance(params, onnx.params)).toBeLessThan(1e-9);
      const single = randomProblem(2003, { ...row, dtype: "float32" });
      const inSingle = await teleported(single, make(single));
      expect(inSingle.report).toMatchObject({ accepted: true });
      expect(inSingle.report.drift).toBeLessThan(1e-4);
      const { leaves } = flatten<NdArray>(inSingle.params, isNdArray);
      expect(leaves.every(({ data }) => data instanceof Float32Array)).toBe(true);
      expect(distance(params, inSingle.params)).toBeLessThan(1e-3);
    });
  });
}
