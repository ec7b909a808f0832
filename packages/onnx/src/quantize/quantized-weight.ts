import { DataError, sizeOf } from "isoloss";
import type { Floats, GraphEditor } from "../model-file/edit/graph-editor.js";
import { leastScale } from "./affine.js";
import type { WeightGrid } from "./weight-grid.js";

/** Integers of weights are symmetric: w = scale (q - zero) with |q - zero| <= limit. */
export interface WeightType {
  readonly dtype: "int8" | "uint8" | "int4";
  readonly limit: number;
  readonly zero: number;
}

export interface QuantizedWeight {
  readonly integers: Int8Array | Uint8Array;
  /** By group of the grid. */
  readonly scales: Float32Array;
  /** How many scales are larger than the weights need. */
  readonly raised: number;
}

/**
 * The numbers of a weight.
 *
 * @throws DataError where one is not finite: no integer and no scale stands for it
 */
export function finiteFloats(editor: GraphEditor, name: string): Floats | undefined {
  const floats = editor.floats(name);
  const wrong = floats?.data.findIndex((w) => !Number.isFinite(w)) ?? -1;
  if (floats === undefined || wrong < 0) return floats;
  throw new DataError(
    `The weight "${name}" cannot be quantized: its element ${wrong} is ${floats.data[wrong]}.`,
  );
}

/** Zeros of a type. */
export const integersOf = (dtype: WeightType["dtype"], size: number): Int8Array | Uint8Array =>
  dtype === "uint8" ? new Uint8Array(size) : new Int8Array(size);

/**
 * Rounds a weight to integers, with the scale of each group s = max |w| / limit.
 *
 * @param floor the least scale that each group may have
 */
export function quantizedWeight(
  { data }: Floats,
  { dtype, limit, zero }: WeightType,
  { groupOf, scaleShape }: WeightGrid,
  floor: Float64Array,
): QuantizedWeight {
  const largest = new Float64Array(sizeOf(scaleShape));
  data.forEach((w, e) => {
    const group = groupOf(e);
    largest[group] = Math.max(largest[group], Math.abs(w));
  });
  // The scale of zeros says nothing; that of their neighbors keeps products of scales in range.
  const typical = largest.reduce((a, b) => Math.max(a, b), 0) || 1;
  let raised = 0;
  const scales = Float32Array.from(largest, (m, group) => {
    const own = Math.max((m || typical) / limit, leastScale);
    if (floor[group] > own) raised++;
    return Math.max(own, floor[group]);
  });
  const integers = integersOf(dtype, data.length);
  data.forEach((w, e) => {
    const q = Math.round(w / scales[groupOf(e)]);
    integers[e] = Math.min(Math.max(q, -limit), limit) + zero;
  });
  return { integers, scales, raised };
}
