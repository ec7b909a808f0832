// Rotations of hidden spaces: orthogonal, of the same function, and flatter where they are descended.

import { randomCases } from "isoloss-test-support/random-cases";
import { relative } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { rotated } from "../../../src/entries/moves.js";
import { randomNetwork } from "../../symmetry/discovery/random-network.js";

export const networkKinds = ["attention", "stream", "vectors"] as const;

export function expectSameFunctions(rows: readonly (typeof networkKinds)[number][]): void {
  it.each(rows)("keeps the function of random networks of %s, and keeps norms", (kind) => {
    let moved = 0;
    const count = randomCases(25);
    for (let seed = 0; seed < count; seed++) {
      const { found, values, evaluate } = randomNetwork(seed, kind);
      // Gains move into their readers first.
      const hasGains = found.orthogonal.some(({ axes }) => axes.some(({ gains = [] }) => gains.length > 0));
      for (const by of ["hadamard", "random", "descended"] as const) {
        const to = rotated(values, found, { by, seed, steps: 10 });
        expect(relative(evaluate(values), evaluate(to)), `${kind} ${seed} ${by}`).toBeLessThan(1e-9);
        for (const [name, { data }] of Object.entries(values)) {
          const square = (a: NdArray) => (a.data as Float64Array).reduce((sum, v) => sum + v * v, 0);
          if (!hasGains) expect(square(to[name])).toBeCloseTo(square({ shape: [], data }), 8);
          if (to[name] !== values[name]) moved++;
        }
      }
    }
    expect(moved).toBeGreaterThan(0.8 * count);
  });
}
