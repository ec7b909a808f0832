import { type Square, sum } from "./gramian.js";

/**
 * G / trace G (0 for a trace below normEps) + regEps I: the Gramian of the quadratic programs of UPGrad and DualProj.
 * G itself for normEps = regEps = 0.
 */
export function regularised(G: Square, normEps: number, regEps: number): Square {
  if (normEps === 0 && regEps === 0) return G;
  const K = G.shape[0];
  const diagonal = Float64Array.from({ length: K }, (_, k) => G.data[k * K + k]);
  const trace = sum(diagonal);
  const data = G.data.map((x) => (trace < normEps || trace === 0 ? 0 : x / trace));
  for (let k = 0; k < K; k++) data[k * K + k] += regEps;
  return { shape: G.shape, data };
}
