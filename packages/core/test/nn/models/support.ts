import { readGolden } from "isoloss-test-support/nn/support";
import { isNdArray, type NdArray, ndarray, sizeOf } from "../../../src/array.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import type { Model } from "../../../src/nn/model.js";
import { flatten, unflatten } from "../../../src/tree.js";

/** PyTorch's numbers for a net whose parameters and data are given by formula: bench/torch/golden_nn_models.py. */
export interface GoldenModel {
  name: string;
  input: number[];
  loss: number;
  gradNormSq: number;
  secondNormSq?: number;
  stateNormSq?: number;
  evaluationLoss?: number;
}

export function goldenModel(name: string): GoldenModel {
  const { models } = readGolden<{ models: GoldenModel[] }>("nn-models.json");
  return models.find((m) => m.name === name)!;
}

/** The hash of bench/torch/formula.py: element i of tensor number k, an integer in [0, 2^32). */
function hash(i: number, k: number): number {
  let h = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(k + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

const filled = (shape: readonly number[], f: (i: number) => number): NdArray =>
  ndarray(
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => f(i)),
    shape,
  );

/** `unit` and `signed` of formula.py: values in [0, 1) and [-1, 1). */
export const unit = (shape: readonly number[], k: number): NdArray =>
  filled(shape, (i) => hash(i, k) / 2 ** 32);
export const signed = (shape: readonly number[], k: number, scale = 1, offset = 0): NdArray =>
  filled(shape, (i) => offset + scale * ((2 * hash(i, k)) / 2 ** 32 - 1));

/** `labels` of formula.py: integers in [0, classes). */
export const labels = (shape: readonly number[], k: number, classes: number): NdArray =>
  ndarray(
    BigInt64Array.from({ length: sizeOf(shape) }, (_, i) => BigInt(hash(i, k) % classes)),
    shape,
  );

/** A model's parameters as `fill_parameters` of formula.py gives them, in float64; its state at the start. */
export function filledModel<P, S>(model: Model<P, S, unknown>): { params: P; state: S } {
  const { params, state } = model.init(torchGenerator(0), { dtype: "float64" });
  const { leaves, paths, def } = flatten<NdArray>(params, isNdArray);
  const values = leaves.map(({ shape }, k) => {
    if (shape.length > 1) return signed(shape, k, Math.sqrt(6 / (sizeOf(shape) / shape[0])));
    // A vector that is a weight scales a normalization; the others are biases.
    return signed(shape, k, 0.1, paths[k].endsWith("weight") ? 1 : 0);
  });
  return { params: unflatten(def, values) as P, state };
}

/** The mean over pixels of what a model of pixels puts out. */
export function overPixels<P, S>(model: Model<P, S>): Model<P, S> {
  return {
    init: (rng, options) => model.init(rng, options),
    apply(params, x, context) {
      const { output, state } = model.apply(params, x, context);
      return { output: mean(output, { axes: [2, 3] }), state };
    },
  };
}
