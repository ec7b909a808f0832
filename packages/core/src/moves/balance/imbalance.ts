import type { NdArray } from "../../array.js";
import { describeValue } from "../../describe.js";
import { OptionError } from "../../errors.js";
import { namedArrays } from "../../named-arrays.js";
import type { Discovery, ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { balancedScales } from "./scales.js";

/** How far the weights around some units are from balance. */
export interface GroupImbalance {
  readonly generator: ScalingGenerator;
  /** exp |mean T|: by what factor the weights of one side would shrink, and those of the other grow. */
  readonly factor: number;
  /** Standard deviation of T over the units, whose weights then differ by factors of about exp(sigma). */
  readonly sigma: number;
}

export interface Imbalance {
  /** One for each scaling, in the order in which they were found. */
  readonly groups: readonly GroupImbalance[];
  /** Largest of the groups. */
  readonly factor: number;
  readonly sigma: number;
  /** Whether balancing is likely to pay, in a sentence. */
  readonly advice: string;
}

/**
 * From where balancing saved steps in trials on small networks: by the factor between layers, and by sigma between
 * channels. Below, nothing was found. The trials are no part of docs/results.md.
 */
const thresholds = [
  { optimizer: "SGD", factor: 5, sigma: 1 },
  { optimizer: "Adam", factor: 30, sigma: 2 },
] as const;

/**
 * How unevenly a function's weights are scaled: T, the logarithms that {@link balanced} would scale by, group by group.
 *
 * @param found what `symmetriesOf` finds for the loss of these parameters
 * @throws OptionError for anything but what `symmetriesOf` finds for these parameters; NumericalError when weights are not
 *   finite
 *
 * @example
 * const { factor, advice } = imbalance(params, symmetriesOf(loss, params, batch).found);
 */
export function imbalance<P>(params: P, found: Pick<Discovery, "scalings">): Imbalance {
  if (!Array.isArray(found?.scalings)) {
    throw new OptionError(
      `imbalance takes what symmetriesOf finds, symmetriesOf(loss, params, batch).found; got ${describeValue(found)}.`,
    );
  }
  const generators = found.scalings.filter(({ exact }) => exact);
  const groups = balancedScales(namedArrays(params), generators, "norm").map((T, k) => ({
    generator: generators[k],
    ...spreadOf(T),
  }));
  const factor = Math.max(1, ...groups.map((group) => group.factor));
  const sigma = Math.max(0, ...groups.map((group) => group.sigma));
  return { groups, factor, sigma, advice: adviceFor(factor, sigma) };
}

function spreadOf({ data }: NdArray<Float64Array>): { factor: number; sigma: number } {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
  return { factor: Math.exp(Math.abs(mean)), sigma: Math.sqrt(variance) };
}

function adviceFor(factor: number, sigma: number): string {
  const what = `Scales differ by up to ${factor.toPrecision(2)} between layers, and by exp(${sigma.toPrecision(2)}) between units.`;
  const worth = thresholds.filter((limit) => factor >= limit.factor || sigma >= limit.sigma);
  if (worth.length === 0) return `${what} That is even: balancing is not expected to make training faster.`;
  const who = worth.map(({ optimizer }) => optimizer).join(" and ");
  return `${what} Balancing is likely to make training by ${who} faster.`;
}
