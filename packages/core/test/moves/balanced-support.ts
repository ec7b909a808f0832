// The balanced point of an orbit: by hand on two layers, and as the least of its own objective on random networks.

import { randomCases } from "isoloss-test-support/random-cases";
import type { Values } from "isoloss-test-support/symmetry/discovery/support";
import { randomT, relative } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { balanced } from "../../src/entries/moves.js";
import { balancedSpaces } from "../../src/moves/balance/spaces.js";
import { doublesOf } from "../../src/moves/balance/sweeps.js";
import { generalLinear } from "../../src/symmetry/general-linear.js";
import { scaling } from "../../src/symmetry/scaling.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import { randomNetwork } from "../symmetry/discovery/random-network.js";

export const squares = (arrays: readonly NdArray[]): number =>
  arrays.reduce((sum, { data }) => sum + (data as Float64Array).reduce((a, v) => a + v * v, 0), 0);

/** Whether no small step on the orbit makes the sum of squares less. */
async function expectLeast(symmetry: Symmetry<Values>, values: Values, seed: number) {
  const at = (p: Values) => squares(symmetry.paths.map((path) => p[path]));
  const least = at(values);
  for (let k = 0; k < 3; k++) {
    const near = await symmetry.act(values, randomT(symmetry.algebra, 0.05, 10 * seed + k), {});
    if (!isRefusal(near)) expect(at(near)).toBeGreaterThan(least * (1 - 1e-6));
  }
}

export const networkKinds = ["images", "vectors", "attention"] as const;

export function expectLeastSquares(rows: readonly (typeof networkKinds)[number][]): void {
  it.each(rows)(
    "the loss is kept, and the sum of squares is least, on random networks of %s",
    async (network) => {
      for (let seed = 0; seed < randomCases(40); seed++) {
        const { found: own, values, evaluate } = randomNetwork(seed, network);
        // With powers of one sign there is no least sum: such weights may shrink to nothing.
        const exact = own.scalings.filter(
          ({ exact: isExact, axes }) =>
            isExact && [-1, 1].every((sign) => axes.some(({ power }) => sign * power > 0)),
        );
        const to = await balanced(values, own);
        expect(relative(evaluate(values), evaluate(to)), `network ${seed}`).toBeLessThan(1e-9);
        expect(squares(Object.values(to))).toBeLessThan(squares(Object.values(values)) * (1 + 1e-9));
        if (exact.length > 0) await expectLeast(scaling(exact), to, seed);
        // A space that is not used in all directions stays: its sum of squares has no least point.
        const { T } = balancedSpaces(doublesOf(values, own.linear), own.linear, {
          tolerance: 1e-3,
          most: 1000,
        });
        const isUsed = T.every(({ data }) => data.some((t) => t !== 0));
        if (own.linear.length > 0 && isUsed) await expectLeast(generalLinear(own.linear), to, seed);
      }
    },
  );
}
