import { astype, type NdArray } from "../../array.js";
import { createRng } from "../../math/rng.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import { normOf, type TrustRegion } from "./ascent/trust-region.js";

/**
 * A random element of the trust region: uniform in each entry, or in a random direction with half the maximum
 * norm.
 */
export function randomElement<P>(
  symmetry: Symmetry<P>,
  { kind, value }: TrustRegion,
  seed: number,
  index: number,
): NdArray<Float64Array>[] {
  const rng = createRng(seed).fork(index);
  const blocks = symmetry.algebra.map((shape) => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      kind === "element" ? value * (2 * rng.next() - 1) : rng.normal(),
    ),
  }));
  if (kind === "element") return blocks;
  const factor = (0.5 * value) / normOf(blocks.map(({ data }) => data));
  for (const { data } of blocks) for (let k = 0; k < data.length; k++) data[k] *= factor;
  return blocks;
}

/** Blocks of several elements as one array. */
export function stacked(blocks: readonly NdArray[], dtype: "float32" | "float64"): NdArray {
  const { shape } = blocks[0];
  const data = Float64Array.from(blocks.flatMap((block) => Array.from(block.data, Number)));
  return astype({ shape: [blocks.length, ...shape], data }, dtype);
}
