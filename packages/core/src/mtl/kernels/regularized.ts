import { nonNegative, oneOf } from "../../option-kinds.js";
import { type OptionsOf, optionTable, refuseGiven } from "../../options.js";
import { type Square, sum } from "./gramian.js";

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
