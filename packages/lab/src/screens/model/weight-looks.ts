// What tensors of a model look like: as maps of their numbers, and as ranges of their channels.
import type { NdArray } from "isoloss";

/** Cells of a map along an axis, and ranges, at most. */
export const mostCells = 48;

export interface TensorLook {
  readonly low: number;
  readonly high: number;
  /** Rows are along the first axis; of the numbers of a cell, the one that is farthest from 0. */
  readonly map: { readonly rows: number; readonly columns: number; readonly values: Float32Array };
  /** Least and largest number along the first axis, of one channel each or of a few. */
  readonly lows: Float32Array;
  readonly highs: Float32Array;
}

/** A tensor in the file and as it is now. */
export interface WeightLook {
  readonly name: string;
  readonly shape: readonly number[];
  readonly file: TensorLook;
  readonly now: TensorLook;
}

export function lookOf({ shape, data }: NdArray): TensorLook {
  const channels = shape[0] ?? 1;
  const each = channels === 0 ? 0 : data.length / channels;
  const [rows, columns] = [Math.min(mostCells, channels), Math.min(mostCells, each)];
  const values = new Float32Array(rows * columns);
  const lows = new Float32Array(rows).fill(Number.POSITIVE_INFINITY);
  const highs = new Float32Array(rows).fill(Number.NEGATIVE_INFINITY);
  for (let c = 0; c < channels; c++) {
    const row = Math.floor((c * rows) / channels);
    for (let k = 0; k < each; k++) {
      const value = Number(data[c * each + k]);
      const cell = row * columns + Math.floor((k * columns) / each);
      if (Math.abs(value) > Math.abs(values[cell])) values[cell] = value;
      if (value < lows[row]) lows[row] = value;
      if (value > highs[row]) highs[row] = value;
    }
  }
  const low = lows.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = highs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return { low, high, map: { rows, columns, values }, lows, highs };
}
