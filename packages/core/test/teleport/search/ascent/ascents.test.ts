import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { mul } from "../../../../src/graph/ops/arithmetic.js";
import { positiveScaling } from "../../../../src/symmetry/positive-scaling.js";
import { gradientAscent } from "../../../../src/teleport/search/gradient-ascent.js";
import { lineSearch } from "../../../../src/teleport/search/line-search.js";
import { createTeleporter, teleport } from "../../../../src/teleport/teleporter.js";
import { ascents } from "../recorded-walks.js";
import { expectAscents } from "./recorded-ascents.js";

describe("an ascent as one loop", () => {
  expectAscents(ascents, 1);

  it("takes batches and parameters by their names, in whatever order", async () => {
    const { params, batch, loss, activation } = randomProblem(43, { activations: ["leakyRelu"] });
    const reversed = <T extends object>(tree: T): T =>
      Object.fromEntries(Object.entries(tree).reverse()) as unknown as T;
    const teleporter = await createTeleporter({
      search: gradientAscent(positiveScaling(params, activation)),
      loss,
      params,
      batch,
    });
    const expected = await teleporter.teleport(params, batch);
    const other = { layers: params.layers.map(reversed) };
    const actual = await teleporter.teleport(other, reversed(batch));
    await teleporter.dispose();
    expect(actual.report.objectiveAfter).toBe(expected.report.objectiveAfter);
    expect(actual.params.layers[0].weight).toEqual(expected.params.layers[0].weight);
  });

  // ||grad L||^2 is a number of float32 here, and the square of its slope is not.
  it.each([
    ["gradientAscent", 1e-12, gradientAscent],
    ["gradientAscent", 1e12, gradientAscent],
    ["lineSearch", 1e-12, lineSearch],
    ["lineSearch", 1e12, lineSearch],
  ])("of float32 gains by %s what it gains at another scale of the loss: %d", async (_, scale, make) => {
    const { params, batch, loss, activation } = randomProblem(43, {
      activations: ["leakyRelu"],
      dtype: "float32",
    });
    const gain = async (factor: number) => {
      const { report } = await teleport({
        search: make(positiveScaling(params, activation), { steps: 2 }),
        params,
        batch,
        runtime: "onnx" as const,
        guard: { curvature: 0 },
        loss: (p, b) => mul(factor, loss(p, b)),
      });
      return report.objectiveAfter / report.objectiveBefore;
    };
    const usual = await gain(1);
    expect(usual).toBeGreaterThan(1.01);
    expect(Math.abs((await gain(scale)) / usual - 1)).toBeLessThan(1e-3);
  });
});
