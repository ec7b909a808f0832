import type { NdArray } from "../../array.js";
import { NumericalError, ShapeError } from "../../errors.js";
import type { TaskInput } from "../method.js";

type Jacobian = NdArray<Float64Array>;

/** The Jacobians of some independent batches, checked. */
export function samplesOf(name: string, { samples, losses }: TaskInput, count: number): readonly Jacobian[] {
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
export function aheadOf(name: string, { ahead, losses: { length: K } }: TaskInput): Jacobian {
  if (ahead?.shape.join() === `${K},${K}`) return ahead;
  throw new ShapeError(
    `${name} needs ahead [${K}, ${K}], the derivatives of losses after a virtual step; got ${ahead ? `[${ahead.shape.join(", ")}]` : "none"}.`,
  );
}

/** A B', [K, K]: products of the gradients of two batches. */
export function crossGramian(a: Jacobian, b: Jacobian): Jacobian {
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
