import type { NdArray, Shape } from "../../array.js";
import { ShapeError } from "../../errors.js";

type F64 = NdArray<Float64Array>;

/** A copy of a state's K x P numbers, or zeros if there are none yet. */
export function rowsLike(name: string, [tasks, width]: Shape, past: Float64Array | null): Float64Array {
  if (past === null) return new Float64Array(tasks * width);
  if (past.length === tasks * width) return past.slice();
  throw new ShapeError(
    `${name}: the state has ${past.length} numbers, the Jacobian is [${tasks}, ${width}]; start from init for another model.`,
  );
}

/** ||g_k|| for every row, [K]. */
export function rowNorms({ data, shape: [tasks, width] }: F64): Float64Array {
  const norms = new Float64Array(tasks);
  for (let k = 0; k < tasks; k++) {
    let largest = 0;
    for (let i = k * width; i < (k + 1) * width; i++) largest = Math.max(largest, Math.abs(data[i]));
    // Squares of elements beyond 1e154 or below 1e-162 would overflow or underflow in float64.
    const scale = largest > 1e150 || largest < 1e-150 ? largest || 1 : 1;
    let sum = 0;
    for (let i = k * width; i < (k + 1) * width; i++) sum += (data[i] / scale) ** 2;
    norms[k] = scale * Math.sqrt(sum);
  }
  return norms;
}

/** J' w, [P]. */
export function weightedRows({ data, shape: [tasks, width] }: F64, weights: Float64Array): Float64Array {
  const out = new Float64Array(width);
  for (let k = 0; k < tasks; k++) {
    for (let p = 0; p < width; p++) out[p] += weights[k] * data[k * width + p];
  }
  return out;
}

/** J J' of the columns `from` to `to`, [K, K]. */
export function blockGramian(
  { data, shape: [tasks, width] }: F64,
  { from = 0, to = width }: { readonly from?: number | undefined; readonly to?: number | undefined } = {},
): F64 {
  const out = new Float64Array(tasks * tasks);
  for (let i = 0; i < tasks; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let p = from; p < to; p++) sum += data[i * width + p] * data[j * width + p];
      out[i * tasks + j] = sum;
      out[j * tasks + i] = sum;
    }
  }
  return { shape: [tasks, tasks], data: out };
}
