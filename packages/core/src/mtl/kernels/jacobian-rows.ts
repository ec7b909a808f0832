import type { NdArray, Shape } from "../../array.js";
import { NumericalError, ShapeError } from "../../errors.js";
import type { TaskInput } from "../method.js";

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

/** The Jacobians of some independent batches, checked. */
export function samplesOf(name: string, { samples, losses }: TaskInput, count: number): readonly F64[] {
  if (samples?.length !== count) {
    throw new ShapeError(
      `${name} needs the Jacobians of ${count} batches in samples; got ${samples?.length ?? "none"}.`,
    );
  }
  const [K, P] = [losses.length, samples[0].shape[1]];
  samples.forEach(({ shape, data }, s) => {
    if (shape.length !== 2 || shape[0] !== K || shape[1] !== P) {
      throw new ShapeError(
        `${name}: every sample must be a Jacobian [${K}, ${P}]; sample ${s} is [${shape.join(", ")}].`,
      );
    }
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(data[i])) {
        const task = Math.floor(i / P);
        throw new NumericalError(`${name}: the gradient of task ${task} in sample ${s} is ${data[i]}.`);
      }
    }
  });
  return samples;
}

/** The derivatives of losses after a virtual step, [K, K], checked. */
export function aheadOf(name: string, { ahead, losses: { length: K } }: TaskInput): F64 {
  if (ahead?.shape.join() === `${K},${K}`) return ahead;
  throw new ShapeError(
    `${name} needs ahead [${K}, ${K}], the derivatives of losses after a virtual step; got ${ahead ? `[${ahead.shape.join(", ")}]` : "none"}.`,
  );
}

/** A B', [K, K]: products of the gradients of two batches. */
export function crossGramian(a: F64, b: F64): F64 {
  const [K, P] = a.shape;
  const out = new Float64Array(K * K);
  for (let i = 0; i < K; i++) {
    for (let j = 0; j < K; j++) {
      let sum = 0;
      for (let p = 0; p < P; p++) sum += a.data[i * P + p] * b.data[j * P + p];
      out[i * K + j] = sum;
    }
  }
  return { shape: [K, K], data: out };
}
