import { type Square, sum } from "./gramian.js";

/**
 * G / trace G (0 for a trace below normEpsilon) + regEpsilon I: the Gramian of the quadratic programs of UPGrad and DualProj.
 * Equals G for normEpsilon = regEpsilon = 0.
 */
export function regularized(G: Square, normEpsilon: number, regEpsilon: number): Square {
  if (normEpsilon === 0 && regEpsilon === 0) return G;
  const K = G.shape[0];
  const diagonal = Float64Array.from({ length: K }, (_, k) => G.data[k * K + k]);
  const trace = sum(diagonal);
  const data = G.data.map((x) => (trace < normEpsilon || trace === 0 ? 0 : x / trace));
  for (let k = 0; k < K; k++) data[k * K + k] += regEpsilon;
  return { shape: G.shape, data };
}
