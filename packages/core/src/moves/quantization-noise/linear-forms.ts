// Logarithms of the factors of a tensor's channels, as linear forms in the numbers T of all generators.
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import type { ScaleTerm, TensorScale } from "../../symmetry/discovery/scales/scales.js";

/** Rows of a sparse matrix: form i is the sum of coefficients[k] T[units[k]] for k from starts[i] to starts[i + 1]. */
export interface LinearForms {
  readonly count: number;
  readonly starts: Int32Array;
  readonly units: Int32Array;
  readonly coefficients: Float64Array;
}

/** The number of each generator's first element in a vector of all T, and how many there are. */
export function unitOffsets(generators: readonly ScalingGenerator[]) {
  let total = 0;
  const offsets = generators.map(({ size }) => {
    total += size;
    return total - size;
  });
  return { offsets, total };
}

/**
 * The forms of the channels along an axis, or undefined where the factor varies along other axes, too.
 */
export function formsAlong(
  scale: TensorScale,
  axis: number,
  count: number,
  offsets: readonly number[],
): LinearForms | undefined {
  if (scale.some(({ axes }) => axes.some((d) => d !== axis))) return undefined;
  const termsAt = (i: number) => scale.flatMap(({ axes, forms }) => forms[axes.length === 0 ? 0 : i] ?? []);
  return packed(
    Array.from({ length: count }, (_, i) => termsAt(i)),
    offsets,
  );
}

function packed(rows: readonly (readonly ScaleTerm[])[], offsets: readonly number[]): LinearForms {
  const starts = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => {
    starts[i + 1] = starts[i] + row.length;
  });
  const terms = rows.flat();
  return {
    count: rows.length,
    starts,
    units: Int32Array.from(terms, ({ generator, unit }) => offsets[generator] + unit),
    coefficients: Float64Array.from(terms, ({ power }) => power),
  };
}

/** The values of forms at T. */
export function valuesOf({ count, starts, units, coefficients }: LinearForms, T: Float64Array): Float64Array {
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let k = starts[i]; k < starts[i + 1]; k++) values[i] += coefficients[k] * T[units[k]];
  }
  return values;
}

/** Adds to a gradient in T what follows from derivatives in the forms' values. */
export function addPullback(
  { count, starts, units, coefficients }: LinearForms,
  bars: Float64Array,
  gradient: Float64Array,
): void {
  for (let i = 0; i < count; i++) {
    for (let k = starts[i]; k < starts[i + 1]; k++) gradient[units[k]] += coefficients[k] * bars[i];
  }
}
