// Figures of imbalance, by hand on two layers of two units.
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { imbalance } from "../../../src/moves/index.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";

const model = mlp({ sizes: [2, 2, 1], activation: "relu", bias: false });
const matrix = (...rows: number[][]) =>
  ndarray(Float64Array.from(rows.flat()), [rows.length, rows[0].length]);
const batch = { x: matrix([1, 2]), y: matrix([1]) };
const loss: BatchLoss<ReturnType<typeof layers>, typeof batch> = (p, { x, y }) =>
  mseLoss(model.apply(p, x).output, y);
const layers = (first: number[][], second: number[][]) => ({
  layers: [{ weight: matrix(...first) }, { weight: matrix(...second) }],
});
const of = (first: number[][], second: number[][]) => {
  const params = layers(first, second);
  return imbalance(params, symmetriesOf(loss, params, batch).found);
};

describe("imbalance", () => {
  it("counts the bits that one scale for a tensor loses in a unit, now and with balanced ranges", () => {
    // First layer: ranges 4 and 1 of 4; second: 4 and 16 of 16. That is 0, 2, 2 and 0 bits; balanced: 4 and 4 in both.
    const { lostBits, advice, settled } = of(
      [
        [4, -1],
        [0.5, 1],
      ],
      [[4, -16]],
    );
    expect(lostBits.now).toBeCloseTo(1, 12);
    expect(lostBits.balanced).toBeCloseTo(0, 12);
    expect(advice).toContain("loses 1.0 of its 8 bits in the average unit, with balanced ranges 0.0");
    expect(settled).toBe(true);
  });

  it("counts weights that float16 cannot hold, now and with balanced norms", () => {
    const { float16, advice } = of(
      [
        [1e5, 7e4],
        // Rounded to 65504, the largest.
        [65519, 1],
      ],
      [[1e-5, 1]],
    );
    expect(float16.now).toEqual({ overflows: 2, subnormals: 1 });
    // Both sides of the first unit have the norm of sqrt(1.2e5 1e-5) = 1.1.
    expect(float16.balanced).toEqual({ overflows: 0, subnormals: 0 });
    expect(advice).toContain(
      "In float16 2 overflow and 1 are subnormal of the weights; with balanced norms 0 overflow and 0 are subnormal.",
    );
    expect(
      of(
        [
          [1, 0],
          [0, 1],
        ],
        [[1, 1]],
      ).advice,
    ).toContain("Float16 holds all weights in its normal range.");
  });
});
