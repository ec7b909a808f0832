// Rotations that flatten weights without a look at them: S. Ashkboos et al., "QuaRot", NeurIPS 2024.
import { qr } from "../../math/linalg.js";
import type { Rng } from "../../math/rng.js";
import type { Matrix } from "../../symmetry/matrix.js";
import { hadamard } from "./hadamard.js";

/** A random orthogonal matrix, all alike probable: Q of normal numbers, with signs so that R has a positive diagonal. */
export const randomOrthogonal = (n: number, rng: Rng): Matrix =>
  qr({ shape: [n, n], data: Float64Array.from({ length: n * n }, () => rng.normal()) }).q;

/** H diag(+-1) with random signs; a random orthogonal matrix where there is no Hadamard matrix H. */
export function randomHadamard(n: number, rng: Rng): Matrix {
  const h = hadamard(n);
  if (h === undefined) return randomOrthogonal(n, rng);
  const signs = Array.from({ length: n }, () => (rng.next() < 0.5 ? -1 : 1));
  return { shape: h.shape, data: h.data.map((v, k) => v * signs[k % n]) };
}
