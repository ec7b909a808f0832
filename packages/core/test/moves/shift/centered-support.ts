// Shifts that center activations: ranges symmetric around 0, and the same function.

import { randomCases } from "isoloss-test-support/random-cases";
import { relative } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import { centered } from "../../../src/entries/moves.js";
import { randomNetwork } from "../../symmetry/discovery/random-network.js";

export const networkKinds = ["vectors", "images", "attention", "stream"] as const;

export function expectSameFunctions(rows: readonly (typeof networkKinds)[number][]): void {
  it.each(rows)(
    "keeps the function of random networks of %s, and a second time nothing moves",
    async (kind) => {
      let moved = 0;
      const count = randomCases(20);
      for (let seed = 0; seed < count; seed++) {
        const { found, values, data, loss, evaluate } = randomNetwork(seed, kind);
        if (found.shifts.length === 0) continue;
        const to = await centered(loss, values, [data]);
        expect(relative(evaluate(values), evaluate(to)), `${kind} ${seed}`).toBeLessThan(1e-9);
        const again = await centered(loss, to, [data]);
        for (const [name, { data: numbers }] of Object.entries(to)) {
          numbers.forEach((v, k) => {
            expect(Math.abs(Number(again[name].data[k]) - Number(v)), `${kind} ${seed} ${name}`).toBeLessThan(
              1e-9,
            );
          });
          if (numbers.some((v, k) => v !== values[name].data[k])) moved++;
        }
      }
      expect(moved).toBeGreaterThan(count / 4);
    },
  );
}
