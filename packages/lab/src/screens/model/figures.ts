// What moves change of the weights, while the function stays.
import { imbalance } from "isoloss/moves";
import type { Discovery } from "isoloss/symmetry";
import type { Params } from "./groups.js";

export interface Figures {
  /** Root of the sum of squares of all parameters. */
  readonly norm: number;
  /** By what factor the two sides of the most uneven group differ, and exp of the deviation between units; undefined without groups. */
  readonly factor: number | undefined;
  readonly sigma: number | undefined;
  /** Mean over weights of two or more axes of |w - q| / |w|, where q has 8 bits, with one scale for a tensor. */
  readonly rounding: number;
  /** Whether balancing is likely to pay, in a few sentences. */
  readonly advice: string;
}

export function figuresOf(params: Params, found: Discovery): Figures {
  const { factor, sigma, advice } = imbalance(params, found);
  const arrays = Object.values(params);
  const errors = arrays
    .filter(({ shape }) => shape.length > 1)
    .map(({ data }) => roundingOf(data as Float32Array))
    .filter((error) => error !== undefined);
  return {
    norm: Math.sqrt(arrays.reduce((sum, { data }) => sum + squares(data as Float32Array), 0)),
    factor,
    sigma: sigma === undefined ? undefined : Math.exp(sigma),
    advice,
    rounding: errors.reduce((a, b) => a + b, 0) / Math.max(1, errors.length),
  };
}

function squares(data: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] ** 2;
  return sum;
}

/** |w - q| / |w| of symmetric rounding to 8 bits; undefined for zeros. */
export function roundingOf(data: ArrayLike<number>): number | undefined {
  let largest = 0;
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]));
  if (largest === 0) return undefined;
  const scale = largest / 127;
  let error = 0;
  for (let i = 0; i < data.length; i++) error += (data[i] - scale * Math.round(data[i] / scale)) ** 2;
  return Math.sqrt(error / squares(data));
}
