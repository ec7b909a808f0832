import { describe, expect, it } from "vitest";
import { positiveScaling } from "../../../../src/symmetry/positive-scaling.js";
import { gradientAscent } from "../../../../src/teleport/search/ascent/gradient-ascent.js";
import { createTeleporter } from "../../../../src/teleport/teleporter.js";
import { randomProblem } from "../../../symmetry/support.js";
import { ascents, ascentsOf, expectSameWalks, expectSameWalksOf } from "./compiled-walk-support.js";

describe("an ascent as one loop", () => {
  expectSameWalks(ascents.slice(0, 3));

  expectSameWalksOf(ascentsOf.slice(0, 1));

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
});
