import { numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../../src/array.js";
import { grad } from "../../../../src/graph/autodiff.js";
import { trace } from "../../../../src/graph/trace.js";
import { pinv } from "../../../../src/math/linalg.js";
import type { MlpParams } from "../../../../src/nn/models/mlp.js";
import { compile } from "../../../../src/runtime/compile.js";
import { gradNormSq } from "../../../../src/teleport/objective/objective.js";
import { namedArrays } from "../../../../src/tree.js";
import { network } from "../networks.js";
import { spaces } from "../recorded-walks.js";
import { expectSpaces, teleport } from "./walks.js";

describe("an ascent in null spaces as one loop", () => {
  expectSpaces(spaces.filter(({ name }, k) => k % 2 === 0 && name !== "random networks"));

  it("steps along the whole gradient's part in the null space, with biases, which move along", async () => {
    const problem = network([3, 6, 8, 2], 4);
    const eta = 1e-6;
    const options = { steps: 1, stepSize: eta, normalized: false, layers: ["layers.2.weight"] };
    const { params } = await teleport(problem, { ...options, guard: false });
    const { loss, batch, model } = problem;
    const { graph } = trace(
      ({ p, b }) => ({
        g: grad(gradNormSq(loss))(p, b, {}).layers[2],
        h: model.apply({ layers: p.layers.slice(0, 2) } as never, b.x).output,
      }),
      { p: problem.params, b: batch },
    );
    const results = await (await compile(graph)).run(namedArrays({ p: problem.params, b: batch }));
    // The last layer of the first two as a network of their own is linear: tanh is missing.
    const h = numbers(results.h).map(Math.tanh);
    const H = ndarray(
      Float64Array.from({ length: 4 * 9 }, (_, i) => (i % 9 === 8 ? 1 : h[Math.floor(i / 9) * 8 + (i % 9)])),
      [4, 9],
    );
    const plus = numbers(pinv(H).pinv);
    const [gw, gb] = [numbers(results["g.weight"]), numbers(results["g.bias"])];
    for (let row = 0; row < 2; row++) {
      const g = [...gw.slice(8 * row, 8 * row + 8), gb[row]];
      const Hg = Array.from({ length: 4 }, (_, s) =>
        g.reduce((total, v, j) => total + v * Number(H.data[9 * s + j]), 0),
      );
      const expected = g.map((v, j) => v - Hg.reduce((total, y, s) => total + y * plus[4 * j + s], 0));
      const size = Math.hypot(...expected);
      const rowsOf = ({ layers }: MlpParams) => [
        ...numbers(layers[2].weight).slice(8 * row, 8 * row + 8),
        numbers(layers[2].bias as NdArray)[row],
      ];
      const [before, after] = [rowsOf(problem.params), rowsOf(params)];
      after.forEach((v, j) => {
        expect((v - before[j]) / eta / size).toBeCloseTo(expected[j] / size, 6);
      });
    }
  });
});
