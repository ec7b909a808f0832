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
  /** What was added to the diagonal of H. */
  readonly damping: number;
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
    // Two rows at once take the same numbers of the columns, which are no array here: that is twice as slow. What is
    // left below the diagonal counts for nothing.
    for (let j = 0, at = 0; j < start; j += 2, at += 2 * n) {
      const below = at + (j + 1 < start ? n : 0);
      const [fa, fb, fc, fe] = [u[at + end - 1], u[at + end - 2], u[at + end - 3], u[at + end - 4]];
      const [ga, gb, gc, ge] = [
        u[below + end - 1],
        u[below + end - 2],
        u[below + end - 3],
        u[below + end - 4],
      ];
      for (let m = j; m < start; m++) {
        const am = a[m];
        const bm = b[m];
        const cm = c[m];
        const em = e[m];
        const own = u[at + m] - fa * am - fb * bm - fc * cm - fe * em;
        u[below + m] = u[below + m] - ga * am - gb * bm - gc * cm - ge * em;
        u[at + m] = own;
      }
    }
  }
  return { n, u, d, damping };
}

/** Rounds an element of a column to a multiple of the scale that it shares. */
export type Round = (value: number, input: number, column: number) => number;

/** What is done before some inputs are rounded. */
export interface Stops {
  readonly at: ReadonlySet<number>;
  /** @param v all weights, with the errors so far */
  readonly visit: (v: Float64Array, input: number) => void;
}

/**
 * Rounds columns of weights, input by input, each to what makes up best for the errors of the inputs before it: with v_i the
 * weight and the errors so far, q_i = round(v_i), and x_i = w_i - q_i goes on by U.
 *
 * @param w columns [count, n]; the rounded ones on return
 */
export function roundColumns(w: Float64Array, { n, u }: Factor, round: Round, stops?: Stops): void {
  const count = w.length / n;
  const v = w.slice();
  const errors = new Float64Array(4);
  for (let start = 0, end = 0; start < n; start = end) {
    if (stops?.at.has(start)) stops.visit(v, start);
    // Up to four inputs between stops: their errors go on to those behind together, which reads and writes these once.
    do end++;
    while (end < Math.min(n, start + 4) && !stops?.at.has(end));
    errors.fill(0);
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => Math.min(start + k, n - 1) * n);
    const roundInputs = (column: number) => {
      const at = column * n;
      for (let i = start; i < end; i++) {
        const rounded = round(v[at + i], i, column);
        const error = w[at + i] - rounded;
        w[at + i] = rounded;
        errors[i - start] = error;
        for (let j = i + 1; j < end; j++) v[at + j] += u[i * n + j] * error;
      }
    };
    // Two columns at once take the same numbers of U; one that is missing is the other.
    for (let column = 0; column < count; column += 2) {
      const at = column * n;
      roundInputs(column);
      const ea = errors[0];
      const eb = errors[1];
      const ec = errors[2];
      const ed = errors[3];
      const beside = column + 1 < count ? at + n : at;
      if (beside > at) roundInputs(column + 1);
      const fa = errors[0];
      const fb = errors[1];
      const fc = errors[2];
      const fd = errors[3];
      for (let j = end; j < n; j++) {
        const ua = u[a + j];
        const ub = u[b + j];
        const uc = u[c + j];
        const ud = u[d + j];
        const own = v[at + j] + ua * ea + ub * eb + uc * ec + ud * ed;
        v[beside + j] = v[beside + j] + ua * fa + ub * fb + uc * fc + ud * fd;
        v[at + j] = own;
      }
    }
  }
}

/** x' H x of the difference x of columns [count, n]. */
export function columnErrors(a: Float64Array, b: Float64Array, h: Float64Array, n: number): Float64Array {
  const count = a.length / n;
  // Two rows of H and four columns at once, which read each other's numbers once; rows and columns that are missing are 0.
  const x = new Float64Array(4 * n * Math.ceil(count / 4));
  for (let i = 0; i < a.length; i++) x[i] = a[i] - b[i];
  const errors = new Float64Array(x.length / n);
  for (let column = 0; column < count; column += 4) {
    const p = column * n;
    const q = p + n;
    const r = q + n;
    const s = r + n;
    for (let i = 0, row = 0; i < n; i += 2, row += 2 * n) {
      const hasTwo = i + 1 < n;
      const below = hasTwo ? row + n : row;
      const half = 0.5 * h[row + i];
      let sp = half * x[p + i];
      let sq = half * x[q + i];
      let sr = half * x[r + i];
      let ss = half * x[s + i];
      let [tp, tq, tr, ts] = [0, 0, 0, 0];
      if (hasTwo) {
        const beside = h[row + i + 1];
        sp += beside * x[p + i + 1];
        sq += beside * x[q + i + 1];
        sr += beside * x[r + i + 1];
        ss += beside * x[s + i + 1];
        const next = 0.5 * h[below + i + 1];
        tp = next * x[p + i + 1];
        tq = next * x[q + i + 1];
        tr = next * x[r + i + 1];
        ts = next * x[s + i + 1];
      }
      for (let j = i + 2; j < n; j++) {
        const own = h[row + j];
        const other = h[below + j];
        const xp = x[p + j];
        const xq = x[q + j];
        const xr = x[r + j];
        const xs = x[s + j];
        sp += own * xp;
        sq += own * xq;
        sr += own * xr;
        ss += own * xs;
        tp += other * xp;
        tq += other * xq;
        tr += other * xr;
        ts += other * xs;
      }
      errors[column] += 2 * x[p + i] * sp;
      errors[column + 1] += 2 * x[q + i] * sq;
      errors[column + 2] += 2 * x[r + i] * sr;
      errors[column + 3] += 2 * x[s + i] * ss;
      if (!hasTwo) continue;
      errors[column] += 2 * x[p + i + 1] * tp;
      errors[column + 1] += 2 * x[q + i + 1] * tq;
      errors[column + 2] += 2 * x[r + i + 1] * tr;
      errors[column + 3] += 2 * x[s + i + 1] * ts;
    }
  }
  return errors.subarray(0, count);
}
