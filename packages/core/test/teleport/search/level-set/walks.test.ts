import { distance, randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { array } from "../../../../src/array.js";
import type { BatchLoss } from "../../../../src/batch.js";
import { mul } from "../../../../src/graph/ops/arithmetic.js";
import { tanh } from "../../../../src/graph/ops/elementary.js";
import { constant } from "../../../../src/graph/ops/leaf.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import { at, booth, type Plane } from "../support.js";
import { cases, expectRecorded, expectSameAsked, problemAt, walked } from "./walks-support.js";

describe("a walk on a level set", () => {
  it.each(cases.map((row) => [JSON.stringify(row.options), row] as const))(
    "repeats what was recorded: %s",
    (_, row) => expectRecorded(row, [70]),
  );

  it("leads to the same end where the host is asked at each candidate", async () => {
    for (const row of [cases[0], cases[3]]) await expectSameAsked(row, 70);
  });

  it("halves a step that the host refuses, and goes on from there", async () => {
    const problem = problemAt(70);
    let count = 0;
    const { report } = await walked(problem, { steps: 3 }, async () =>
      count++ === 1 ? "not there" : undefined,
    );
    expect(report).toMatchObject({ steps: 3, halvings: 1, reason: "3 steps taken" });
    expect(count).toBe(4);
  });

  it("ends with what the host says against its candidates", async () => {
    const problem = problemAt(70);
    const { report, params } = await walked(problem, { steps: 3 }, async () => "not there");
    expect(report).toMatchObject({ accepted: false, steps: 0, halvings: 3, reason: "not there" });
    expect(params).toBe(problem.params);
  });

  it("reaches the largest gradient of Booth's level set, and says that it is one", async () => {
    const problem = { loss: booth, params: at(3.91226624, -0.06219008), batch: {} };
    const { report } = await walked(problem, { steps: 400 });
    expect(report.gradNormSqAfter).toBeCloseTo(36 * report.lossBefore, 4);
    expect(report.reason).toMatch(/stationary point of the level set/);
  });

  it.each(["float64", "float32"] as const)("is one loop of ONNX Runtime, too: %s", async (dtype) => {
    for (const seed of [70, 71]) {
      const problem = randomProblem(seed, { activations: ["tanh"], dtype });
      const [here, there] = [
        await walked({ ...problem, runtime: "javascript" }, { steps: 5 }),
        await walked({ ...problem, runtime: "onnx" }, { steps: 5 }),
      ];
      expect(there.report.steps).toBe(here.report.steps);
      const bound = dtype === "float64" ? 1e-9 : 1e-3;
      expect(distance(here.params, there.params), problem.label).toBeLessThan(bound);
    }
  });

  it("does not take parameters that are not finite, where the loss still is", async () => {
    const saturating: BatchLoss<Plane> = ({ w }) => sum(tanh(mul(constant(array([9, 5], "float64")), w)));
    const problem = { loss: saturating, params: at(0.05, -0.1), batch: {} };
    const options = { steps: 2, rho: 1.7e308, project: false, lineSearch: false, guard: false as const };
    expect((await walked(problem, options)).report).toMatchObject({
      accepted: false,
      reason: "a parameter of the new point is not finite",
    });
  });
});
