// The noise that rounding makes at the output of one layer, as a function of the logarithms of its channels' factors.

import { sharpness, type WeightMagnitudes } from "./weight-magnitudes.js";

export type Granularity = "tensor" | "channel";

/** A value and its derivatives in the logarithms of the factors of inputs, a, and of outputs, o. */
export interface NoiseTerm {
  readonly value: number;
  readonly a: Float64Array;
  readonly o: Float64Array;
}

/** What noise of a layer weighs: E[x_j^2] of its inputs, and a weight for each of its outputs. */
export interface Weighting {
  readonly moments: Float64Array;
  readonly importance: Float64Array;
}

/** log(sum exp(sharpness v)) / sharpness; its derivatives replace the values. */
export function smoothMaximum(values: Float64Array): number {
  const most = values.reduce((x, y) => Math.max(x, y), -Infinity);
  if (most === -Infinity) {
    values.fill(0);
    return most;
  }
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    values[i] = Math.exp(sharpness * (values[i] - most));
    sum += values[i];
  }
  for (let i = 0; i < values.length; i++) values[i] /= sum;
  return most + Math.log(sum) / sharpness;
}

/**
 * Logarithm of the smooth largest |W_ij| e^-a_j of each row, and a function that adds to derivatives in a what follows from
 * those in these logarithms.
 */
export function smoothRows({ logRows, logColumns, pairs }: WeightMagnitudes, a: Float64Array) {
  const { starts, columns, powers } = pairs;
  let most = -Infinity;
  const factors = new Float64Array(a.length);
  for (let j = 0; j < a.length; j++) {
    factors[j] = logColumns[j] - a[j];
    if (factors[j] > most) most = factors[j];
  }
  for (let j = 0; j < a.length; j++) factors[j] = Math.exp(sharpness * (factors[j] - most));
  const sums = new Float64Array(logRows.length);
  const rows = new Float64Array(logRows.length);
  for (let row = 0; row < rows.length; row++) {
    let sum = 0;
    for (let k = starts[row]; k < starts[row + 1]; k++) sum += powers[k] * factors[columns[k]];
    sums[row] = Math.max(sum, Number.MIN_VALUE);
    rows[row] = logRows[row] + most + Math.log(sums[row]) / sharpness;
  }
  const addBack = (bars: Float64Array, into: Float64Array): void => {
    const share = new Float64Array(a.length);
    for (let row = 0; row < bars.length; row++) {
      const bar = bars[row] / sums[row];
      for (let k = starts[row]; k < starts[row + 1]; k++) share[columns[k]] += bar * powers[k];
    }
    for (let j = 0; j < a.length; j++) into[j] -= share[j] * factors[j];
  };
  return { rows, addBack };
}

/** The true largest magnitudes of the rows, as logarithms. */
function hardRows({ shape, largest }: WeightMagnitudes, a: Float64Array): Float64Array {
  const { groups, outputs, inputs } = shape;
  const factors = a.map((v) => Math.exp(-v));
  return new Float64Array(groups * outputs).map((_, row) => {
    const column = Math.floor(row / outputs) * inputs;
    let most = 0;
    for (let j = 0, k = row * inputs; j < inputs; j++, k++)
      most = Math.max(most, largest[k] * factors[column + j]);
    return Math.log(most);
  });
}

/**
 * The noise of a weight rounded to steps of its largest magnitude divided by `levels`:
 *
 * tensor: (R / levels)^2 / 12 mean_i [g_i e^-2 o_i K sum_j X_j e^2 a_j],  R = max |W_ij| e^(o_i - a_j)
 * channel: mean_i [g_i (max_j |W_ij| e^-a_j / levels)^2 K sum_j X_j e^2 a_j] / 12
 *
 * with sums over the group of i, moments X and importances g. The maxima are smooth.
 */
export function weightNoise(
  weight: WeightMagnitudes,
  { moments, importance }: Weighting,
  a: Float64Array,
  o: Float64Array,
  { levels, granularity }: { readonly levels: number; readonly granularity: Granularity },
): NoiseTerm {
  const { groups, outputs, inputs, terms } = weight.shape;
  const scale = terms / (12 * levels ** 2 * groups * outputs);
  const { rows, addBack } = smoothRows(weight, a);
  const isChannel = granularity === "channel";
  /** The logarithm of the whole range, and shares of rows in it. */
  let [range, shares] = [0, rows];
  if (!isChannel) {
    shares = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) shares[i] = rows[i] + o[i];
    range = smoothMaximum(shares);
  }
  const powersOfInputs = new Float64Array(a.length);
  for (let j = 0; j < a.length; j++) powersOfInputs[j] = moments[j] * Math.exp(2 * a[j]);
  const byOutput = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++)
    byOutput[i] = importance[i] * Math.exp(2 * (isChannel ? rows[i] : range - o[i]));
  const sumsOfInputs = groupSums(powersOfInputs, groups, inputs);
  const sumsOfOutputs = groupSums(byOutput, groups, outputs);
  let total = 0;
  for (let g = 0; g < groups; g++) total += scale * sumsOfInputs[g] * sumsOfOutputs[g];
  const derivatives = { a: powersOfInputs, o: byOutput };
  for (let g = 0, j = 0, i = 0; g < groups; g++) {
    for (const end = j + inputs; j < end; j++) derivatives.a[j] *= 2 * scale * sumsOfOutputs[g];
    for (const end = i + outputs; i < end; i++) derivatives.o[i] *= 2 * scale * sumsOfInputs[g];
  }
  if (isChannel) {
    addBack(derivatives.o, derivatives.a);
    derivatives.o.fill(0);
  } else {
    for (let i = 0; i < shares.length; i++) shares[i] *= 2 * total;
    addBack(shares, derivatives.a);
    for (let i = 0; i < shares.length; i++) derivatives.o[i] = shares[i] - derivatives.o[i];
  }
  return { value: total, ...derivatives };
}

/** As {@link weightNoise}, with the true maxima and without derivatives. */
export function hardWeightNoise(
  weight: WeightMagnitudes,
  { moments, importance }: Weighting,
  a: Float64Array,
  o: Float64Array,
  { levels, granularity }: { readonly levels: number; readonly granularity: Granularity },
): number {
  const { groups, outputs, inputs, terms } = weight.shape;
  const rows = hardRows(weight, a);
  const range = rows.reduce((most, v, i) => Math.max(most, v + o[i]), -Infinity);
  const byOutput = rows.map(
    (v, i) => importance[i] * Math.exp(granularity === "channel" ? 2 * v : 2 * range - 2 * o[i]),
  );
  const [sumsOfInputs, sumsOfOutputs] = [
    groupSums(
      a.map((v, j) => moments[j] * Math.exp(2 * v)),
      groups,
      inputs,
    ),
    groupSums(byOutput, groups, outputs),
  ];
  const sum = sumsOfInputs.reduce((all, v, g) => all + v * sumsOfOutputs[g], 0);
  return range === -Infinity ? 0 : (terms * sum) / (12 * levels ** 2 * groups * outputs);
}

function groupSums(values: Float64Array, groups: number, size: number): Float64Array {
  const sums = new Float64Array(groups);
  for (let g = 0, k = 0; g < groups; g++) for (const end = k + size; k < end; k++) sums[g] += values[k];
  return sums;
}
