import { astype, type NdArray, sizeOf } from "../../array.js";
import type { Batch } from "../../batch.js";
import { dot } from "../../graph/autodiff.js";
import { add, div, maximum, minimum, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, logicalAnd, where } from "../../graph/ops/compare.js";
import { abs, sqrt } from "../../graph/ops/elementary.js";
import { max } from "../../graph/ops/reduce.js";
import type { Tensor } from "../../graph/tensor.js";
import { normOf } from "../../math/dense.js";
import { createRng, type Rng } from "../../math/rng.js";
import type { GroupGenerator } from "../../symmetry/discovery/descriptors.js";
import type { Refusal, Symmetry } from "../../symmetry/symmetry.js";
import { hasValue } from "./guard-graph.js";

/** A bound on the total of T over a teleport: of each element, or of the Frobenius norm over all blocks. */
export interface TrustRegion {
  readonly kind: "element" | "norm";
  readonly value: number;
}

/** An element of an algebra times a factor. */
export const timesElement = (T: readonly NdArray<Float64Array>[], factor: number): NdArray<Float64Array>[] =>
  T.map(({ shape, data }) => ({ shape, data: data.map((v) => factor * v) }));

type Blocks = readonly Tensor[];

/** The fraction of a step, or of the region, below which nothing is left to move. */
const leastLength = 1e-6;

/** The norm of all blocks together; in float32 also where squares of their elements are 0 or infinite. */
export function lengthOf(blocks: Blocks): Tensor {
  const length = sqrt(dot(blocks, blocks));
  if (length.dtype === "float64") return length;
  const largest = blocks.map((x) => max(abs(x))).reduce(maximum);
  const isSquared = logicalAnd(hasValue(length), greater(length, 1e-18));
  const scale = where(logicalAnd(greater(largest, 0), hasValue(largest)), largest, 1);
  const scaled = blocks.map((x) => div(x, scale));
  return where(isSquared, length, mul(scale, sqrt(dot(scaled, scaled))));
}

/** The norm of a direction, and what the norm of the total leaves of a region. */
export interface Reach {
  readonly norm: Tensor;
  readonly room: Tensor;
}

export const reachOf = (direction: Blocks, total: Blocks, { value }: TrustRegion): Reach => ({
  norm: sqrt(dot(direction, direction)),
  room: sub(value, sqrt(dot(total, total))),
});

/**
 * A step of the given size along a direction, shortened if the total would leave the region. Traced.
 *
 * @param reach of the same direction, total and region, where it was computed before
 */
export function limited(
  direction: Blocks,
  total: Blocks,
  size: Tensor,
  region: TrustRegion,
  { norm, room }: Reach = reachOf(direction, total, region),
): { readonly step: Tensor[]; readonly isLong: Tensor } {
  const { kind, value } = region;
  const length = mul(size, norm);
  if (kind === "element") {
    const step = direction.map((d, i) =>
      sub(maximum(minimum(add(total[i], mul(size, d)), value), -value), total[i]),
    );
    return { step, isLong: greater(sqrt(dot(step, step)), mul(leastLength, minimum(length, value))) };
  }
  const factor = mul(size, where(greater(length, room), div(room, length), 1));
  const isLong = logicalAnd(greater(room, leastLength * value), greater(length, 0));
  return { step: direction.map((d) => mul(factor, d)), isLong };
}

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
    data: Float64Array.from({ length: sizeOf(shape) }, () =>
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

/** The claim of a search that its moves keep the loss, in a form that can be checked. */
export interface Claim<P> {
  /** Name of the group. */
  readonly name: string;
  /** See `Symmetry.generators`. */
  readonly generators?: readonly GroupGenerator[] | undefined;
  /** A random move of the search, `scale` in (0, 1] times its maximum size. */
  move(params: P, batch: Batch, rng: Rng, scale: number): Promise<P | Refusal>;
}

/** A group element larger than this shows nothing that a smaller one does not, and rounding grows. */
const largest = 1;

/** The claim that a symmetry's elements keep the loss, within the trust region of a search. */
export const claimOf = <P>(symmetry: Symmetry<P>, { kind, value }: TrustRegion): Claim<P> => ({
  name: symmetry.name,
  ...(symmetry.generators ? { generators: symmetry.generators } : {}),
  async move(params, batch, rng, scale) {
    const region = { kind, value: Math.min(value, largest) };
    const T = randomElement(symmetry, region, rng.int(2 ** 32), 0);
    return symmetry.act(params, timesElement(T, scale), batch);
  },
});
