// Figures of imbalance, by hand on two layers of two units.
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { balanced, imbalance } from "../../../src/entries/moves.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import type { ScalingGenerator } from "../../../src/symmetry/discovery/descriptors.js";
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
    expect(lostBits?.now).toBeCloseTo(1, 12);
    expect(lostBits?.balanced).toBeCloseTo(0, 12);
    expect(advice).toContain(
      "lose 1.0 of their 8 bits in the average unit, with balanced ranges 0.0; activations were not measured",
    );
    expect(settled).toBe(true);
  });

  it.each([
    [1e160, 1e160],
    [1e-160, 1e-160],
    [1e160, 1e-160],
    [1e-160, 1e160],
  ])("is that of weights near 1, whose squares do not overflow: %d and %d", async (a, b) => {
    const [first, second] = [
      [
        [4, -1],
        [0.5, 1],
      ],
      [[4, -16]],
    ];
    const times = (rows: number[][], factor: number) => rows.map((row) => row.map((w) => w * factor));
    const near = of(first, second);
    const far = of(times(first, a), times(second, b));
    expect(far.settled).toBe(true);
    expect(far.sigma).toBeCloseTo(near.sigma as number, 3);
    // |T| of unit i is log(|w_i| / |v_i|) / 2: mean of -log(sqrt 17 / 4) and -log(sqrt 1.25 / 16), plus log(a / b).
    const mean = (Math.log(Math.sqrt(17) / 4) + Math.log(Math.sqrt(1.25) / 16)) / 4;
    expect(Math.log(far.factor as number)).toBeCloseTo(Math.abs(mean + (Math.log(a) - Math.log(b)) / 2), 3);
    expect(far.lostBits?.now).toBeCloseTo(1, 9);
    expect(far.lostBits?.balanced).toBeCloseTo(0, 9);
    const params = layers(times(first, a), times(second, b));
    const even = await balanced(params, symmetriesOf(loss, params, batch).found);
    const norm = (numbers: readonly number[]) => Math.hypot(...numbers.map((w) => w / Math.sqrt(a * b)));
    for (const i of [0, 1]) {
      const [incoming, outgoing] = even.layers.map(({ weight: { data } }) => Array.from(data));
      expect(norm(incoming.slice(2 * i, 2 * i + 2))).toBeCloseTo(norm([outgoing[i]]), 2);
    }
  });

  const leg = (path: string, view: number[], axis: number, power: number) => ({ path, view, axis, power });
  const scaling = (size: number, ...axes: ScalingGenerator["axes"]): ScalingGenerator => ({
    kind: "scaling",
    exact: true,
    size,
    axes,
  });

  it("is not settled where factors between weights of extreme sizes overflow", () => {
    const chain = {
      w: [matrix([2.08e90]), matrix([-9e-264]), matrix([7.1e-54])],
      b: [ndarray(Float64Array.of(2.05e158), [1]), ndarray(Float64Array.of(0), [1])],
    };
    const scalings = [0, 1].map((k) =>
      scaling(1, leg(`w.${k}`, [1, 1], 0, 1), leg(`b.${k}`, [1], 0, 1), leg(`w.${k + 1}`, [1, 1], 1, -1)),
    );
    const { settled, advice } = imbalance(chain, { scalings });
    expect(settled).toBe(false);
    expect(advice).toContain("nothing is known of how their scales differ");
    expect(advice).not.toMatch(/NaN|even/);
  });

  it("counts units whose squares are 0 beside those of other units", () => {
    const e = 1e-170;
    const params = {
      w: matrix([e], [e]),
      b: ndarray(Float64Array.of(0, 1), [2]),
      v: matrix([e, e], [e, e], [e, e]),
    };
    const unit = scaling(2, leg("w", [2, 1], 0, 1), leg("b", [2], 0, 1), leg("v", [3, 2], 1, -1));
    const { groups, settled } = imbalance(params, { scalings: [unit] });
    // T of the first unit is log(3 e^2 / e^2) / 4; the second one's is log(3 e^2) / 4.
    const [first, second] = [Math.log(3) / 4, (Math.log(3) + 2 * Math.log(e)) / 4];
    expect(Math.log(groups[0].factor)).toBeCloseTo(-(first + second) / 2, 3);
    expect(groups[0].sigma).toBeCloseTo((first - second) / 2, 3);
    expect(settled).toBe(true);
  });

  it("refuses numbers that are not finite in parameters that nothing scales, too", () => {
    const params = {
      ...layers(
        [
          [1, 2],
          [3, 4],
        ],
        [[1, 2]],
      ),
      free: matrix([Number.NaN]),
    };
    const { found } = symmetriesOf(
      loss,
      layers(
        [
          [1, 2],
          [3, 4],
        ],
        [[1, 2]],
      ),
      batch,
    );
    expect(() => imbalance(params, found)).toThrow('The weights "free" are not all finite.');
  });

  it("says nothing of scales that it did not measure", () => {
    const params = layers([[1, 2]], [[1]]);
    const { groups, factor, sigma, lostBits, advice } = imbalance(params, { scalings: [] });
    expect([groups, factor, sigma, lostBits]).toEqual([[], undefined, undefined, undefined]);
    expect(advice).toBe(
      "Scales were not measured, as no group of units can be scaled. Float16 holds all weights in its normal range.",
    );
  });

  it("speaks of the layers alone that it measured, and not of the bits of all, where others cannot be scaled", () => {
    const first = [
      [4, -1],
      [0.5, 1],
    ];
    const { found } = symmetriesOf(loss, layers(first, [[4, -16]]), batch);
    const uneven = matrix([1, 1], [512, 512]);
    const { advice } = imbalance({ ...layers(first, [[1, 1]]), other: uneven }, found);
    expect(advice).toMatch(
      /^Of 3 layers 2 were measured, with units that can be scaled: their scales differ by up to \S+ between layers, and by exp\(\S+\) between units\. These are even: /,
    );
    expect(advice).not.toContain("bits");
  });

  it("does not speak of balanced norms where nothing can be balanced", () => {
    const { advice } = imbalance(layers([[1e5, 1]], [[1]]), { scalings: [] });
    expect(advice).toContain("In float16 1 overflow and 0 are subnormal of the weights.");
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
    expect(float16.now).toEqual({ numbers: 6, overflows: 2, subnormals: 1 });
    // Both sides of the first unit have the norm of sqrt(1.2e5 1e-5) = 1.1.
    expect(float16.balanced).toEqual({ numbers: 6, overflows: 0, subnormals: 0 });
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
