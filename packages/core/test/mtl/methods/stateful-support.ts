import { expect } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { createRng, type Rng } from "../../../src/math/rng.js";
import type { Combination, MultiTaskMethod, TaskInput } from "../../../src/mtl/method.js";
import { autoLambda } from "../../../src/mtl/methods/auto-lambda.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { consMtl } from "../../../src/mtl/methods/cons-mtl.js";
import { cosmos } from "../../../src/mtl/methods/cosmos.js";
import { dbMtl } from "../../../src/mtl/methods/db-mtl.js";
import { dibsMtl } from "../../../src/mtl/methods/dibs-mtl.js";
import { dwa } from "../../../src/mtl/methods/dwa.js";
import { excessMtl } from "../../../src/mtl/methods/excess-mtl.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { forum } from "../../../src/mtl/methods/forum.js";
import { geometricLoss } from "../../../src/mtl/methods/geometric-loss.js";
import { go4Align } from "../../../src/mtl/methods/go4-align.js";
import { gradDrop } from "../../../src/mtl/methods/grad-drop.js";
import { gradNorm } from "../../../src/mtl/methods/grad-norm.js";
import { gradVac } from "../../../src/mtl/methods/grad-vac.js";
import { igb } from "../../../src/mtl/methods/igb.js";
import { imGrad } from "../../../src/mtl/methods/im-grad.js";
import { imtlHybrid } from "../../../src/mtl/methods/imtl-hybrid.js";
import { imtlL } from "../../../src/mtl/methods/imtl-l.js";
import { ldcMtl } from "../../../src/mtl/methods/ldc-mtl.js";
import { mgda } from "../../../src/mtl/methods/mgda.js";
import { moco } from "../../../src/mtl/methods/moco.js";
import { moml } from "../../../src/mtl/methods/moml.js";
import { pbi } from "../../../src/mtl/methods/pbi.js";
import { pcd } from "../../../src/mtl/methods/pcd.js";
import { randomLossWeighting } from "../../../src/mtl/methods/random-loss-weighting.js";
import { scaleInvariant } from "../../../src/mtl/methods/scale-invariant.js";
import { stch } from "../../../src/mtl/methods/stch.js";
import { uncertaintyWeighting } from "../../../src/mtl/methods/uncertainty-weighting.js";
import { uwSo } from "../../../src/mtl/methods/uw-so.js";
import { crMogm } from "../../../src/mtl/wrappers/cr-mogm.js";
import { everySteps } from "../../../src/mtl/wrappers/every-steps.js";
import { normalized } from "../../../src/mtl/wrappers/normalized.js";

export type Rows = readonly (readonly number[])[];

/** What a golden file's step says: a number, or null for NaN. */
export type Golden = readonly (number | null)[];

