// P. Quinton, V. Rey, "Jacobian descent for multi-objective optimization", arXiv 2406.16232, 2024, proposition 1.
import { nonNegative, type OptionsOf, oneOf, optionTable, refuseGiven } from "../../options.js";
import { GrowingCholesky } from "./cholesky.js";
import { cosines, rowNorms, type Square, sum, times } from "./gramian.js";
import { unitNnls } from "./nnls.js";

/**
 * The projection of J' u on the dual cone {d : J d >= 0} of the gradients, as weights: argmin v' G v subject to v >= u.
 *
 * With v = u + s the excess s >= 0 solves a non-negative least squares problem, exactly; d = J' v is the projection.
 * Where several v are optimal (dependent gradients), any one; J' v is unique. A zero row has v_k = u_k.
 *
 * @param G Gramian, [K, K]
 * @param u weights of the combination to be projected, [K]
 *
 * @example
 * dualCone({ shape: [2, 2], data: Float64Array.of(18, -22, -22, 38) }, Float64Array.of(0.5, 0.5)); // 0.6111, 0.5
 */
export function dualCone(G: Square, u: Float64Array): Float64Array {
  const n = rowNorms(G);
  const C = cosines(G, n);
  const pull = times(
    C,
    u.map((x, k) => x * n[k]),
  );
  const s = unitNnls(
    C,
    pull.map((x) => -x),
  );
  return u.map((x, k) => (n[k] > 0 ? x + s[k] / n[k] : x));
}

/**
 * The sum of the projections of all p_i g_i on the dual cone, as weights: sum_i argmin v' G v subject to v >= p_i e_i.
 *
 * As {@link dualCone} of each. The projection is linear in the length of what is projected, so that each problem is
 * solved for a unit gradient.
 *
 * @param p not negative, [K]
 *
 * @example
 * dualConeEach({ shape: [2, 2], data: Float64Array.of(18, -22, -22, 38) }, Float64Array.of(0.5, 0.5)); // 1.1111, 0.7895
 */
export function dualConeEach(G: Square, p: Float64Array): Float64Array {
  const n = rowNorms(G);
  const C = cosines(G, n);
  const K = n.length;
  const factor = new GrowingCholesky(C);
  const out = p.slice();
  for (let i = 0; i < K; i++) {
    if (n[i] === 0 || p[i] === 0) continue;
    const s = unitNnls(
      C,
      C.data.slice(i * K, (i + 1) * K).map((x) => -x),
      factor,
    );
    for (let k = 0; k < K; k++) if (s[k] > 0) out[k] += (s[k] * p[i] * n[i]) / n[k];
  }
  return out;
}

export interface ProjectorOptions extends OptionsOf<typeof projectorOptions> {}

/** Options of the methods that project on the dual cone. */
export const projectorOptions = optionTable("projector", {
  /**
   * What is projected on: the cone of G / trace G + regEpsilon I (`regularized`, default, TorchJD's QuadprogProjector) or of G
   * itself (`exact`, the papers', TorchJD's ProxsuiteProjector).
   */
  projector: oneOf(["regularized", "exact"]).default("regularized"),
  /** A trace of G below this counts as 0; default 1e-4. */
  normEpsilon: nonNegative.default(1e-4),
  /** Added to the diagonal of G / trace G; default 1e-4. With both 0 the projection is exact, too. */
  regEpsilon: nonNegative.default(1e-4),
});

/**
 * The matrix of the quadratic programs of UPGrad and DualProj: G, or G / trace G (0 for a trace below normEpsilon) + regEpsilon I.
 *
 * @param given the options before their defaults
 * @throws OptionError for epsilons with `projector: "exact"`
 */
export function projectorOf(
  owner: string,
  given: ProjectorOptions,
  { projector, normEpsilon, regEpsilon }: ReturnType<typeof projectorOptions.read<ProjectorOptions>>,
): (G: Square) => Square {
  if (projector === "exact") {
    const epsilons = ["normEpsilon", "regEpsilon"] as const;
    refuseGiven(owner, given, epsilons, 'is for projector "regularized"; this is "exact"');
  }
  const isExact = projector === "exact" || (normEpsilon === 0 && regEpsilon === 0);
  return (G) => (isExact ? G : regularized(G, normEpsilon, regEpsilon));
}

function regularized(G: Square, normEpsilon: number, regEpsilon: number): Square {
  const K = G.shape[0];
  const diagonal = Float64Array.from({ length: K }, (_, k) => G.data[k * K + k]);
  const trace = sum(diagonal);
  const data = G.data.map((x) => (trace < normEpsilon || trace === 0 ? 0 : x / trace));
  for (let k = 0; k < K; k++) data[k * K + k] += regEpsilon;
  return { shape: G.shape, data };
}
