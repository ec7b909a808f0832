import { sampledRows } from "isoloss-test-support/random-cases";
import { named, randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { simplify } from "../../src/graph/simplify.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { gradNormSq } from "../../src/teleport/objective/objective.js";
import { traceAscent } from "../../src/teleport/search/orbit-walk.js";
import { symmetryRows } from "./symmetries.js";
import { expectGroups, expectSymmetries, groupRows, seeds } from "./symmetries-support.js";

expectSymmetries(sampledRows(symmetryRows.slice(0, 4)));

describe("the rows", () => {
  it("have groups among them whose elements compose, and those that push gradients forward", () => {
    expect(groupRows.map(({ name }) => name)).toEqual([
      "positiveScaling",
      "scaling that symmetriesOf finds",
      "GL of linear networks",
      "rotations of spaces read by their length",
      "shifts of biases",
      "scaling before a normalization",
      "product of scaling and GL",
    ]);
    for (const row of groupRows) {
      const symmetry = row.make(randomProblem(seeds[0], row));
      expect(symmetry.inverse, row.name).toBeDefined();
      expect(symmetry.pushForward, row.name).toBeDefined();
    }
  });
});

expectGroups(groupRows.slice(0, 2));

describe("traceAscent", () => {
  it("gives 8 a^2 b^2 (a^2 - b^2) for two scalar layers on x = 1, y = 0, by hand: L = (ab)^2", () => {
    const scalar = (v: number): NdArray => ({ shape: [1, 1], data: Float64Array.of(v) });
    const [a, b] = [1, 2];
    const params = { layers: [{ weight: scalar(a) }, { weight: scalar(b) }] };
    const batch = { x: scalar(1), y: scalar(0) };
    const { loss } = randomProblem(0, { activations: ["relu"] });
    const graph = traceAscent(positiveScaling(params), gradNormSq(loss), {
      params,
      batch,
      memory: {},
      dtype: "float64",
    });
    const results = compileJavaScript(simplify(graph)).runSync({
      ...named("params", params),
      ...named("batch", batch),
    });
    expect(Number(results["T.0"].data[0])).toBeCloseTo(-96, 10);
  });
});
