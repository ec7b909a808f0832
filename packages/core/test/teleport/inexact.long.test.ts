// Actions where they do not keep the loss: what the guard takes is within its tolerance, what is not is not taken.

import {
  evaluator,
  type Float,
  type Problem,
  type ProblemOptions,
  randomProblem,
  randomT,
  relative,
} from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { sub } from "../../src/graph/ops/arithmetic.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { createRng } from "../../src/math/rng.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { pseudoInverseAction } from "../../src/symmetry/hidden/pseudo-inverse-action.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import type { ObjectiveFor } from "../../src/teleport/objective/objective.js";
import { ownMove } from "../../src/teleport/search/jump.js";
import { teleport } from "../../src/teleport/teleporter.js";

interface Row extends ProblemOptions {
  readonly name: string;
  /** Sizes of T, smallest and largest: the guard takes some and refuses others. */
  readonly sizes: Readonly<Record<Float, readonly [number, number]>>;
  make(problem: Problem): Symmetry<MlpParams>;
}

const rows: readonly Row[] = [
  {
    name: "eq. 8 on batches that are too large",
    activations: ["leakyRelu", "elu", "asinh", "softplus"],
    size: "wide",
    sizes: { float64: [1e-9, 0.3], float32: [1e-5, 0.3] },
    make: ({ params, activation }) => hiddenAction(params, { ...activation, allowInexact: true }),
  },
  {
    name: "the pseudo-inverse action on batches that are too large",
    activations: ["relu", "leakyRelu", "gelu", "tanh"],
    size: "wide",
    sizes: { float64: [1e-9, 0.3], float32: [1e-5, 0.3] },
    make: ({ params, activation }) => pseudoInverseAction(params, { ...activation, allowInexact: true }),
  },
  {
    name: "scaling before a normalization",
    activations: ["tanh", "gelu", "sigmoid"],
    network: "normalized",
    sizes: { float64: [5, 40], float32: [5, 40] },
    make({ loss, params, batch }) {
      const { nearScaling } = symmetriesOf(loss, params, batch);
      if (nearScaling === undefined) throw new Error("no scaling found");
      return nearScaling;
    },
  },
];

/** The squared distance of the first weight from where it was: it grows with any move. */
const distanceFrom =
  ({ layers: [{ weight: start }] }: MlpParams): ObjectiveFor<MlpParams> =>
  () =>
  ({ layers: [{ weight }] }) =>
    sum(square(sub(weight, constant(start, weight.dtype))));

describe.each(rows)("a teleport by $name", (row) => {
  it.each<[Float, number]>([
    ["float64", 1e-6],
    ["float32", 1e-4],
  ])("is taken in 100 random networks only where the loss stays: %s", async (dtype, tolerance) => {
    const outcomes = { taken: 0, refused: 0 };
    for (let seed = 0; seed < 100; seed++) {
      const problem = randomProblem(seed, { ...row, dtype });
      const { params, batch, loss, label } = problem;
      const symmetry = row.make(problem);
      expect(["no", "nearly"]).toContain(symmetry.exact);
      const [low, high] = row.sizes[dtype];
      const T = randomT(symmetry.algebra, low * (high / low) ** createRng(seed).next(), seed);
      const to = await symmetry.act(params, T, batch);
      if (isRefusal(to)) continue;
      const { params: end, report } = await teleport({
        search: ownMove(row.name, () => to),
        objective: distanceFrom(params),
        guard: { curvature: 0 },
        loss,
        params,
        batch,
      });
      const lossOf = evaluator(loss, problem);
      const drift = relative(lossOf(params, batch), lossOf(to, batch));
      expect(report.accepted, `${label}: ${drift}, ${report.reason}`).toBe(drift <= tolerance);
      expect(end).toBe(report.accepted ? to : params);
      if (!report.accepted) expect(report.reason, label).toMatch(/^the loss drifts by/);
      outcomes[report.accepted ? "taken" : "refused"]++;
    }
    expect(outcomes.taken).toBeGreaterThan(20);
    expect(outcomes.refused).toBeGreaterThan(20);
  });
});
