// Z. Wang, Y. Tsvetkov, O. Firat, Y. Cao, "Gradient vaccine: investigating and improving multi-task optimization in
// massively multilingual models", ICLR 2021, equations 2 and 3, algorithm 1.

import type { NdArray } from "../../array.js";
import { NumericalError, OptionError } from "../../errors.js";
import type { Rng } from "../../math/rng.js";
import { integerFrom, listOf, type OptionsOf, optionTable, share } from "../../options.js";
import { cosines, dot, rowNorms } from "../kernels/gramian.js";
import { blockGramian } from "../kernels/jacobian-rows.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";

export interface GradVacOptions extends OptionsOf<typeof gradVacOptions> {}

export const gradVacOptions = optionTable("gradVac", {
  /** Step of the running cosines; default 0.5. */
  beta: share.default(0.5),
  /**
   * Sizes of consecutive blocks of the P parameters, such as those of each layer's weight and bias, each treated separately;
   * default: one block of all.
   */
  blocks: listOf(integerFrom(1), { least: 1 }).otherwise("one of all parameters"),
});

export interface GradVacState {
  /** Running cosines, [B * K * K]: block by block, row by row. */
  readonly rho: Float64Array;
}

type F64 = NdArray<Float64Array>;

/** Below this fraction of the size of its summands, a gradient's squared norm is rounding. */
const rounding = 1e-14;
/** The formula has a pole at rho = 1, which the running cosine of equal gradients reaches in float64. */
const largestRho = 1 - 1e-6;

/**
 * Gradient vaccine: makes two tasks' gradients as similar as they usually are, not just free of conflict.
 *
 * for every i, g' = g_i, and every other j in random order: phi = cos(g', g_j); where phi < rho_ij
 * g' <- g' + ||g'|| (rho_ij sqrt(1 - phi^2) - phi sqrt(1 - rho_ij^2)) / (||g_j|| sqrt(1 - rho_ij^2)) g_j
 * rho_ij <- (1 - beta) rho_ij + beta phi;  d = sum_i g'
 *
 * rho = 0 at first; PCGrad has rho = 0 always. Each g' is a sum of the g_j, so that the Gramian is enough;
 * blocks need the Jacobian, with one order for all of them. The step's `rng` shuffles K - 1 numbers for every
 * i. A pair with a zero gradient has phi = 0 and stays as it is. In the formula rho is at most 1 - 1e-6.
 * K = 1: the gradient. Losses do not matter.
 *
 * @throws OptionError, also when the blocks do not add up to P; NumericalError for numbers that are not finite, naming their
 *   task
 *
 * @example
 * const method = gradVac();
 * const gramian = array([[1, -1], [-1, 2]], "float64") as NdArray<Float64Array>;
 * const input = { losses: Float64Array.of(1, 1), gramian, step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).weights; // 2, 1.5
 */
export function gradVac(options: GradVacOptions = {}): MultiTaskMethod<GradVacState> {
  const { beta, blocks } = gradVacOptions.read(options);
  return checkedMethod({
    name: "gradvac",
    needs: blocks ? "jacobian" : "gramian",
    headGradient: "unweighted",
    init: (tasks) => ({ rho: new Float64Array((blocks?.length ?? 1) * tasks * tasks) }),
    combine({ losses, gramian, jacobian, rng }, state) {
      const rho = state.rho.slice();
      const orders = drawOrders(losses.length, rng);
      if (!blocks) return { weights: vaccinate(gramian as F64, orders, rho, beta), state: { rho } };
      const direction = byBlocks(jacobian as F64, blocks, orders, rho, beta);
      return { direction, state: { rho } };
    },
  });
}

/** For every task, the other tasks in random order. */
function drawOrders(tasks: number, rng: Rng): number[][] {
  const all = Array.from({ length: tasks }, (_, k) => k);
  return all.map((i) => rng.shuffle(all.filter((j) => j !== i)));
}

/** d of every block; `rho` is updated in place. */
function byBlocks(
  j: F64,
  blocks: readonly number[],
  orders: readonly number[][],
  rho: Float64Array,
  beta: number,
): Float64Array {
  const [tasks, width] = j.shape;
  const total = blocks.reduce((a, b) => a + b, 0);
  if (total !== width) {
    throw new OptionError(
      `gradVac: blocks must add up to the ${width} shared parameters; they add up to ${total}.`,
    );
  }
  const direction = new Float64Array(width);
  let from = 0;
  blocks.forEach((size, b) => {
    const to = from + size;
    const rhoOf = rho.subarray(b * tasks * tasks, (b + 1) * tasks * tasks);
    const weights = vaccinate(finiteGramian(j, { from, to }), orders, rhoOf, beta);
    for (let k = 0; k < tasks; k++) {
      for (let p = from; p < to; p++) direction[p] += weights[k] * j.data[k * width + p];
    }
    from = to;
  });
  return direction;
}

function finiteGramian(j: F64, block: { readonly from: number; readonly to: number }): F64 {
  const gramian = blockGramian(j, block);
  const task = rowNorms(gramian).indexOf(Infinity);
  if (task < 0) return gramian;
  throw new NumericalError(`gradvac: the gradient of task ${task} is too large to be squared in float64.`);
}

/** Weights w with d = J' w; `rho` [K * K] is updated in place. */
function vaccinate(gramian: F64, orders: readonly number[][], rho: Float64Array, beta: number): Float64Array {
  const tasks = orders.length;
  const n = rowNorms(gramian);
  const { data: C } = cosines(gramian, n);
  const weights = new Float64Array(tasks);
  orders.forEach((order, i) => {
    // g' = ||g_i|| sum_k y_k u_k of the unit gradients u_k; its length and its products with them, over ||g_i||.
    const y = new Float64Array(tasks);
    y[i] = 1;
    const products = C.slice(i * tasks, (i + 1) * tasks);
    let norm = n[i] > 0 ? 1 : 0;
    for (const j of order) {
      if (norm > 0 && n[j] > 0) {
        const phi = Math.max(-1, Math.min(1, products[j] / norm));
        const usual = Math.min(rho[i * tasks + j], largestRho);
        if (phi < usual) {
          const tangent = Math.sqrt((1 - phi * phi) / (1 - usual * usual));
          const share = norm * (usual * tangent - phi);
          y[j] += share;
          for (let k = 0; k < tasks; k++) products[k] += share * C[j * tasks + k];
          norm = lengthOf(y, products);
        }
        rho[i * tasks + j] += beta * (phi - rho[i * tasks + j]);
      } else {
        rho[i * tasks + j] *= 1 - beta;
      }
    }
    for (let k = 0; k < tasks; k++) if (y[k] !== 0) weights[k] += k === i ? y[k] : (y[k] * n[i]) / n[k];
  });
  return weights;
}

/** ||sum_k y_k u_k||, from its products with the u_k; 0 if the rest of the sum is rounding. */
function lengthOf(y: Float64Array, products: Float64Array): number {
  let size = 0;
  for (let k = 0; k < y.length; k++) size += Math.abs(y[k]);
  const square = dot(y, products);
  return square > rounding * size * size ? Math.sqrt(square) : 0;
}
