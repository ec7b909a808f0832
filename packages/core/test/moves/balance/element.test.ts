import { describe, expect, it } from "vitest";
import { balanced } from "../../../src/entries/moves.js";
import { inPowersOfTwo } from "../../../src/moves/balance/element.js";
import type { ScalingGenerator } from "../../../src/symmetry/discovery/descriptors.js";
import { badlyScaled, expectSameBits, networkKinds } from "./powers-of-two-support.js";

describe("balanced in powers of 2", () => {
  expectSameBits(networkKinds.slice(1, 2));

  it("is within half a power of 2 of the balanced point", async () => {
    const { found, start } = await badlyScaled(3, "vectors");
    const [free, rounded] = [
      await balanced(start, found),
      await balanced(start, found, { powersOfTwo: true }),
    ];
    const [{ axes }] = found.scalings;
    const { path } = axes[0];
    const ratios = Array.from(free[path].data as Float32Array, (v, i) =>
      Math.log2(Math.abs(v / Number(rounded[path].data[i]))),
    );
    expect(Math.max(...ratios.map(Math.abs))).toBeLessThanOrEqual(found.scalings.length / 2 + 1e-3);
  });

  it("rounds to the least unit that makes a power of 2 of every factor", () => {
    const generator = (...powers: number[]): ScalingGenerator => ({
      kind: "scaling",
      size: 1,
      exact: true,
      axes: powers.map((power, k) => ({ path: `w${k}`, view: [1], axis: 0, power })),
    });
    const rounded = (t: number, ...powers: number[]) =>
      inPowersOfTwo([{ shape: [1], data: Float64Array.of(t) }], [generator(...powers)])[0].data[0] / Math.LN2;
    expect(rounded(2.6 * Math.LN2, 1, -1)).toBe(3);
    expect(rounded(2.6 * Math.LN2, 0.5, -1)).toBe(2);
    expect(rounded(2.6 * Math.LN2, 1 / 3, -1)).toBe(3);
    expect(rounded(2.6 * Math.LN2, Math.SQRT2, -1)).toBe(0);
  });
});
