// G. Golub, C. Van Loan, "Matrix computations", 4th edition, section 4.2: the Cholesky factor, one row at a time.
import type { Square } from "./gramian.js";

/** Below this fraction of its diagonal, the rest of a column after projection on the others is rounding error. */
const dependent = 1e-13;

/**
 * Solves A_SS x_S = b_S for a positive semi-definite matrix and a set S that grows and shrinks, by the Cholesky factor
 * A_SS = L L' and y = L^{-1} b_S, one row at a time. Columns that depend on those in S are refused.
 */
export class GrowingCholesky {
  /** S, in the order of the factor's rows. */
  readonly indices: number[] = [];
  private readonly K: number;
  private readonly A: Float64Array;
  private readonly L: Float64Array;
  private readonly y: Float64Array;
  private b: Float64Array;

  constructor({ shape: [K], data }: Square) {
    this.K = K;
    this.A = data;
    this.L = new Float64Array(K * K);
    this.y = new Float64Array(K);
    this.b = new Float64Array(K);
  }

  /** Restarts with an empty S. */
  start(b: Float64Array): void {
    this.indices.length = 0;
    this.b = b;
  }

  /** Adds j to S; false, and no change, if column j depends on those in S. */
  add(j: number): boolean {
    const { K, A, L, y, b, indices } = this;
    const s = indices.length;
    const row = s * K;
    let pivot = A[j * K + j];
    let rest = b[j];
    for (let i = 0; i < s; i++) {
      const other = i * K;
      let x = A[j * K + indices[i]];
      for (let k = 0; k < i; k++) x -= L[row + k] * L[other + k];
      x /= L[other + i];
      L[row + i] = x;
      pivot -= x * x;
      rest -= x * y[i];
    }
    if (!(pivot > dependent * A[j * K + j])) return false;
    L[row + s] = Math.sqrt(pivot);
    y[s] = rest / L[row + s];
    indices.push(j);
    return true;
  }

  /** Keeps the indices whose value is positive. */
  keepPositive(values: Float64Array): void {
    const first = this.indices.findIndex((i) => !(values[i] > 0));
    if (first < 0) return;
    for (const j of this.indices.splice(first)) if (values[j] > 0) this.add(j);
  }

  /** x_S, extended by 0 outside S. */
  solution(): Float64Array {
    const { K, L, indices } = this;
    const out = new Float64Array(K);
    for (let i = 0; i < indices.length; i++) out[indices[i]] = this.y[i];
    for (let i = indices.length - 1; i >= 0; i--) {
      const row = i * K;
      const x = out[indices[i]] / L[row + i];
      out[indices[i]] = x;
      for (let k = 0; k < i; k++) out[indices[k]] -= L[row + k] * x;
    }
    return out;
  }
}

/** The solution of A x = b for all rows; null if some depend on others. */
export function solveDefinite(A: Square, b: Float64Array): Float64Array | null {
  const factor = new GrowingCholesky(A);
  factor.start(b);
  for (let k = 0; k < b.length; k++) if (!factor.add(k)) return null;
  return factor.solution();
}
