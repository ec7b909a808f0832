import { DataError, sizeOf } from "isoloss";
import type { Floats, GraphEditor } from "../model-file/edit/graph-editor.js";
import { leastScale } from "./affine.js";
import { groupOf, type WeightGrid } from "./weight-grid.js";

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
  if (floats === undefined) return undefined;
  const { data } = floats;
  for (let e = 0; e < data.length; e++) {
    if (Number.isFinite(data[e])) continue;
    throw new DataError(`The weight "${name}" cannot be quantized: its element ${e} is ${data[e]}.`);
  }
  return floats;
}

/**
 * Rounds a weight to integers, with the scale of each group s = max |w| / limit.
 *
 * @param floor the least scale that each group may have
 * @param known an earlier rounding, maybe with another floor: groups keep it where their scale is neither below the floor nor
 *   raised for what needs it no more
 */
export function quantizedWeight(
  { data }: Floats,
  { dtype, limit, zero }: WeightType,
  grid: WeightGrid,
  floor: Float64Array,
  known?: QuantizedWeight,
): QuantizedWeight {
  const isHigh = (scale: number, group: number) => scale >= Math.fround(floor[group]);
  if (known?.raised === 0 && known.scales.every(isHigh)) return known;
  const largest = new Float64Array(sizeOf(grid.scaleShape));
  for (let e = 0; e < data.length; e++) {
    const group = groupOf(grid, e);
    largest[group] = Math.max(largest[group], Math.abs(data[e]));
  }
  // The scale of zeros says nothing; that of their neighbors keeps products of scales in range.
  const typical = largest.reduce((a, b) => Math.max(a, b), 0) || 1;
  let raised = 0;
  const scales = Float32Array.from(largest, (m, group) => {
    const own = Math.max((m || typical) / limit, leastScale);
    if (floor[group] > own) raised++;
    return Math.max(own, floor[group]);
  });
  const integers = dtype === "uint8" ? new Uint8Array(data.length) : new Int8Array(data.length);
  for (let e = 0; e < data.length; e++) {
    const q = Math.round(data[e] / scales[groupOf(grid, e)]);
    integers[e] = Math.min(Math.max(q, -limit), limit) + zero;
  }
  if (known !== undefined) {
    const isKept = Array.from(known.scales, (scale, group) => isHigh(scale, group) && scale <= scales[group]);
    for (let e = 0; e < data.length; e++) if (isKept[groupOf(grid, e)]) integers[e] = known.integers[e];
    for (const [group, scale] of known.scales.entries()) if (isKept[group]) scales[group] = scale;
  }
  return { integers, scales, raised };
}
