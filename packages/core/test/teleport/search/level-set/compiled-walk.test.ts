import { distance, randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { at, booth, type Plane } from "../support.js";
import { both, cases, expectSameWalks, type Problem, seeds } from "./compiled-walk-support.js";

describe("a walk on a level set as one program", () => {
  expectSameWalks(cases.slice(0, 5));

  it("reaches the largest gradient of Booth's level set, and says that it is one", async () => {
    const problem: Problem<Plane> = { loss: booth, params: at(3.91226624, -0.06219008), batch: {} };
    const [compiled, walk] = await both(problem, { steps: 400 });
    expect(compiled.report.gradNormSqAfter).toBeCloseTo(36 * compiled.report.lossBefore, 4);
    expect(compiled.report.reason).toMatch(/stationary point of the level set/);
    expect(compiled.report.steps).toBe(walk.report.steps);
  });

  it.each(["float64", "float32"] as const)("is one loop of ONNX Runtime, too: %s", async (dtype) => {
    for (const seed of seeds.slice(0, 3)) {
      const problem = { ...randomProblem(seed, { activations: ["tanh"], dtype }), runtime: "onnx" as const };
      const [compiled, walk] = await both(problem, { steps: 5 });
      expect(compiled.report.steps).toBe(walk.report.steps);
      const bound = dtype === "float64" ? 1e-9 : 1e-3;
      expect(distance(walk.params, compiled.params), problem.label).toBeLessThan(bound);
    }
  });
});
