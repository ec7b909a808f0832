// The guard inside a compiled walk, and the numbers that such a walk passes on.
import { array, astype, type NdArray } from "../../array.js";
import { dot } from "../../graph/autodiff.js";
import { cond } from "../../graph/control/cond.js";
import { add, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, logicalAnd, logicalNot, logicalOr, where } from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { constant, fillLike } from "../../graph/ops/leaf.js";
import { sum } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import { splitVector } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { flatten, leavesAt, replaced, unflatten } from "../../tree.js";
import { type Finding, findings, type Limits } from "../guard.js";

type Float = "float32" | "float64";

/** The largest finite number of a type. */
const largest = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

/**
 * The guard's bounds as numbers, in this order; `any` is 1 if the objective need not increase, `level` the loss to keep where
 * a walk begins elsewhere than at the start, else NaN.
 */
export const boundNames = ["steps", "drift", "halvings", "any", "level"] as const;

export type Bounds = Record<(typeof boundNames)[number], Tensor>;

/** The values of {@link boundNames}. */
export const boundsOf = (
  { drift, halvings, anyObjective }: Limits,
  steps: number,
  dtype: Float,
  level = Number.NaN,
): NdArray => {
  const Data = dtype === "float64" ? Float64Array : Float32Array;
  return { shape: [boundNames.length], data: Data.of(steps, drift, halvings, anyObjective ? 1 : 0, level) };
};

/** Loss, objective and ||g||^2 at a point, and the loss after the race from there if there is one. */
export type Measured = Record<"loss" | "objective" | "gradNormSq", Tensor> & {
  readonly racedLoss?: Tensor | undefined;
  /** The point itself, where the guard has to test that it is finite. */
  readonly params?: unknown;
  /** The objective's gradient, an array each, from the evaluation of what was measured. Traced. */
  slope?(): readonly Tensor[];
};

/** The point of which a walk keeps the loss, and what was measured at the point before. */
export interface Before {
  readonly isStart: Tensor;
  readonly startLoss: Tensor;
  readonly objective: Tensor;
  readonly racedLoss?: Tensor | undefined;
}

/** The tests of `objection` in guard.ts that a point has to pass, by name, but that of its parameters. Traced. */
function testsOf({ loss, objective, gradNormSq, racedLoss }: Measured, before: Before, bounds: Bounds) {
  const room = mul(bounds.drift, maximum(abs(before.startLoss), 1e-12));
  const unlessStart = (condition: Tensor) => logicalOr(before.isStart, condition);
  const tests: Partial<Record<Finding, Tensor>> = {
    numbers: all(hasValue(loss), hasValue(objective), hasValue(gradNormSq)),
    drift: lessEqual(abs(sub(loss, before.startLoss)), room),
    objective: logicalOr(unlessStart(isSet(bounds.any)), greater(objective, before.objective)),
    ...(racedLoss && before.racedLoss
      ? {
          divergence: unlessStart(hasValue(racedLoss)),
          race: unlessStart(logicalNot(greater(racedLoss, before.racedLoss))),
        }
      : {}),
  };
  return tests;
}

/**
 * Whether the guard takes a point.
 *
 * @param isReady whether it is to judge it; left out: it is
 */
export function isAdmitted(measured: Measured, before: Before, bounds: Bounds, isReady?: Tensor): Tensor {
  const { params } = measured;
  return all(
    ...(isReady ? [isReady] : []),
    ...Object.values(testsOf(measured, before, bounds)),
    ...(params ? [logicalOr(before.isStart, hasNumbers(params))] : []),
  );
}

/** Whether a point passes the tests that come before those of the host: of its numbers, and of the drift on the batch. */
export function isSound(measured: Measured, before: Before, bounds: Bounds): Tensor {
  const { numbers, drift } = testsOf(measured, before, bounds);
  const { params } = measured;
  return all(...[numbers, drift].flatMap((test) => test ?? []), ...(params ? [hasNumbers(params)] : []));
}

/** The number of the first test that a point fails, from 1: that of its parameters where it passes the others. */
export const findingOf = (measured: Measured, before: Before, bounds: Bounds): Tensor =>
  Object.entries(testsOf(measured, before, bounds)).reduceRight<Tensor>(
    (others, [name, passes]) => where(passes, others, findings.indexOf(name as Finding) + 1),
    fillLike(measured.loss, findings.indexOf("parameters") + 1),
  );

export const hasValue = (x: Tensor): Tensor => lessEqual(abs(x), largest[x.dtype as Float]);

/** Whether all elements of a tree are finite, and so is their sum. */
export function hasNumbers(tree: unknown): Tensor {
  const { leaves } = flatten(tree, isTensor);
  // Faster, but squares of finite numbers may overflow.
  const isSmall = hasValue(dot(leaves, leaves));
  return cond(
    isSmall,
    () => isSmall,
    () => hasValue(leaves.map((leaf) => sum(abs(leaf))).reduce(add)),
  );
}

export const all = (...conditions: Tensor[]): Tensor => conditions.reduce((a, b) => logicalAnd(a, b));

/** A condition as 1 or 0, and back. */
export const indicator = (condition: Tensor, dtype: Float): Tensor =>
  where(condition, constant(1, dtype), constant(0, dtype));
export const isSet = (flag: Tensor): Tensor => greater(flag, 0.5);

/** The scalars in a vector, by name. */
export function unpacked<K extends string>(vector: Tensor, names: readonly K[]): Record<K, Tensor> {
  const scalars = splitVector(vector, Array(names.length).fill([]));
  return Object.fromEntries(names.map((name, i) => [name, scalars[i]])) as Record<K, Tensor>;
}

/** 0, 1, .. for each step, in a shape that broadcasts against a row of this rank for each. */
export const stepNumbers = (steps: number, rank: number, dtype: "float32" | "float64"): Tensor =>
  reshape(constant(astype(array(Array.from({ length: steps }, (_, k) => k)), dtype)), [
    steps,
    ...Array<number>(rank).fill(1),
  ]);

/**
 * Selects one of two trees of the same shapes.
 *
 * @param by `branch`: copies nothing where a loop goes on with what it carries, `b`
 */
export function chosen<P>(
  condition: Tensor,
  a: TensorsOf<P>,
  b: TensorsOf<P>,
  by: "element" | "branch" = "element",
): TensorsOf<P> {
  const { leaves, def } = flatten(a, isTensor);
  const others = leavesAt<Tensor>(def, b);
  const differing = leaves.flatMap((leaf, i) => (leaf === others[i] ? [] : [i]));
  const among = (all: readonly Tensor[]) => differing.map((i) => all[i]);
  const selected =
    by === "branch" && differing.length > 0
      ? cond(
          condition,
          () => among(leaves),
          () => among(others),
        )
      : differing.map((i) => where(condition, leaves[i], others[i]));
  return unflatten(def, replaced(leaves, differing, selected)) as TensorsOf<P>;
}
