import type { NdArray } from "../../../array.js";

/** A bound on the total of T over a teleport: of each element, or of the Frobenius norm over all blocks. */
export interface TrustRegion {
  readonly kind: "element" | "norm";
  readonly value: number;
}

/** A block times a factor, in float64. */
export function scaledBlock({ shape, data }: NdArray, factor: number): NdArray<Float64Array> {
  const scaled = new Float64Array(data.length);
  for (let k = 0; k < scaled.length; k++) scaled[k] = factor * Number(data[k]);
  return { shape, data: scaled };
}

/** Adds a step to a total, in place. */
export function accumulate(total: readonly Float64Array[], step: readonly NdArray[]): void {
  step.forEach(({ data }, i) => {
    for (let k = 0; k < data.length; k++) total[i][k] += Number(data[k]);
  });
}

/** sqrt of the sum of squares over all blocks. */
export function normOf(blocks: readonly ArrayLike<number>[]): number {
  let square = 0;
  for (const block of blocks) for (let k = 0; k < block.length; k++) square += block[k] * block[k];
  return Math.sqrt(square);
}

/**
 * A step of the given size along a direction, shortened if the total would leave the region; undefined if
 * nothing is left.
 */
export function limited(
  direction: readonly NdArray[],
  total: readonly Float64Array[],
  size: number,
  { kind, value }: TrustRegion,
): NdArray<Float64Array>[] | undefined {
  const step = direction.map((block) => scaledBlock(block, size));
  if (kind === "element") {
    let [longest, wanted] = [0, 0];
    step.forEach(({ data }, i) => {
      data.forEach((v, k) => {
        const room = Math.min(Math.max(total[i][k] + v, -value), value) - total[i][k];
        data[k] = room;
        longest = Math.max(longest, Math.abs(room));
        wanted = Math.max(wanted, Math.abs(v));
      });
    });
    return longest > 1e-6 * Math.min(wanted, value) ? step : undefined;
  }
  const room = value - normOf(total);
  if (room <= 1e-6 * value) return undefined;
  const factor = Math.min(1, room / (size * normOf(direction.map(({ data }) => data as Float64Array))));
  for (const { data } of step) for (let k = 0; k < data.length; k++) data[k] *= factor;
  return step;
}
