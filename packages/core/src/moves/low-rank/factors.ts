// The best approximation of a product of given rank (C. Eckart and G. Young, Psychometrika 1936), as maps of its inner space.
import { qr, svd } from "../../math/linalg.js";
import { type Matrix, product, transposed } from "../../symmetry/matrix.js";

/** A product P'Q over an inner space of n, with the vectors of P and of Q as rows. */
export interface InnerProduct {
  /** Singular values of P'Q, descending; n or fewer. */
  readonly values: Float64Array;
  /** Maps A and B [n, n], whose rows from r on are zero: (A P)'(B Q) is the best approximation of P'Q of rank r. */
  maps(rank: number): readonly [a: Matrix, b: Matrix];
}

/**
 * With P' = Q1 R1 and Q' = Q2 R2, and R1 R2' = U S V':
 * A = S_r^-1/2 V_r' R2 and B = S_r^-1/2 U_r' R1, so that (A P)' = Q1 U_r S_r^1/2 and B Q = S_r^1/2 V_r' Q2'.
 */
export function innerProduct(p: Matrix, q: Matrix): InnerProduct {
  const [r1, r2] = [p, q].map(triangle);
  const n = p.shape[1];
  const { u, s, v } = svd(product(r1, transposed(r2)));
  const values = s.data;
  const mapOf = (vectors: Matrix, r: Matrix, rank: number): Matrix => {
    const turned = product(transposed(vectors), r);
    const data = new Float64Array(n * n);
    for (let i = 0; i < Math.min(rank, values.length); i++) {
      if (values[i] === 0) continue;
      for (let j = 0; j < n; j++) data[i * n + j] = turned.data[i * n + j] / Math.sqrt(values[i]);
    }
    return { shape: [n, n], data };
  };
  return { values, maps: (rank) => [mapOf(v, r2, rank), mapOf(u, r1, rank)] };
}

/** R of a QR decomposition; the matrix itself if it has fewer rows than columns. */
const triangle = (a: Matrix): Matrix => (a.shape[0] >= a.shape[1] ? qr(a).r : a);
