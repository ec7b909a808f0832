// What the methods of the Gramian do on one small example, and their conventions.
import { describe, expect, it } from "vitest";
import { createRng } from "../../../src/math/rng.js";
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
import { nashMtl } from "../../../src/mtl/methods/nash-mtl.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";
import { everyMethod } from "../train/training-support.js";
import { firstStep, gramianOf, inputFor, type Rows, shufflesBy } from "./jacobians.js";

const base: Rows = [
  [-4, 1, 1],
  [6, 1, 1],
];
const conflict: Rows = [
  [1, 2, -1, 0.5],
  [-2, 1, 0.5, 1],
  [0.5, -1.5, 3, -1],
];

const exact = { normEpsilon: 0, regEpsilon: 0 };
const as = <S>(method: MultiTaskMethod<S>) => method as unknown as MultiTaskMethod<never>;

function close(actual: readonly number[] | Float64Array | undefined, expected: number[], digits = 4): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((x, k) => {
    expect(actual?.[k]).toBeCloseTo(x, digits);
  });
}

describe("The worked example J = [[-4, 1, 1], [6, 1, 1]]", () => {
  // Weights by hand: the mean, the foot of the perpendicular, 1 + 22 / 18 and 1 + 22 / 38, ...
  it.each<[string, MultiTaskMethod<never>, number[], number[] | null]>([
    ["the mean", as(linearScalarization({ reduction: "mean" })), [0.5, 0.5], [1, 1, 1]],
    ["MGDA", as(mgda()), [0.6, 0.4], [0, 1, 1]],
    ["PCGrad", as(pcGrad()), [2.2222, 1.5789], [0.5848, 3.8012, 3.8012]],
    ["IMTL-G", as(imtlG()), [0.5923, 0.4077], [0.0767, 1, 1]],
    ["Nash-MTL", as(nashMtl()), [0.5915, 0.4071], null],
    ["clipped Nash-MTL", as(nashMtl({ clip: "weights" })), [0.4182, 0.2878], [0.0542, 0.7061, 0.7061]],
    ["FairGrad", as(fairGrad({ scale: "mean" })), [0.4714, 0.3195], [0.0313, 0.7908, 0.7908]],
    ["CAGrad", as(caGrad({ c: 0.5, rescale: 0, scale: "mean" })), [0.7041, 0.5], [0.1835, 1.2041, 1.2041]],
    ["UPGrad", as(upGrad(exact)), [1.1111, 0.7895], null],
    ["DualProj", as(dualProj()), [0.6109, 0.5], [0.5563, 1.1109, 1.1109]],
    ["Aligned-MTL", as(alignedMtl({ scale: "mean" })), [0.5591, 0.4083], [0.2133, 0.9673, 0.9673]],
    ["ConFIG", as(config()), [1.2265, 0.8441], [0.1588, 2.0706, 2.0706]],
  ])("has for %s the known weights and direction", (_, method, weights, direction) => {
    const { w, d } = firstStep(method, base);
    close(w, weights);
    if (direction) close(d, direction);
  });

  it.each<[string, MultiTaskMethod<never>, number[]]>([
    ["UPGrad", as(upGrad()), [0.7481, 0.4939, 0.6008]],
    ["MGDA", as(mgda()), [0.4426, 0.2385, 0.3189]],
    ["Nash-MTL", as(nashMtl()), [0.7712, 0.5048, 0.5872]],
    ["FairGrad", as(fairGrad({ scale: "mean" })), [0.6781, 0.4109, 0.5039]],
    ["CAGrad", as(caGrad({ rescale: 0, scale: "mean" })), [0.5376, 0.3333, 0.392]],
    ["IMTL-G", as(imtlG()), [0.4401, 0.2271, 0.3328]],
    ["PCGrad", as(pcGrad()), [1.96, 1.32, 1.64]],
  ])("and three tasks in conflict have the known weights for %s", (_, method, weights) => {
    close(firstStep(method, conflict, { rng: shufflesBy() }).w, weights);
  });
});

