// The table of properties of P. Quinton, V. Rey, "Jacobian descent for multi-objective optimization", 2024, section 4,
// and those that follow from each method's formula.
import fc from "fast-check";
import { randomCases, sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { alignedMtl } from "../../../src/mtl/methods/aligned-mtl.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { config } from "../../../src/mtl/methods/config.js";
import { constant } from "../../../src/mtl/methods/constant.js";
import { dualProj } from "../../../src/mtl/methods/dual-proj.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { imtlG } from "../../../src/mtl/methods/imtl-g.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { mgda } from "../../../src/mtl/methods/mgda.js";
import { modo } from "../../../src/mtl/methods/modo.js";
import { nashMtl } from "../../../src/mtl/methods/nash-mtl.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import { randomLossWeighting } from "../../../src/mtl/methods/random-loss-weighting.js";
import { sdmGrad } from "../../../src/mtl/methods/sdm-grad.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";
import { everyMethod } from "../train/training-support.js";
import { firstStep, inner, type Rows } from "./jacobians.js";
import {
  areClearlyIndependent,
  expectLinearUnderScaling,
  expectNonConflicting,
  expectPermutationInvariant,
  expectScaleInvariant,
  expectSingleTask,
  expectStronglyStationary,
  expectStructure,
  type JacobianShape,
  jacobians,
} from "./properties.js";

const as = <S>(method: MultiTaskMethod<S>) => method as unknown as MultiTaskMethod<never>;

const exact = { normEpsilon: 0, regEpsilon: 0 };
const methods = {
  mean: as(linearScalarization({ reduction: "mean" })),
  sum: as(linearScalarization()),
  mgda: as(mgda()),
  "mgda of unit gradients": as(mgda({ normalization: "l2", combine: "normalized" })),
  pcGrad: as(pcGrad()),
  caGrad: as(caGrad()),
  "caGrad, c = 1": as(caGrad({ c: 1, rescale: 0, whenStationary: "zero" })),
  "caGrad, c = 3": as(caGrad({ c: 3, whenStationary: "zero" })),
  imtlG: as(imtlG()),
  "imtlG, pinv": as(imtlG({ form: "pinv" })),
  alignedMtl: as(alignedMtl()),
  upGrad: as(upGrad()),
  "upGrad, exact": as(upGrad(exact)),
  dualProj: as(dualProj()),
  "dualProj, exact": as(dualProj(exact)),
  nashMtl: as(nashMtl()),
  "nashMtl, clipped weights": as(nashMtl({ clip: "weights", whenUnsolvable: "stationary" })),
  fairGrad: as(fairGrad()),
  "fairGrad, alpha = 0.2": as(fairGrad({ alpha: 0.2 })),
  "fairGrad, alpha = 10": as(fairGrad({ alpha: 10 })),
  sdmGrad: as(sdmGrad()),
  modo: as(modo()),
  config: as(config()),
};
type Name = keyof typeof methods;

/** These are for a number of tasks, or for as many as outvote some of them. */
const counted = ["constant", "krum", "trimmedMean"];

/** Every method once more, those of losses and of the Jacobian among them. */
const all: Record<string, MultiTaskMethod<never>> = {
  ...methods,
  ...Object.fromEntries(
    everyMethod.filter(({ name }) => !counted.includes(name)).map((m) => [m.name, as(m)]),
  ),
};
const names = sampledRows(Object.keys(all));

function holds(shape: JacobianShape, test: (rows: Rows) => void, numRuns = 60): void {
  fc.assert(fc.property(jacobians(shape), test), { numRuns: randomCases(numRuns) });
}

describe("Any Jacobian", () => {
  it.each(names)("gives %s a finite direction", (name) => {
    holds({}, (rows) => expectStructure(all[name], rows), name in methods ? 100 : 30);
  });

  it("may have 10,000 parameters", () => {
    const shape = { maxParameters: 10_000 };
    holds(
      shape,
      (rows) => {
        for (const method of Object.values(all)) expectStructure(method, rows);
      },
      2,
    );
  });

  it.each(names)("of zeros gives %s the direction 0", (name) => {
    for (const K of [1, 2, 5]) {
      const { d } = firstStep(all[name], Array<number[]>(K).fill([0, 0, 0]));
      expect(d.map(Math.abs)).toEqual([0, 0, 0]);
    }
  });

  it.each(names)("with rows of 1e15 and of 1e-15 gives %s a finite direction", (name) => {
    for (const size of [1e15, 1e-15]) {
      expectStructure(all[name], [
        [size, 2 * size, -size],
        [-2 * size, size, size / 2],
        [size, size, size],
      ]);
    }
  });
});

describe("Non-conflicting", () => {
  it.each<Name>(["upGrad, exact", "dualProj, exact", "caGrad, c = 1", "caGrad, c = 3"])(
    "%s harms no task",
    (name) => holds({}, (rows) => expectNonConflicting(methods[name], rows)),
  );

  it.each<Name>(["upGrad", "dualProj"])("%s harms no task by more than its regularization", (name) => {
    holds({ size: 3 }, (rows) => {
      const trace = rows.reduce((sum, g) => sum + inner(g, g), 0);
      if (trace < 1e-4) return;
      const { d, w } = firstStep(methods[name], rows);
      // (G / trace + 1e-4 I) w >= 0.
      rows.forEach((g, k) => {
        expect(inner(g, d)).toBeGreaterThanOrEqual(-1.000001e-4 * trace * w[k]);
      });
    });
  });

  it("mgda improves each task by at least ||d||^2", () => {
    holds({}, (rows) => expectNonConflicting(methods.mgda, rows, { least: 1 }));
  });

  it.each<Name>(["nashMtl", "fairGrad", "fairGrad, alpha = 0.2"])(
    "%s improves every task where it has a solution",
    (name) =>
      holds({ dependent: false, zeroRows: false }, (rows) => expectNonConflicting(methods[name], rows)),
  );
});

describe("Permutation of the tasks", () => {
  it.each<Name>([
    "mean",
    "sum",
    "mgda",
    "upGrad, exact",
    "upGrad",
    "dualProj, exact",
    "dualProj",
    "caGrad",
    "caGrad, c = 3",
    "config",
    "nashMtl",
    "fairGrad",
    "sdmGrad",
    "modo",
  ])("does not change the direction of %s", (name) => {
    holds({ spread: 2 }, (rows) => expectPermutationInvariant(methods[name], rows, 1e-5));
  });

  it.each<Name>(["imtlG", "imtlG, pinv", "alignedMtl"])(
    "does not change the direction of %s for independent gradients",
    (name) => {
      holds({ dependent: false, spread: 1 }, (rows) => expectPermutationInvariant(methods[name], rows, 1e-5));
    },
  );
});

describe("Scaling of the gradients", () => {
  it.each<Name>(["mean", "sum", "upGrad, exact", "config"])(
    "changes the direction of %s linearly",
    (name) => {
      // Independent gradients for ConFIG: least squares cosines of dependent ones are the same, to rounding times cond.
      const shape = name === "config" ? { dependent: false } : {};
      holds(shape, (rows) => expectLinearUnderScaling(methods[name], rows, 1e-5));
    },
  );

  it("changes the direction of constant weights linearly", () => {
    holds({}, (rows) => {
      expectLinearUnderScaling(as(constant({ weights: rows.map((_, k) => k - 3) })), rows);
    });
  });

  it("does not change the direction of nashMtl, nor its length", () => {
    holds({ dependent: false, zeroRows: false }, (rows) => expectScaleInvariant(methods.nashMtl, rows));
  });

  it.each<Name>(["imtlG", "config"])("does not change the line of the direction of %s", (name) => {
    holds({ dependent: false, zeroRows: false, spread: 2 }, (rows) => {
      fc.pre(areClearlyIndependent(rows));
      expectScaleInvariant(methods[name], rows, { line: true });
    });
  });
});

describe("Strong stationarity", () => {
  it.each<[Name, (K: number) => number]>([
    ["mean", (K) => 1 / K],
    ["sum", () => 1],
    ["upGrad", (K) => 1 / K],
    ["upGrad, exact", (K) => 1 / K],
    ["dualProj", (K) => 1 / K],
    ["dualProj, exact", (K) => 1 / K],
  ])("%s stops only where a positive combination of the gradients is 0", (name, least) => {
    holds({ spread: 0 }, (rows) => expectStronglyStationary(methods[name], rows, least(rows.length)));
  });

  it("random positive weights stop only there, too", () => {
    holds({ spread: 0 }, (rows) => expectStronglyStationary(as(randomLossWeighting()), rows, 0));
  });

  it("constant positive weights stop only there, too", () => {
    holds({ spread: 0 }, (rows) => {
      const weights = rows.map((_, k) => 1 + k);
      expectStronglyStationary(as(constant({ weights })), rows, 1);
    });
  });
});

describe("One task", () => {
  const g = [3, -4, 12];
  it.each<[Name, number]>([
    ["mean", 1],
    ["sum", 1],
    ["mgda", 1],
    ["pcGrad", 1],
    ["caGrad", 1.4 / 1.16],
    ["caGrad, c = 1", 2],
    ["imtlG", 1],
    ["imtlG, pinv", 1],
    ["alignedMtl", 1],
    ["upGrad", 1],
    ["upGrad, exact", 1],
    ["dualProj", 1],
    ["nashMtl", 1 / 13],
    ["fairGrad", 13 ** (-4 / 3)],
    ["sdmGrad", 1],
    ["modo", 1],
    ["config", 1],
  ])("has with %s its own gradient times %f", (name, factor) => {
    expectSingleTask(methods[name], g, factor);
  });
});