/** One row a method. Every property of methods.test.ts is tested on all rows. */
export const methods: {
  readonly method: MultiTaskMethod<unknown>;
  /** Takes an order or numbers at random, so that tasks are not treated alike. */
  readonly random?: true;
  /** Undefined for negative losses. */
  readonly positive?: true;
}[] = [
  { method: scaleInvariant(), positive: true },
  { method: geometricLoss(), positive: true },
  { method: randomLossWeighting(), random: true },
  { method: randomLossWeighting({ distribution: "dirichlet" }), random: true },
  { method: dwa() as MultiTaskMethod<unknown> },
  { method: dwa({ window: 2 }) as MultiTaskMethod<unknown> },
  { method: uncertaintyWeighting() as MultiTaskMethod<unknown> },
  { method: imtlL() as MultiTaskMethod<unknown> },
  { method: imtlHybrid() as MultiTaskMethod<unknown> },
  { method: famo() as MultiTaskMethod<unknown>, positive: true },
  { method: stch({ warmupEpoch: 0 }) as MultiTaskMethod<unknown>, positive: true },
  { method: gradNorm() as MultiTaskMethod<unknown>, positive: true },
  { method: gradNorm({ initialLosses: "step" }) as MultiTaskMethod<unknown>, positive: true },
  { method: dbMtl() as MultiTaskMethod<unknown>, positive: true },
  { method: excessMtl() as MultiTaskMethod<unknown> },
  { method: gradDrop() },
  { method: gradVac() as MultiTaskMethod<unknown>, random: true },
  { method: gradVac({ blocks: [1, 2] }) as MultiTaskMethod<unknown>, random: true },
  { method: moco() as MultiTaskMethod<unknown>, positive: true },
  { method: cosmos(), random: true },
  { method: pbi() },
  { method: dibsMtl() },
  { method: dibsMtl({ steps: 5 }) },
  { method: imGrad() },
  { method: uwSo(), positive: true },
  { method: igb() as MultiTaskMethod<unknown>, positive: true },
  { method: go4Align() as MultiTaskMethod<unknown>, positive: true },
  { method: consMtl() },
  { method: autoLambda() as MultiTaskMethod<unknown> },
  { method: autoLambda({ weights: "softmax" }) as MultiTaskMethod<unknown> },
  { method: moml() as MultiTaskMethod<unknown> },
  { method: forum() as MultiTaskMethod<unknown> },
  // The first task is the primary one.
  { method: pcd() as MultiTaskMethod<unknown>, random: true },
  // It compares neighbors.
  { method: ldcMtl() as MultiTaskMethod<unknown>, random: true },
  { method: ldcMtl({ normalization: "ratio" }) as MultiTaskMethod<unknown>, random: true, positive: true },
  { method: ldcMtl({ normalization: "log" }) as MultiTaskMethod<unknown>, random: true, positive: true },
  { method: stch({ variant: "published" }) as MultiTaskMethod<unknown> },
  { method: excessMtl({ warmupSteps: 2 }) as MultiTaskMethod<unknown> },
  { method: crMogm(mgda()) as MultiTaskMethod<unknown> },
  { method: crMogm(famo()) as MultiTaskMethod<unknown>, positive: true },
  { method: everySteps(caGrad(), { steps: 2 }) as MultiTaskMethod<unknown> },
  { method: normalized(fairGrad()) },
  { method: normalized(dwa()) as MultiTaskMethod<unknown> },
];

/** Random numbers that are not: uniform or normal ones from a list, and no shuffling. */
export function fakeRng({ next = [], normal = [] }: { next?: number[]; normal?: number[] } = {}): Rng {
  const [uniforms, normals] = [next.values(), normal.values()];
  const draw = (from: Iterator<number>) => {
    const { value, done } = from.next();
    if (done) throw new Error("More random numbers were drawn than the test gives.");
    return value;
  };
  return {
    ...createRng(0),
    next: () => draw(uniforms),
    normal: () => draw(normals),
    shuffle: (values) => values,
  };
}

export function matrix(rows: Rows): NdArray<Float64Array> {
  return { shape: [rows.length, rows[0].length], data: Float64Array.from(rows.flat()) };
}

export const gramian = (rows: Rows): NdArray<Float64Array> =>
  matrix(rows.map((a) => rows.map((b) => a.reduce((sum, x, p) => sum + x * b[p], 0))));

/** A step's input from losses and J. */
export function inputOf(losses: readonly number[], rows: Rows, rest: Partial<TaskInput> = {}): TaskInput {
  return {
    // Of a step against all gradients.
    ahead: { ...gramian(rows), data: gramian(rows).data.map((x) => -x) },
    descended: Float64Array.from(losses, (loss) => 0.9 * loss),
    samples: [matrix(rows), matrix(rows)],
    losses: Float64Array.from(losses),
    gramian: gramian(rows),
    jacobian: matrix(rows),
    step: 0,
    epoch: 0,
    rng: createRng(1),
    ...rest,
  };
}

/** d, from the weights where the method gives those. */
export function directionOf(rows: Rows, { weights, direction }: Combination<unknown>): number[] {
  if (direction) return [...direction];
  return rows[0].map((_, p) => rows.reduce((sum, row, k) => sum + (weights as Float64Array)[k] * row[p], 0));
}

/** |actual - expected| <= tolerance (1 + |expected|) for every number. */
export function expectNumbers(
  actual: ArrayLike<number> | undefined,
  expected: Golden | Float64Array,
  tolerance = 1e-6,
): void {
  const wanted = Array.from(expected as Golden);
  expect(actual?.length).toBe(wanted.length);
  const worst = wanted.map((e, i) => Math.abs((actual?.[i] ?? NaN) - (e ?? NaN)) / (1 + Math.abs(e ?? NaN)));
  const message = `${Array.from(actual ?? [])} should be ${wanted}`;
  expect(
    worst.every((error) => error <= tolerance),
    message,
  ).toBe(true);
}

/** The gradient that a first step of Adam was given: m = 0.1 g. */
export const firstGradient = ({ m }: { readonly m: Float64Array }): number[] => [...m].map((x) => x / 0.1);