describe("The example J = [[1, 0], [-0.5, 1]]", () => {
  // Solutions of (J J^T) w = w^(-1 / alpha).
  it.each([
    [1, [1.34499702, 1.20300191]],
    [2, [1.47063523, 1.29205457]],
  ])("has for FairGrad with alpha %f the known weights", (alpha, weights) => {
    const rows: Rows = [
      [1, 0],
      [-0.5, 1],
    ];
    close(firstStep(as(fairGrad({ alpha, scale: "mean" })), rows).w, weights, 8);
  });
});

describe("Conventions", () => {
  const first = (method: MultiTaskMethod<never>) => firstStep(method, base).w;

  it.each<[string, (scale: "sum" | "mean") => MultiTaskMethod<never>]>([
    ["mgda", (scale) => as(mgda({ scale }))],
    ["pcGrad", (scale) => as(pcGrad({ scale }))],
    ["caGrad", (scale) => as(caGrad({ scale }))],
    ["fairGrad", (scale) => as(fairGrad({ scale }))],
    ["alignedMtl", (scale) => as(alignedMtl({ scale }))],
    ["linearScalarization", (reduction) => as(linearScalarization({ reduction }))],
  ])("scale the sum of %s to K times the mean", (_, method) => {
    const mean = first(method("mean"));
    close(
      first(method("sum")),
      mean.map((x) => 2 * x),
      12,
    );
  });

  it("rescale CAGrad by 1, 1 + c^2 or 1 + c", () => {
    const [plain, squared, linear] = ([0, 1, 2] as const).map((rescale) => first(as(caGrad({ rescale }))));
    close(
      plain,
      squared.map((x) => 1.16 * x),
      12,
    );
    close(
      plain,
      linear.map((x) => 1.4 * x),
      12,
    );
  });

  it("limit the shared gradient to 1 where the official implementation does", () => {
    const limits = [pcGrad(), caGrad(), fairGrad(), nashMtl()].map((method) => method.clipNorm);
    expect(limits).toEqual([1, 1, 1, 1]);
    const none = [pcGrad({ clipNorm: 0 }), nashMtl({ clip: "weights" }), mgda(), imtlG(), alignedMtl()];
    for (const method of none) expect(method.clipNorm).toBeUndefined();
  });

  it("weigh the heads' gradients where the official implementation does", () => {
    const weighted = [mgda(), imtlG(), nashMtl(), linearScalarization(), constant({ weights: [1] })];
    for (const method of weighted) expect(method.headGradient, method.name).toBe("weighted");
    const unweighted = [pcGrad(), caGrad(), fairGrad(), alignedMtl(), upGrad(), dualProj(), config()];
    for (const method of unweighted) expect(method.headGradient, method.name).toBe("unweighted");
  });

  it("take preferences: a task of weight 0 that conflicts with none does not count", () => {
    const agreeing: Rows = [
      [1, 2, 0],
      [2, 1, 1],
    ];
    for (const method of [upGrad({ preference: [1, 0] }), dualProj({ preference: [1, 0] })]) {
      close(firstStep(method, agreeing).w, [1, 0], 12);
    }
    const B = firstStep(alignedMtl({ preference: [1, 0] }), agreeing).w;
    close(
      firstStep(alignedMtl({ preference: [3, 0] }), agreeing).w,
      B.map((x) => 3 * x),
      12,
    );
  });
});

describe("Forty tasks", () => {
  const rng = createRng(4);
  const rows = Array.from({ length: 40 }, () => Array.from({ length: 60 }, () => rng.normal()));

  it.each(everyMethod.filter(({ name }) => name !== "constant"))(
    "take $name no longer than some Gram matrices by a plain loop",
    (given) => {
      const method = as(given);
      const input = inputFor(method, rows);
      const state = method.init(40);
      const timeOf = (work: () => unknown) => {
        const start = performance.now();
        work();
        return performance.now() - start;
      };
      // The first runs take longer, before V8 optimizes the code. The slowest method then takes 14 to 19 times as long as the matrix.
      const most = 40;
      let [least, matrix] = [Infinity, Infinity];
      for (let run = 0; run < 3 || (run < 40 && least >= most * matrix); run++) {
        least = Math.min(
          least,
          timeOf(() => method.combine(input, state)),
        );
        matrix = Math.min(
          matrix,
          timeOf(() => gramianOf(rows)),
        );
      }
      expect(least / matrix).toBeLessThan(most);
    },
  );
});
