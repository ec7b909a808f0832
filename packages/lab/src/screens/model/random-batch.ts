import { type NdArray, sizeOf } from "isoloss";
import { torchGenerator, torchRandn } from "isoloss/nn";
import type { ImportedInput } from "isoloss/onnx";
import { type Sizes, shapeOf } from "./sizes.js";

/** Standard normal numbers for the inputs of a model; 0 and 1 for integers and truth values. */
export function randomBatch(
  inputs: readonly ImportedInput[],
  sizes: Sizes,
  seed: number,
): Record<string, NdArray> {
  const rng = torchGenerator(seed);
  return Object.fromEntries(
    inputs.map((input) => {
      const shape = shapeOf(input, sizes);
      if (input.dtype === "float32" || input.dtype === "float64") {
        return [input.name, torchRandn(rng, shape, { dtype: input.dtype })];
      }
      const signs = torchRandn(rng, shape, { dtype: "float64" }).data as Float64Array;
      const data =
        input.dtype === "int64"
          ? BigInt64Array.from(signs, (x) => BigInt(x > 0 ? 1 : 0))
          : new Uint8Array(sizeOf(shape)).map((_, i) => (signs[i] > 0 ? 1 : 0));
      return [input.name, { shape, data } as NdArray];
    }),
  );
}

/** Batches of a seed by their places: those that judge are others than those that a file is made for. */
export const drawnBatches =
  (inputs: readonly ImportedInput[], sizes: Sizes, seed: number) =>
  (from: number, count: number): Record<string, NdArray>[] =>
    Array.from({ length: count }, (_, k) => randomBatch(inputs, sizes, 1000 * seed + from + k));
