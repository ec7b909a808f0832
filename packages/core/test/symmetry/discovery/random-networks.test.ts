import { randomCases } from "isoloss-test-support/random-cases";
import { changes } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { randomNetwork } from "./random-network.js";

describe("What is found in random networks", () => {
  const seeds = Array.from({ length: randomCases(120) }, (_, k) => k);
  const kinds = new Map<string, number>();

  it.each(seeds)("keeps the loss of number %i", (seed) => {
    const network = randomNetwork(seed);
    for (const { what, exact, change } of changes(network, seed)) {
      const kind = what.split(" ")[0] + (exact ? "" : " inexact");
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      expect(change, what).toBeLessThan(exact ? 1e-10 : 1e-2);
    }
  });

  it("is of all kinds", () => {
    for (const kind of ["scaling", "scaling inexact", "sign", "permutation", "linear"]) {
      expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(seeds.length / 6);
    }
  });
});
