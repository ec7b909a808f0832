// Z. Zhou et al., "Continual optimization with symmetry teleportation for multi-task learning", NeurIPS 2025,
// arXiv 2503.04046, equations 3 and 4; dominated conflicts: section 3.
import type { NdArray } from "../array.js";
import { NumericalError, OptionError, ShapeError } from "../errors.js";
import { cosines as cosinesOf, rowNorms } from "./kernels/gramian.js";

type F64 = NdArray<Float64Array>;

export const conflictTriggers = ["dominated", "weak", "many", "released"] as const;

/** Which definition of a conflict between the tasks' gradients triggers a teleport: see {@link Conflict}. */
export type ConflictTrigger = (typeof conflictTriggers)[number];

/** The angles between K gradients, and which definitions of a conflict they meet. g_0 is the mean of the gradients. */
export interface Conflict {
  /** ||g_k||, [K]. */
  readonly norms: Float64Array;
  /** cos(g_i, g_j), [K, K]; 0 with a zero gradient. */
  readonly cosines: F64;
  /** cos(g_0, g_k), [K]; 0 with a zero gradient. */
  readonly meanCosines: Float64Array;
  /** The task with the smallest nonzero gradient, the first of several; -1 if all are zero. */
  readonly smallest: number;
  /** cos(g_i, g_j) < 0 for some pair. */
  readonly weak: boolean;
  /** cos(g_0, g_i) < 0 for i = `smallest`: equation 3. */
  readonly dominated: boolean;
  /** cos(g_0, g_k) < 0 for at least half of the tasks: equation 4, for many tasks. */
  readonly many: boolean;
  /** cos(g_0, g_k) <= 0 for some task with a gradient: the authors' program. */
  readonly released: boolean;
}

/** Below this fraction of the size of its summands, ||g_0||^2 is rounding. */
const rounding = 1e-15;

/**
 * Looks for conflicts between tasks, from the Gramian alone.
 *
 * cos(g_i, g_j) = G_ij / sqrt(G_ii G_jj);  cos(g_0, g_k) = mean_j G_jk / (||g_0|| ||g_k||), ||g_0||^2 = mean_ij G_ij
 *
 * A task with a zero gradient is in no conflict and does not count as the smallest one. K = 1: no conflict.
 *
 * @param gramian G = J J', [K, K]
 * @throws ShapeError when it is not square; NumericalError when it is not finite
 *
 * @example
 * // J = [[1, 0], [-4, 1]]
 * const gramian = array([[1, -4], [-4, 17]], "float64") as NdArray<Float64Array>;
 * const { meanCosines, dominated } = conflictOf(gramian); // -0.949, 0.997; true
 */
export function conflictOf(gramian: F64): Conflict {
  const norms = gradientNorms(gramian);
  const tasks = norms.length;
  const { data } = gramian;
  const cosines = cosinesOf(gramian, norms);
  const mean = norms.map((_, k) => {
    let sum = 0;
    for (let j = 0; j < tasks; j++) sum += data[j * tasks + k] / tasks;
    return sum;
  });
  const square = mean.reduce((sum, x) => sum + x / tasks, 0);
  const size = norms.reduce((sum, n) => sum + n / tasks, 0);
  const meanNorm = square > rounding * size * size ? Math.sqrt(square) : 0;
  const meanCosines = mean.map((product, k) => cosine(product, meanNorm, norms[k]));
  const moving = [...norms.keys()].filter((k) => norms[k] > 0);
  const smallest = moving.reduce((best, k) => (best < 0 || norms[k] < norms[best] ? k : best), -1);
  const opposed = moving.filter((k) => meanCosines[k] < 0).length;
  return {
    norms,
    cosines,
    meanCosines,
    smallest,
    weak: cosines.data.some((c) => c < 0),
    dominated: smallest >= 0 && meanCosines[smallest] < 0,
    many: opposed >= tasks / 2,
    released: moving.some((k) => meanCosines[k] <= 0),
  };
}

/**
 * Weights of the tasks in a teleport's sharpness: tasks with a small gradient get more weight.
 *
 * R_i = K (1 - ||g_i|| / sum_j ||g_j||), with sum K (K - 1); all K - 1 when every gradient is zero. K = 1: 0.
 *
 * @param gramian G = J J', [K, K]
 * @throws ShapeError when it is not square; NumericalError when it is not finite
 *
 * @example
 * // J = [[3, 0], [0, 1]]
 * balanceWeights(array([[9, 0], [0, 1]], "float64") as NdArray<Float64Array>); // 0.5, 1.5
 */
export function balanceWeights(gramian: F64): Float64Array {
  const norms = gradientNorms(gramian);
  const tasks = norms.length;
  const total = norms.reduce((a, b) => a + b, 0);
  return norms.map((n) => (total > 0 ? tasks * (1 - n / total) : tasks - 1));
}

/**
 * Whether a conflict meets the definition of a trigger.
 *
 * @throws OptionError for an unknown trigger
 */
export function isTriggered(conflict: Conflict, trigger: ConflictTrigger): boolean {
  if (conflictTriggers.includes(trigger)) return conflict[trigger];
  throw new OptionError(`A trigger is one of ${conflictTriggers.join(", ")}; got "${trigger}".`);
}

function gradientNorms(gramian: F64): Float64Array {
  const { shape, data } = gramian;
  const [tasks] = shape;
  if (shape.length !== 2 || shape[1] !== tasks || tasks === 0) {
    throw new ShapeError(`A Gramian is of shape [K, K] for K >= 1 tasks; got [${shape.join(", ")}].`);
  }
  const at = data.findIndex((x) => !Number.isFinite(x));
  if (at >= 0) {
    throw new NumericalError(
      `The product of the gradients of tasks ${Math.floor(at / tasks)} and ${at % tasks} is ${data[at]}, not a finite number.`,
    );
  }
  return rowNorms(gramian);
}

/** product / (a b), in [-1, 1]; 0 for a zero norm. Two divisions: the product of small norms can be 0. */
const cosine = (product: number, a: number, b: number): number =>
  a > 0 && b > 0 ? Math.max(-1, Math.min(1, product / a / b)) : 0;
