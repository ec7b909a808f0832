// Expected numbers: golden/mtl-aggregators.json.

import { readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { caGradInner } from "../../../src/mtl/kernels/ca-grad-inner.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { alignedMtl } from "../../../src/mtl/methods/aligned-mtl.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { config } from "../../../src/mtl/methods/config.js";
import { dualProj } from "../../../src/mtl/methods/dual-proj.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { imtlG } from "../../../src/mtl/methods/imtl-g.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { mgda } from "../../../src/mtl/methods/mgda.js";
import { nashMtl } from "../../../src/mtl/methods/nash-mtl.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";
import { goldenLedger } from "./golden-ledger.js";
import { directionOf, firstStep, gramianOf, norm, type Rows, shufflesBy } from "./jacobians.js";

interface Result {
  weights?: number[];
  direction?: (number | null)[];
  losses?: number[];
  returned_weights?: (number | null)[];
  inner_simplex_w?: number[];
  norm?: number;
  error?: string;
}

const { matrices } = readGolden<{ matrices: Record<string, Rows> }>("mtl-aggregators.json");
const { golden, unread } = goldenLedger<Record<string, Record<string, Result>>>(
  "mtl-aggregators.json",
  "aggregators",
);

/** Matrices with linearly dependent rows: weights are not unique there, and only directions are compared. */
const dependent = ["zero3x4", "allzero2x3", "dup3x4", "opp2x3"];

interface Row {
  readonly method: () => MultiTaskMethod<never>;
  readonly tolerance: number;
  /** Matrices where the reference is less exact, with its error. */
  readonly loose?: Record<string, number>;
  readonly reversed?: boolean;
  /** What the reference calls its weights where they are not those of the gradients: of an inner problem. */
  readonly inner?: (rows: Rows, w: number[], losses: Float64Array) => ArrayLike<number>;
}

const row = <S>(method: () => MultiTaskMethod<S>, tolerance: number, more: Partial<Row> = {}): Row => ({
  method: method as never,
  tolerance,
  ...more,
});

const closed = 1e-6;
const iterative = 1e-4;
const slsqp = 1e-3;
/** The reference ran with float64 as default, which TorchJD and LibMTL take the cut-off from. */
const epsilon = 2 ** -52;
/** Weights of the divided gradients. */
const timesNorm: Row["inner"] = (rows, w) => w.map((x, k) => x * norm(rows[k]));
const timesLossAndNorm: Row["inner"] = (rows, w, losses) => w.map((x, k) => x * norm(rows[k]) * losses[k]);
const onSimplex =
  (c: number): Row["inner"] =>
  (rows) =>
    caGradInner(gramianOf(rows), c).weights;
const torchjd = { rescale: 0, scale: "mean", whenStationary: "zero", stationaryBelow: 1e-4 } as const;

const table: Record<string, Row> = {
  Mean: row(() => linearScalarization({ reduction: "mean" }), closed),
  Sum: row(() => linearScalarization(), closed),
  "LibMTL EW": row(() => linearScalarization(), closed),
  "MGDA exact": row(() => mgda(), closed),
  // 100 iterations of Frank-Wolfe from the middle.
  "MGDA_FW(torchjd)": row(() => mgda(), iterative, { loose: { conf3x4: 6e-3 } }),
  MGDA_FW_tight: row(() => mgda(), iterative),
  "LibMTL MGDA(none)": row(() => mgda(), iterative),
  "LibMTL MGDA(l2)": row(() => mgda({ normalization: "l2", combine: "normalized" }), iterative, {
    inner: timesNorm,
  }),
  "LibMTL MGDA(loss+)": row(() => mgda({ normalization: "loss+", combine: "normalized" }), iterative, {
    inner: timesLossAndNorm,
    // Weights 0.999 and 0.001 where 1 and 0 are optimal.
    loose: { noconf2x3: 2e-3 },
  }),
  "PCGrad(order=identity,sum)": row(() => pcGrad(), closed),
  "PCGrad(order=reversed,sum)": row(() => pcGrad(), closed, { reversed: true }),
  "LibMTL PCGrad(order=identity incl. self)": row(() => pcGrad({ includeSelf: true, epsilon: 1e-8 }), closed),
  "CAGrad(torchjd,c=0.4)": row(() => caGrad({ c: 0.4, ...torchjd }), slsqp, { inner: onSimplex(0.4) }),
  "CAGrad(torchjd,c=0.5)": row(() => caGrad({ c: 0.5, ...torchjd }), slsqp, { inner: onSimplex(0.5) }),
  "LibMTL CAGrad(calpha=0.4,rescale=1)": row(() => caGrad({ c: 0.4, scale: "mean" }), slsqp, {
    inner: onSimplex(0.4),
  }),
  "LibMTL CAGrad(calpha=0.5,rescale=1)": row(() => caGrad({ c: 0.5, scale: "mean" }), slsqp, {
    inner: onSimplex(0.5),
  }),
  "IMTL-G": row(() => imtlG({ form: "pinv" }), closed),
  "LibMTL IMTL(hybrid, s=0)": row(() => imtlG(), closed),
  "Aligned-MTL(mean pref)": row(() => alignedMtl({ scale: "mean", epsilon }), closed),
  "Aligned-MTL median": row(() => alignedMtl({ scale: "mean", scaleMode: "median", epsilon }), closed),
  "Aligned-MTL rmse": row(() => alignedMtl({ scale: "mean", scaleMode: "rmse", epsilon }), closed),
  "LibMTL Aligned_MTL(sum)": row(() => alignedMtl({ epsilon }), closed),
  UPGrad: row(() => upGrad(), closed),
  "LibMTL UPGrad": row(() => upGrad(), closed),
  "UPGrad exact (norm_eps=reg_eps=0)": row(() => upGrad({ normEpsilon: 0, regEpsilon: 0 }), closed),
  DualProj: row(() => dualProj(), closed),
  "DualProj exact (reg 0)": row(() => dualProj({ normEpsilon: 0, regEpsilon: 0 }), closed),
  "Nash-MTL exact": row(() => nashMtl({ clipNorm: 0 }), closed),
  "Nash-MTL exact, max_norm=1": row(() => nashMtl({ clip: "weights" }), closed),
  ConFIG: row(() => config(), closed),
  "ConFIG(official lstsq)": row(() => config(), closed),
};
for (const alpha of [0.5, 1, 2, 5]) {
  const name = alpha.toFixed(1);
  const method = () => fairGrad({ alpha, scale: "mean" });
  table[`FairGrad exact alpha=${name}`] = row(method, closed);
  // At the Pareto stationary point the solver stops on its way to infinite weights.
  table[`FairGrad scipy alpha=${name}`] = row(method, iterative, { loose: { opp2x3: 5e-3 } });
}
for (const alpha of [1, 2]) {
  table[`LibMTL FairGrad(alpha=${alpha})`] = row(() => fairGrad({ alpha, scale: "mean" }), iterative, {
    loose: { opp2x3: 5e-4 },
  });
}

function expectClose(
  actual: readonly number[],
  expected: readonly (number | null)[],
  tolerance: number,
): void {
  const scale = Math.max(1, norm(expected as number[]));
  expect(actual).toHaveLength(expected.length);
  actual.forEach((x, p) => {
    expect(
      Math.abs(x - (expected[p] ?? NaN)),
      `element ${p} of ${actual}, expected ${expected}`,
    ).toBeLessThan(tolerance * scale);
  });
}

it("has a row for every golden aggregator", () => {
  expect(Object.keys(table).sort()).toEqual(Object.keys(golden).sort());
});

describe.each(Object.entries(table))("%s", (key, { method, tolerance, loose, reversed, inner }) => {
  // On the others the reference fails, or finds that there is no solution: gramian-edge-cases.test.ts.
  const cases = Object.entries(golden[key] ?? {}).filter(
    ([, { direction }]) => direction && !direction.includes(null),
  );

  it.each(cases)("is reproduced on %s", (name, expected) => {
    const rows = matrices[name];
    const rng = shufflesBy(reversed ? (values) => Array.prototype.reverse.call(values) : undefined);
    const losses = Float64Array.from(expected.losses ?? rows.map(() => 1));
    const { d, w } = firstStep(method(), rows, { rng, losses });
    const limit = loose?.[name] ?? tolerance;
    expectClose(d, expected.direction ?? [], limit);
    if (expected.norm !== undefined) expect(norm(d)).toBeCloseTo(expected.norm, 6);
    if (dependent.includes(name)) return;
    if (expected.weights) {
      expectClose(w, expected.weights, limit);
      expectClose(directionOf(rows, w), expected.direction ?? [], limit);
    }
    const own = expected.inner_simplex_w ?? expected.returned_weights;
    if (own) expectClose(Array.from(inner?.(rows, w, losses) ?? w), own, limit);
  });

  it("has no NaN on any matrix", () => {
    for (const rows of Object.values(matrices)) {
      const { d, w } = firstStep(method(), rows);
      expect([...d, ...w].every(Number.isFinite)).toBe(true);
    }
  });
});

it("leaves no number of the golden aggregators aside without a reason", () => {
  const reasons = (path: string): boolean => {
    const [key, name, entry] = path.split("/");
    return (
      // How well the reference solved its equation, the order that it was told, and losses before a failure.
      ["residual", "permutations", "losses"].includes(entry) ||
      // In first-step-golden.test.ts.
      (key === "LibMTL IMTL(hybrid, s=0)" && entry === "loss_scale_grad") ||
      (dependent.includes(name) && /weights|inner/.test(entry))
    );
  };
  expect(unread().filter((path) => !reasons(path))).toEqual([]);
});
