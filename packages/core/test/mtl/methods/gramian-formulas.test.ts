// What follows from each method's formula, on random Jacobians.
import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { alignedMtl } from "../../../src/mtl/methods/aligned-mtl.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { config } from "../../../src/mtl/methods/config.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { imtlG } from "../../../src/mtl/methods/imtl-g.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { nashMtl } from "../../../src/mtl/methods/nash-mtl.js";
import { firstStep, inner, norm, type Rows } from "./jacobians.js";
import {
  areClearlyIndependent,
  expectEqualProjections,
  type JacobianShape,
  jacobians,
} from "./properties.js";

const as = <S>(method: MultiTaskMethod<S>) => method as unknown as MultiTaskMethod<never>;

function holds(shape: JacobianShape, test: (rows: Rows) => void, numRuns = 60): void {
  fc.assert(fc.property(jacobians(shape), test), { numRuns: randomCases(numRuns) });
}

describe("The formula", () => {
  it("of imtlG makes all projections equal, whatever the rank", () => {
    holds({ zeroRows: false, spread: 3 }, (rows) => expectEqualProjections(as(imtlG()), rows));
  });

  it("of imtlG has weights of sum 1 for independent gradients", () => {
    holds({ dependent: false, spread: 3 }, (rows) => {
      const { w, note } = firstStep(imtlG(), rows);
      const sum = w.reduce((a, b) => a + b, 0);
      if (!note && norm(w) > 0) expect(sum).toBeCloseTo(1, 6);
    });
  });

  it("of nashMtl gives d of squared length K", () => {
    holds({ dependent: false, zeroRows: false }, (rows) => {
      const { d } = firstStep(nashMtl(), rows);
      expect(inner(d, d) / rows.length).toBeCloseTo(1, 6);
    });
  });

  it.each([0.5, 1, 2, 5])("of fairGrad holds: G w = w^(-1 / alpha) for alpha = %s", (alpha) => {
    holds({ dependent: false, zeroRows: false, spread: 2, size: 2 }, (rows) => {
      const { d, w } = firstStep(as(fairGrad({ alpha, scale: "mean" })), rows);
      rows.forEach((g, k) => {
        const left = inner(g, d);
        const size = rows.reduce((sum, row, j) => sum + w[j] * norm(row), 0) * norm(g);
        expect(Math.abs(left - w[k] ** (-1 / alpha))).toBeLessThanOrEqual(1e-7 * (left + 1e-3 * size));
      });
    });
  });

  it("of fairGrad with alpha = 1 is Nash-MTL's", () => {
    holds({ dependent: false, spread: 2 }, (rows) => {
      const fair = firstStep(as(fairGrad({ alpha: 1, scale: "mean" })), rows).d;
      const nash = firstStep(as(nashMtl({ whenUnsolvable: "stationary" })), rows).d;
      expect(norm(fair.map((x, p) => x - nash[p]))).toBeLessThanOrEqual(1e-9 * norm(nash));
    });
  });

  it("of config gives equal cosines and the length of all projections together", () => {
    holds({ dependent: false, zeroRows: false, spread: 2 }, (rows) => {
      fc.pre(areClearlyIndependent(rows));
      const { d } = firstStep(config(), rows);
      const cosines = rows.map((g) => inner(g, d) / norm(g) / norm(d));
      for (const c of cosines) expect(c).toBeCloseTo(cosines[0], 6);
      const total = rows.reduce((sum, g) => sum + inner(g, d) / norm(d), 0);
      expect(total / norm(d)).toBeCloseTo(1, 6);
    });
  });

  it("of alignedMtl makes all principal components as long as the least", () => {
    holds({ dependent: false, zeroRows: false, spread: 0, maxTasks: 8 }, (rows) => {
      // B' G B = least eigenvalue times I, so that ||J' B p||^2 = least p' p for every p.
      const lengthOf = (preference: number[]) =>
        norm(firstStep(as(alignedMtl({ preference, epsilon: 2 ** -52 })), rows).d);
      const basis = rows.map((_, k) => rows.map((__, j) => (j === k ? 1 : 0)));
      const first = lengthOf(basis[0]);
      for (const p of basis) expect(lengthOf(p) / first).toBeCloseTo(1, 4);
      expect(lengthOf(rows.map(() => 1)) / first / Math.sqrt(rows.length)).toBeCloseTo(1, 4);
    });
  });

  it("of caGrad stays in the ball around the mean and does at least as well as the mean for the worst task", () => {
    for (const c of [0.1, 0.4, 0.9, 2]) {
      holds({ spread: 2 }, (rows) => {
        const { d, w } = firstStep(as(caGrad({ c, rescale: 0, scale: "mean" })), rows);
        const mean = firstStep(linearScalarization({ reduction: "mean" }), rows).d;
        const size = rows.reduce((sum, g, k) => sum + w[k] * norm(g), 0);
        const away = norm(d.map((x, p) => x - mean[p]));
        expect(away).toBeLessThanOrEqual(c * norm(mean) + 1e-7 * size);
        const worst = (v: number[]) => Math.min(...rows.map((g) => inner(g, v)));
        const longest = Math.max(...rows.map(norm));
        expect(worst(d)).toBeGreaterThanOrEqual(worst(mean) - 1e-7 * size * longest);
      });
    }
  });
});
