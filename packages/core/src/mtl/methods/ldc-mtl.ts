// P. Xiao et al., "LDC-MTL: balancing multi-task learning through scalable loss discrepancy control", 2025 (arXiv 2502.08585), with
// the weights of the authors' programs for CelebA and QM9: one trained number for each task.
import { finite, nonNegative, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import { adamOnHost, type HostAdamState, startAdam } from "../kernels/adam-on-host.js";
import { ratio } from "../kernels/ratio.js";
import { checkedMethod, type MultiTaskMethod } from "../method.js";
import { inverseLoss, noteOfZeros } from "./scale-invariant.js";

export interface LdcMtlOptions extends OptionsOf<typeof ldcMtlOptions> {}

export const ldcMtlOptions = optionTable("ldcMtl", {
  /** lambda: weight of the differences between neighbors; default 0.05. The authors take 0.01 for CelebA. */
  lambda: nonNegative.default(0.05),
  /**
   * What is weighted: L_k (`none`, default), L_k over its first value relative to the smallest (`ratio`), or the logarithm of
   * L_k over its first value of the epoch (`log`).
   */
  normalization: oneOf(["none", "ratio", "log"]).default("none"),
  /** Learning rate of Adam for a; default 1e-3. The authors take that of the model. */
  learningRate: positive.default(1e-3),
  /** a before the first step; default 1. */
  initial: finite.default(1),
});

export interface LdcMtlState {
  /** What the weights are made of, [K]. */
  readonly a: Float64Array;
  readonly adam: HostAdamState;
  /** L_k of the first step, or with `log` of the first step of an epoch, [K]; null before it. */
  readonly first: Float64Array | null;
  /** The epoch of `first`. */
  readonly firstEpoch?: number;
}

/**
 * LDC-MTL: trained weights that keep the weighted losses of neighboring tasks near each other, by one backward pass.
 *
 * sum_k s_k u_k / sum_k s_k + lambda sum_k |s_k u_k - s_{k+1} u_{k+1}|, s = 1 / (1 + exp(-a)), with `log` of max(a, 0), so
 * w_k = s_k c_k du_k/dL_k,  c_k = 1 / sum_j s_j + lambda (sign(s_k u_k - s_{k+1} u_{k+1}) - sign(s_{k-1} u_{k-1} - s_k u_k))
 *
 * u_k is L_k, L_k / (L_k(0) / min_j L_j(0)) or log(L_k / L_k(0)), with the losses of the first step, or with `log` of the first step of each
 * epoch. a takes a step of Adam on the same objective after each step, sum_j s_j as a constant; with `log` an a below 0 stays as it is but for
 * Adam's momentum. A weight may be negative: of a task whose weighted loss is below that of both neighbors, with a large lambda. The authors draw
 * a for QM9 (`log`) from 0.2 to 1. For CityScapes and NYUv2 they make s by a network of the features, which a method does not see.
 *
 * With `log` a loss of 0 has weight 0 and a note, and a first loss of 0 counts as L / L(0) = 1; with `ratio` its u is L, and the
 * smallest is that of the others. Zero gradients need no special case. K = 1: the weight of u is 1.
 *
 * @throws OptionError; NumericalError for a loss that is not finite or, but with `none`, negative, naming its task
 *
 * @example
 * const method = ldcMtl({ lambda: 0.1 });
 * const input = { losses: Float64Array.of(2, 0.5), step: 0, epoch: 0, rng: createRng(0) };
 * method.combine(input, method.init(2)).weights; // 0.573, 0.427
 */
export function ldcMtl(options: LdcMtlOptions = {}): MultiTaskMethod<LdcMtlState> {
  const { lambda, normalization, learningRate, initial } = ldcMtlOptions.read(options);
  return checkedMethod<LdcMtlState>({
    name: "ldc-mtl",
    needs: "losses",
    headGradient: "weighted",
    losses: normalization === "none" ? "any" : "non-negative",
    init: (tasks) => ({
      a: new Float64Array(tasks).fill(initial),
      adam: startAdam(tasks),
      first: null,
    }),
    combine({ losses, epoch }, { a, adam: before, first, firstEpoch = epoch }) {
      const isLog = normalization === "log";
      const isKept = first !== null && (!isLog || firstEpoch === epoch);
      const start = isKept ? first : losses.slice();
      const s = a.map((x) => 1 / (1 + Math.exp(isLog ? -Math.max(x, 0) : -x)));
      const { u, slope } = normalizedBy[normalization](losses, start);
      const total = s.reduce((sum, x) => sum + x, 0);
      const signs = u.map((_, k) => (k + 1 < u.length ? Math.sign(s[k] * u[k] - s[k + 1] * u[k + 1]) : 0));
      const c = u.map((_, k) => 1 / total + lambda * (signs[k] - (k === 0 ? 0 : signs[k - 1])));
      const gradient = a.map((x, k) => (isLog && x <= 0 ? 0 : c[k] * u[k] * s[k] * (1 - s[k])));
      const { params, adam } = adamOnHost(a, gradient, before, { learningRate });
      return {
        weights: s.map((x, k) => x * c[k] * slope[k]),
        state: { a: params, adam, first: start, firstEpoch: isKept ? firstEpoch : epoch },
        ...(isLog ? noteOfZeros(losses) : {}),
      };
    },
  });
}

/** u and du_k/dL_k, from the losses and L(0). */
const normalizedBy: Readonly<
  Record<
    NonNullable<LdcMtlOptions["normalization"]>,
    (losses: Float64Array, first: Float64Array) => { readonly u: Float64Array; readonly slope: Float64Array }
  >
> = {
  none: (losses) => ({ u: losses, slope: losses.map(() => 1) }),
  ratio(losses, first) {
    const least = first.filter((x) => x > 0).reduce((a, b) => Math.min(a, b), Infinity);
    const slope = first.map((x) => ratio(least, x));
    return { u: losses.map((x, k) => x * slope[k]), slope };
  },
  log: (losses, first) => ({
    u: losses.map((x, k) => (inverseLoss(x) === 0 || first[k] === 0 ? 0 : Math.log(x) - Math.log(first[k]))),
    slope: losses.map(inverseLoss),
  }),
};
