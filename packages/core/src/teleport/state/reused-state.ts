// Historical trajectory reuse: Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, section 4.3; the correction of Adam's start:
// D. Kingma, J. Ba, "Adam", ICLR 2015, section 3, with the resulting weights.
import type { NdArray } from "../../array.js";
import { array, isNdArray } from "../../array.js";
import { mapTree } from "../../graph/autodiff.js";
import { add, cast, div, maximum, mul, pow, sub } from "../../graph/ops/arithmetic.js";
import { greater, where } from "../../graph/ops/compare.js";
import { square } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { trace } from "../../graph/trace.js";
import {
  type Moment,
  type Optimizer,
  type OptimizerState,
  scalarLike,
  withDecay,
} from "../../optim/optimizer.js";
import { compileJavaScript } from "../../runtime/javascript/executable.js";
import { flatten, unflatten } from "../../tree.js";

/** How an optimizer updates an average of the past. */
interface Habit {
  /** b of v <- b v + (1 - b) g^p. */
  readonly beta: number;
  /** lambda of g + lambda w. */
  readonly decay: number;
}

/**
 * The state from which one ordinary update gives the step of historical trajectory reuse: for this step alone
 *
 * v_t = sigma b v_{t-1} + (1 - sigma b) g_t^p
 *
 * for averages, which follows from the state sigma v + (1 - sigma) g^p before the step. Sums become sigma v,
 * and a running maximum stays unless sigma <= 0. sigma <= 0 counts as sigma = 0: a fresh start. All later
 * steps are ordinary.
 *
 * An average that centers another one, such as RMSprop's, becomes sigma v as well. With g instead, one sample
 * would give both the mean and the squares, and for sigma = 0 the variance that divides the step would be
 * zero.
 *
 * An optimizer that counts its steps divides averages by 1 - b^t, their total weight; here that is 1 - sigma b^t. The
 * state is multiplied by (1 - b^t) / (1 - sigma b^t), nearly 1 after some 1 / (1 - b) steps, so that the division by
 * 1 - b^t gives what 1 - sigma b^t should.
 *
 * b and the weight decay within g are found by calling the optimizer's update. Entries of the state that are
 * not listed in its `moments` stay. Traced; sigma = 1 changes nothing.
 *
 * @param gradients g at the point after the teleport, on the batch of the step
 * @param sigma scalar
 * @param isMoved which parameters, by path, the teleport may have moved; the moments of the others stay; default all
 *
 * @example
 * const { params, state } = optimizer.update(g, reusedState(optimizer, before, g, p, sigma), p, rate);
 */
export function reusedState<P>(
  optimizer: Optimizer,
  state: OptimizerState,
  gradients: P,
  params: P,
  sigma: Tensor,
  isMoved: (path: string) => boolean = () => true,
): OptimizerState {
  const kept = maximum(cast(sigma, "float64"), 0);
  const done = isTensor(state.step) ? cast(state.step, "float64") : undefined;
  const changed = (name: string, { power, kind }: Moment): P => {
    const past = state[name] as P;
    if (kind === "sum" || kind === "center") return mapTree((v) => mul(scalarLike(kept, v), v), past);
    if (kind === "maximum") return mapTree((v) => where(greater(kept, 0), v, 0), past);
    const { beta, decay } = habitOf(optimizer, name, power);
    const [a, b] = shares(kept, beta, done);
    const g = withDecay(gradients, params, decay);
    return mapTree(
      (v, x) => add(mul(scalarLike(a, v), v), mul(scalarLike(b, v), power === 1 ? x : square(x))),
      past,
      g,
    );
  };
  const moments = Object.entries(optimizer.moments);
  const next = moments.map(([name, moment]) => [name, choose(isMoved, changed(name, moment), state[name])]);
  return { ...state, ...Object.fromEntries(next) };
}

/** Takes the leaves with chosen paths from one tree, the rest from the other. */
function choose(isChosen: (path: string) => boolean, yes: unknown, no: unknown): unknown {
  const { leaves, paths, def } = flatten(no, isTensor);
  const others = flatten(yes, isTensor).leaves;
  return unflatten(
    def,
    leaves.map((leaf, i) => (isChosen(paths[i]) ? others[i] : leaf)),
  );
}

/**
 * Weights of the past and of the new gradient; `done` counts the steps before this one if the optimizer
 * corrects its start.
 */
function shares(sigma: Tensor, beta: number, done: Tensor | undefined): readonly [Tensor, Tensor] {
  const fresh = sub(1, sigma);
  if (done === undefined) return [sigma, fresh];
  const before = pow(beta, done);
  const now = mul(beta, before);
  const weight = sub(1, mul(sigma, now));
  return [div(mul(sigma, sub(1, now)), weight), div(mul(fresh, sub(1, before)), weight)];
}

/** Calls an update with a past of 1 and no gradient, and with a weight of 1 and no past, to find its coefficients. */
function habitOf({ base, ...own }: Optimizer, name: string, power: 1 | 2): Habit {
  const optimizer = base ?? own;
  const one = (value: number) => ({ w: array([value], "float64") });
  const answer = (past: number, weight: number): number => {
    const { graph } = trace(() => {
      const tensors = (tree: unknown) => {
        const { leaves, def } = flatten<NdArray>(tree, isNdArray);
        return unflatten(
          def,
          leaves.map((leaf) => constant(leaf)),
        );
      };
      const fresh = optimizer.init(one(0));
      const state = tensors({ ...fresh, [name]: one(past) }) as OptimizerState;
      const zero = tensors(one(0));
      const at = tensors(one(weight));
      const updated = optimizer.update(zero, state, at, constant(0, "float64"), () => zero);
      return { moment: (updated.state[name] as { readonly w: Tensor }).w };
    }, []);
    return Number(compileJavaScript(graph).runSync({}).moment.data[0]);
  };
  const beta = answer(1, 0);
  const drawn = answer(0, 1) / (1 - beta);
  return { beta, decay: power === 1 ? drawn : Math.sqrt(Math.max(drawn, 0)) };
}
