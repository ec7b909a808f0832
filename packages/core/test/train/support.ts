import { expect } from "vitest";
import type { NdArray } from "../../src/array.js";
import { takeRows } from "../../src/data/batches.js";
import type { Dataset } from "../../src/data/dataset.js";
import { digits } from "../../src/data/digits.js";
import type { StreamingMetric } from "../../src/entries/metrics.js";
import { relu } from "../../src/graph/ops/activation.js";
import { dropout } from "../../src/nn/dropout.js";
import { initLinear, type LinearParams, linear } from "../../src/nn/linear.js";
import type { Model } from "../../src/nn/model.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "../../src/nn/norm.js";
import { arraysOf, type TrainState } from "../../src/train/state.js";

const { images, labels } = digits();

/** Examples `from` up to `to` of the digits. */
export function someDigits(from: number, to: number): Dataset {
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  return { inputs: takeRows(images, rows), labels: takeRows(labels, rows) };
}

export interface BatchNormNetParams {
  readonly first: LinearParams;
  readonly norm: NormParams;
  readonly last: LinearParams;
}

/** Linear, batch normalization, ReLU, dropout, linear: a model with everything that a step can carry. */
export function batchNormNet(width = 8, rate = 0.2): Model<BatchNormNetParams, BatchNormState> {
  return {
    init(rng, { dtype = "float32" } = {}) {
      const { params: norm, state } = initBatchNorm(width, { dtype });
      const first = initLinear(rng, 64, width, { bias: true, dtype });
      return { params: { first, norm, last: initLinear(rng, width, 10, { bias: true, dtype }) }, state };
    },
    apply({ first, norm, last }, x, { state, training = false, seed }) {
      const normed = batchNorm(linear(x, first), norm, state, { training });
      const kept = dropout(relu(normed.output), { rate, stream: 0, training, seed });
      return { output: linear(kept, last), state: normed.state };
    },
  };
}

/** The elements of every array of a state, by path. */
export function elements<P, S>(state: TrainState<P, S>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(arraysOf(state)).map(([path, a]) => [path, numbers(a)]));
}

export const numbers = ({ data }: NdArray): number[] => Array.from<number | bigint, number>(data, Number);

/** Largest difference of two states' elements. */
export function distance<P, S>(a: TrainState<P, S>, b: TrainState<P, S>): number {
  const [x, y] = [elements(a), elements(b)];
  expect(Object.keys(x)).toEqual(Object.keys(y));
  return Math.max(...Object.keys(x).flatMap((path) => x[path].map((v, i) => Math.abs(v - y[path][i]))));
}

/** A softmax classifier x W' + b in plain float64 loops: the oracle of trainer and evaluation. */
export interface Softmax {
  readonly weight: number[][];
  readonly bias: number[];
}

/** -log softmax(x W' + b)[label], and the probabilities. */
export function softmaxLoss({ weight, bias }: Softmax, x: readonly number[], label: number) {
  const logits = weight.map((row, c) => row.reduce((sum, w, j) => sum + w * x[j], bias[c]));
  const top = Math.max(...logits);
  const mass = logits.reduce((sum, z) => sum + Math.exp(z - top), 0);
  const probabilities = logits.map((z) => Math.exp(z - top) / mass);
  return {
    loss: top + Math.log(mass) - logits[label],
    probabilities,
    isRight: logits.indexOf(top) === label,
  };
}

export function row({ data, shape }: NdArray, i: number): number[] {
  const width = data.length / shape[0];
  return Array.from<number | bigint, number>(data.subarray(i * width, (i + 1) * width), Number);
}

/** A metric whose results are given. */
export function scripted(values: readonly number[]): StreamingMetric<unknown, number> {
  let at = 0;
  return { mode: "max", init: () => 0, update: () => 0, result: () => values[at++] };
}
