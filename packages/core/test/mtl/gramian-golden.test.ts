// Expected numbers: golden/mtl-aggregators.json.
import { describe, expect, it } from "vitest";
import type { MultiTaskMethod } from "../../src/mtl/method.js";
import { alignedMtl } from "../../src/mtl/methods/aligned-mtl.js";
import { cagrad } from "../../src/mtl/methods/cagrad.js";
import { config } from "../../src/mtl/methods/config.js";
import { dualProj } from "../../src/mtl/methods/dual-proj.js";
import { fairgrad } from "../../src/mtl/methods/fairgrad.js";
import { imtlG } from "../../src/mtl/methods/imtl-g.js";
import { linearScalarisation } from "../../src/mtl/methods/linear-scalarisation.js";
import { mgda } from "../../src/mtl/methods/mgda.js";
import { nashMtl } from "../../src/mtl/methods/nash-mtl.js";
import { pcgrad } from "../../src/mtl/methods/pcgrad.js";
import { upgrad } from "../../src/mtl/methods/upgrad.js";
import { readGolden } from "../nn/support.js";
import { directionOf, firstStep, norm, type Rows, shufflesBy } from "./jacobians.js";

interface Result {
  weights?: number[];
  direction?: (number | null)[];
  losses?: number[];
  returned_weights?: (number | null)[];
  error?: string;
}

const golden = readGolden<{
  matrices: Record<string, Rows>;
  aggregators: Record<string, Record<string, Result>>;
}>("mtl-aggregators.json");

/** Matrices with linearly independent rows: on the others weights are not unique. */
const independent = ["base2x3", "noconf2x3", "conf3x4", "scale3x4", "single1x3"];

interface Row {
  readonly method: () => MultiTaskMethod<never>;
  readonly tolerance: number;
  /** Matrices where the reference is less exact, with its error; or where it has another answer, tested by name below. */
  readonly loose?: Record<string, number>;
  readonly differs?: readonly string[];
  readonly reversed?: boolean;
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
const eps = 2 ** -52;
const torchjd = { rescale: 0, scale: "mean", whenStationary: "zero", stationaryBelow: 1e-4 } as const;

const table: Record<string, Row> = {
  Mean: row(() => linearScalarisation({ reduction: "mean" }), closed),
  Sum: row(() => linearScalarisation(), closed),
  "LibMTL EW": row(() => linearScalarisation(), closed),
  "MGDA exact": row(() => mgda(), closed),
  // 100 iterations of Frank-Wolfe from the middle.
  "MGDA_FW(torchjd)": row(() => mgda(), iterative, { loose: { conf3x4: 6e-3 } }),
  MGDA_FW_tight: row(() => mgda(), iterative),
  "LibMTL MGDA(none)": row(() => mgda(), iterative, { differs: ["single1x3"] }),
  "LibMTL MGDA(l2)": row(() => mgda({ normalisation: "l2", combine: "normalised" }), iterative, {
    differs: ["zero3x4", "allzero2x3", "single1x3"],
  }),
  "LibMTL MGDA(loss+)": row(() => mgda({ normalisation: "loss+", combine: "normalised" }), iterative, {
    // Weights 0.999 and 0.001 where 1 and 0 are optimal.
    loose: { noconf2x3: 2e-3 },
    differs: ["zero3x4", "allzero2x3", "single1x3"],
  }),
  "PCGrad(order=identity,sum)": row(() => pcgrad(), closed),
  "PCGrad(order=reversed,sum)": row(() => pcgrad(), closed, { reversed: true }),
  "LibMTL PCGrad(order=identity incl. self)": row(() => pcgrad({ includeSelf: true, eps: 1e-8 }), closed),
  "CAGrad(torchjd,c=0.4)": row(() => cagrad({ c: 0.4, ...torchjd }), slsqp),
  "CAGrad(torchjd,c=0.5)": row(() => cagrad({ c: 0.5, ...torchjd }), slsqp),
  "LibMTL CAGrad(calpha=0.4,rescale=1)": row(() => cagrad({ c: 0.4, scale: "mean" }), slsqp),
  "LibMTL CAGrad(calpha=0.5,rescale=1)": row(() => cagrad({ c: 0.5, scale: "mean" }), slsqp),
  "IMTL-G": row(() => imtlG({ form: "pinv" }), closed),
  "LibMTL IMTL(hybrid, s=0)": row(() => imtlG(), closed, { differs: ["zero3x4", "allzero2x3", "dup3x4"] }),
  "Aligned-MTL(mean pref)": row(() => alignedMtl({ scale: "mean", eps }), closed),
  "Aligned-MTL median": row(() => alignedMtl({ scale: "mean", scaleMode: "median", eps }), closed),
  "Aligned-MTL rmse": row(() => alignedMtl({ scale: "mean", scaleMode: "rmse", eps }), closed),
  "LibMTL Aligned_MTL(sum)": row(() => alignedMtl({ eps }), closed, { differs: ["allzero2x3"] }),
  UPGrad: row(() => upgrad(), closed),
  "LibMTL UPGrad": row(() => upgrad(), closed),
  "UPGrad exact (norm_eps=reg_eps=0)": row(() => upgrad({ normEps: 0, regEps: 0 }), closed),
  DualProj: row(() => dualProj(), closed),
  "DualProj exact (reg 0)": row(() => dualProj({ normEps: 0, regEps: 0 }), closed),
  "Nash-MTL exact": row(() => nashMtl({ maxNorm: 0 }), closed, { differs: ["opp2x3"] }),
  "Nash-MTL exact, max_norm=1": row(() => nashMtl({ clip: "weights" }), closed),
  ConFIG: row(() => config(), closed),
  "ConFIG(official lstsq)": row(() => config(), closed),
};
for (const alpha of [0.5, 1, 2, 5]) {
  const name = alpha.toFixed(1);
  const method = () => fairgrad({ alpha, scale: "mean" });
  table[`FairGrad exact alpha=${name}`] = row(method, closed, { differs: ["opp2x3"] });
  // At the Pareto stationary point the solver stops on its way to infinite weights.
  table[`FairGrad scipy alpha=${name}`] = row(method, iterative, { loose: { opp2x3: 5e-3 } });
}
for (const alpha of [1, 2]) {
  table[`LibMTL FairGrad(alpha=${alpha})`] = row(() => fairgrad({ alpha, scale: "mean" }), iterative, {
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
  expect(Object.keys(table).sort()).toEqual(Object.keys(golden.aggregators).sort());
});

describe.each(Object.entries(table))("%s", (key, { method, tolerance, loose, differs, reversed }) => {
  const cases = Object.entries(golden.aggregators[key] ?? {}).filter(([name]) => !differs?.includes(name));

  it.each(cases)("is reproduced on %s", (name, expected) => {
    const rows = golden.matrices[name];
    const rng = shufflesBy(reversed ? (values) => Array.prototype.reverse.call(values) : undefined);
    const losses = Float64Array.from(expected.losses ?? rows.map(() => 1));
    const { d, w } = firstStep(method(), rows, { rng, losses });
    const limit = loose?.[name] ?? tolerance;
    expectClose(d, expected.direction ?? [], limit);
    if (!independent.includes(name) || !expected.weights) return;
    expectClose(w, expected.weights, limit);
    expectClose(directionOf(rows, w), expected.direction ?? [], limit);
  });

  it("has no NaN on any matrix", () => {
    for (const rows of Object.values(golden.matrices)) {
      const { d, w } = firstStep(method(), rows);
      expect([...d, ...w].every(Number.isFinite)).toBe(true);
    }
  });
});
