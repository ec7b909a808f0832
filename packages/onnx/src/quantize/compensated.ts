// Rounding that compensates: E. Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained
// transformers", ICLR 2023, as J. Chen et al., "The geometry of LLM quantization", 2025, writes it: Babai's nearest plane.

/**
 * H = U diag(d) U' with ones on the diagonal of the upper triangular U, of a positive definite H [n, n]: then
 * x' H x = sum_i d_i (x_i + sum_{j < i} U_ji x_j)^2, in which each x_i answers for the errors before it.
 */
export interface Factor {
  readonly n: number;
  readonly u: Float64Array;
  readonly d: Float64Array;
}

/** @param damping is added to the diagonal */
export function factorOf(h: Float64Array, n: number, damping: number): Factor {
  const u = h.slice();
  const d = new Float64Array(n);
  for (let i = 0; i < n; i++) u[i * n + i] += damping;
  // The upper triangle alone is read. Four columns are taken off the others together, which reads these a quarter as often.
  const columns = Array.from({ length: 4 }, () => new Float64Array(n));
  const [a, b, c, e] = columns;
  for (let end = n; end > 0; end -= 4) {
    const start = Math.max(0, end - 4);
    for (let i = end - 1; i >= start; i--) {
      const pivot = u[i * n + i];
      d[i] = pivot;
      const column = columns[end - 1 - i];
      for (let j = 0; j < i; j++) column[j] = u[j * n + i];
      for (let j = 0, at = 0; j < i; j++, at += n) {
        const factor = column[j] / pivot;
        for (let m = Math.max(j, start); m < i; m++) u[at + m] -= factor * column[m];
        u[at + i] = factor;
      }
    }
    for (let j = 0, at = 0; j < start; j++, at += n) {
      const [fa, fb, fc, fe] = [u[at + end - 1], u[at + end - 2], u[at + end - 3], u[at + end - 4]];
      for (let m = j; m < start; m++) {
        u[at + m] = u[at + m] - fa * a[m] - fb * b[m] - fc * c[m] - fe * e[m];
      }
    }
  }
  return { n, u, d };
}

/** Rounds an element of a column to a multiple of the scale that it shares. */
export type Round = (value: number, input: number, column: number) => number;

/**
 * Rounds columns of weights, input by input, each to what makes up best for the errors of the inputs before it: with v_i the
 * weight and the errors so far, q_i = round(v_i), and x_i = w_i - q_i goes on by U.
 *
 * @param w columns [count, n]; the rounded ones on return
 * @param before is called before an input is rounded, with all of v
 */
export function roundColumns(
  w: Float64Array,
  { n, u }: Factor,
  round: Round,
  before: (v: Float64Array, input: number) => void = () => undefined,
): void {
  const count = w.length / n;
  const v = w.slice();
  for (let i = 0; i < n; i++) {
    before(v, i);
    for (let c = 0; c < count; c++) {
      const at = c * n;
      const rounded = round(v[at + i], i, c);
      const error = w[at + i] - rounded;
      w[at + i] = rounded;
      if (error === 0) continue;
      for (let j = i + 1, row = i * n; j < n; j++) v[at + j] += u[row + j] * error;
    }
  }
}

/** x' H x of the difference x of columns [count, n]. */
export function columnErrors(a: Float64Array, b: Float64Array, h: Float64Array, n: number): Float64Array {
  const x = a.map((value, i) => value - b[i]);
  const errors = new Float64Array(a.length / n);
  for (let i = 0; i < n; i++) {
    for (let c = 0, at = 0; c < errors.length; c++, at += n) {
      const own = x[at + i];
      if (own === 0) continue;
      let sum = 0.5 * own * h[i * n + i];
      for (let j = i + 1, row = i * n; j < n; j++) sum += h[row + j] * x[at + j];
      errors[c] += 2 * own * sum;
    }
  }
  return errors;
}
