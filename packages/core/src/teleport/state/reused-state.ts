// Historical trajectory reuse: Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, section 4.3; the correction of Adam's start:
// D. Kingma, J. Ba, "Adam", ICLR 2015, section 3, with the resulting weights.
import { array, isNdArray, type NdArray } from "../../array.js";
import { mapTree } from "../../graph/autodiff.js";
import { add, cast, div, maximum, mul, pow, sub } from "../../graph/ops/arithmetic.js";
import { greater, where } from "../../graph/ops/compare.js";
import { constant } from "../../graph/ops/leaf.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { trace } from "../../graph/trace.js";
import { type Moment, type Optimizer, type OptimizerState, scalarLike } from "../../optim/optimizer.js";
import { compileJavaScript } from "../../runtime/javascript/executable.js";
import { flatten, unflatten } from "../../tree.js";

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
 * g is what the optimizer makes of the gradient: with weight decay, clipped, masked. It is found by an update without a past,
 * b by one of a parameter of one number. Entries of the state that are not listed in `moments` stay. An optimizer that
 * accumulates gradients takes that of this step alone. Traced; sigma = 1 changes nothing.
 *
 * @param gradients at the point after the teleport, on the batch of the step
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
  const { optimizer: updated, own } = optimizer.delays ?? { optimizer, own: [] };
  const stepped = Object.fromEntries(Object.entries(state).filter(([name]) => !own.includes(name)));
  /** (1 - b) g^p. */
  const drawn = (name: string): P => {
    const fresh = mapTree((v) => mul(v, 0), state[name] as P);
    const zero = constant(0, "float64");
    const next = updated.update(gradients, { ...stepped, [name]: fresh }, params, zero, () => gradients);
    return next.state[name] as P;
  };
  const changed = (name: string, { kind }: Moment): P => {
    const past = state[name] as P;
    if (kind === "sum" || kind === "center") return mapTree((v) => mul(scalarLike(kept, v), v), past);
    if (kind === "maximum") return mapTree((v) => where(greater(kept, 0), v, 0), past);
    const { leaves, paths, def } = flatten(past, isTensor);
    const fresh = flatten(drawn(name), isTensor).leaves;
    const bases = paths.map((path) => optimizer.baseOf?.(path) ?? optimizer);
    const betas = new Map([...new Set(bases)].map((base) => [base, smoothingOf(base, name)]));
    const next = leaves.map((v, i) => {
      const beta = betas.get(bases[i]) as number;
      const [a, b] = shares(kept, beta, done);
      return add(mul(scalarLike(a, v), v), mul(scalarLike(div(b, 1 - beta), v), fresh[i]));
    });
    return unflatten(def, next) as P;
  };
  const isOpen = (path: string) => isMoved(path) && optimizer.isFrozen?.(path) !== true;
  const moments = Object.entries(optimizer.moments);
  const next = moments.map(([name, moment]) => [name, choose(isOpen, changed(name, moment), state[name])]);
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

/** b of an average, v <- b v + (1 - b) g^p: what an update of a parameter of one number makes of a past of 1 without a gradient. */
function smoothingOf(optimizer: Optimizer, name: string): number {
  const { graph } = trace(() => {
    const zero = { w: constant(0, "float64") };
    const first = flatten<NdArray>(optimizer.init({ w: array(0, "float64") }), isNdArray);
    const state = unflatten(
      first.def,
      first.leaves.map((leaf) => constant(leaf)),
    ) as OptimizerState;
    const past = { ...state, [name]: { w: constant(1, "float64") } };
    const next = optimizer.update(zero, past, zero, constant(0, "float64"), () => zero);
    return { moment: (next.state[name] as typeof zero).w };
  }, []);
  return Number(compileJavaScript(graph).runSync({}).moment.data[0]);
}
