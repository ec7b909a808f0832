// Spearman's rank correlation (American Journal of Psychology 15, 1904), with the interval of Fisher's z and the standard
// error 1.06 / sqrt(n - 3) (Fieller, Hartley & Pearson, Biometrika 44, 1957).
import { mean } from "es-toolkit";

export interface RankCorrelation {
  readonly rho: number;
  /** 95 % interval; null for fewer than four pairs, and where |rho| is 1: z is infinite. */
  readonly interval: readonly [number, number] | null;
  readonly n: number;
}

/** Null where one of the lists is constant. @param a, b of one length */
export function rankCorrelation(a: readonly number[], b: readonly number[]): RankCorrelation | null {
  const [x, y] = [ranks(a), ranks(b)];
  const [mx, my] = [mean(x), mean(y)];
  const product = (p: readonly number[], mp: number, q: readonly number[], mq: number) =>
    p.reduce((sum, value, i) => sum + (value - mp) * ((q[i] as number) - mq), 0);
  const norm = Math.sqrt(product(x, mx, x, mx) * product(y, my, y, my));
  if (!(norm > 0)) return null;
  const rho = Math.max(-1, Math.min(1, product(x, mx, y, my) / norm));
  const n = a.length;
  const half = (1.959964 * 1.06) / Math.sqrt(n - 3);
  const z = Math.atanh(rho);
  return {
    rho,
    interval: n > 3 && Number.isFinite(z) ? [Math.tanh(z - half), Math.tanh(z + half)] : null,
    n,
  };
}

/** Ranks from 1; equal values have the mean of theirs. */
function ranks(values: readonly number[]): number[] {
  const sorted = [...values.keys()].sort((i, j) => (values[i] as number) - (values[j] as number));
  const result = new Array<number>(values.length);
  for (let k = 0; k < sorted.length; ) {
    let end = k;
    while (end < sorted.length && values[sorted[end] as number] === values[sorted[k] as number]) end++;
    for (const index of sorted.slice(k, end)) result[index] = (k + 1 + end) / 2;
    k = end;
  }
  return result;
}
