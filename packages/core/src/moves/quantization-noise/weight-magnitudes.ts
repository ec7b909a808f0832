// Magnitudes of a layer's weight by pairs of channels, in the form that its noise needs.
import type { NdArray } from "../../array.js";
import { readWeight, visitWindows, type WeightedLayer, type WeightShape } from "./weighted-layers.js";

/** Sharpness of the smooth maximum, log sum exp(sharpness v) / sharpness. */
export const sharpness = 24;

/**
 * Of a weight whose rows and columns are scaled to have equal largest magnitudes, elements below this share of them are left out of the
 * smooth maximum: to the power above they are less than 1e-7, and scalings near the best ones leave them small.
 */
const leastShare = 0.5;

/** Rounds of scaling rows and columns by the roots of their largest magnitudes: D. Ruiz, RAL-TR-2001-034. */
const rounds = 4;

export interface WeightMagnitudes {
  readonly shape: WeightShape;
  /** Largest magnitude of the window of each pair, [groups, outputs, inputs]. */
  readonly largest: Float64Array;
  /**
   * Logarithms of what rows and columns are divided by; -Infinity for rows without pairs that count: those of zeros, or some 60,000 times
   * below the others. A column of zeros is divided by 1.
   */
  readonly logRows: Float64Array;
  readonly logColumns: Float64Array;
  readonly pairs: Pairs;
  /**
   * For each input channel: sum of squares over outputs, each by its importance, and window, divided by the number of
   * outputs of the layer.
   */
  readonly columns: Float64Array;
}

/** The pairs that count, by rows: those of row i from starts[i] to starts[i + 1]. */
interface Pairs {
  readonly starts: Int32Array;
  readonly columns: Int32Array;
  /** (largest / that of row and column)^sharpness. */
  readonly powers: Float64Array;
}

export function weightMagnitudes(
  { weight, shape }: WeightedLayer,
  parameter: NdArray,
  importance: Float64Array,
): WeightMagnitudes {
  const values = readWeight(parameter, weight);
  const { groups, outputs, inputs, window, terms } = shape;
  const all = groups * outputs;
  const largest = new Float64Array(all * inputs);
  const columns = new Float64Array(groups * inputs);
  visitWindows(shape, (row, j, first) => {
    const pair = row * inputs + j;
    let squares = 0;
    for (let k = first; k < first + window; k++) {
      largest[pair] = Math.max(largest[pair], Math.abs(values[k]));
      squares += values[k] ** 2;
    }
    const column = Math.floor(row / outputs) * inputs + j;
    columns[column] += (importance[row] * squares * terms) / (window * all);
  });
  return { shape, largest, columns, ...equilibrated(shape, largest) };
}

/** Scales of rows and columns that make their largest magnitudes equal, and the pairs that are large then. */
function equilibrated({ groups, outputs, inputs }: WeightShape, largest: Float64Array) {
  const rows = new Float64Array(groups * outputs).fill(1);
  const columns = new Float64Array(groups * inputs).fill(1);
  for (let round = 0; round < rounds; round++) {
    const [ofRows, ofColumns] = [new Float64Array(rows.length), new Float64Array(columns.length)];
    for (let row = 0, k = 0; row < rows.length; row++) {
      const first = Math.floor(row / outputs) * inputs;
      for (let j = first; j < first + inputs; j++, k++) {
        const value = largest[k] / (rows[row] * columns[j]);
        if (value > ofRows[row]) ofRows[row] = value;
        if (value > ofColumns[j]) ofColumns[j] = value;
      }
    }
    ofRows.forEach((most, i) => {
      if (most > 0) rows[i] *= Math.sqrt(most);
    });
    ofColumns.forEach((most, j) => {
      if (most > 0) columns[j] *= Math.sqrt(most);
    });
  }
  const starts = new Int32Array(rows.length + 1);
  const kept: { columns: number[]; powers: number[] } = { columns: [], powers: [] };
  for (let row = 0, k = 0; row < rows.length; row++) {
    const first = Math.floor(row / outputs) * inputs;
    for (let j = first; j < first + inputs; j++, k++) {
      const value = largest[k] / (rows[row] * columns[j]);
      if (value < leastShare) continue;
      kept.columns.push(j);
      kept.powers.push(value ** sharpness);
    }
    starts[row + 1] = kept.columns.length;
  }
  return {
    logRows: rows.map((v, i) => (starts[i + 1] > starts[i] ? Math.log(v) : -Infinity)),
    logColumns: columns.map(Math.log),
    pairs: { starts, columns: Int32Array.from(kept.columns), powers: Float64Array.from(kept.powers) },
  };
}
