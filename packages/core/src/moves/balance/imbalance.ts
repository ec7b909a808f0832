import type { NdArray } from "../../array.js";
import { float64Of } from "../../bytes.js";
import { describeValue, OptionError } from "../../errors.js";
import { type HalfCounts, halfCounts, noCounts } from "../../math/half-counts.js";
import type { Discovery, ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { namedArrays } from "../../tree.js";
import { type BalancedOptions, balancedOptions, toleranceOf } from "./balanced.js";
import { largestOf } from "./cells.js";
import { balancedScales, rangesAlong, scaleArrays } from "./scales.js";
import { doublesOf, largestAway, requireFinite } from "./sweeps.js";

/** How far the weights around some units are from balance. */
export interface GroupImbalance {
  readonly generator: ScalingGenerator;
  /** exp |mean T|: by what factor the weights of one side would shrink, and those of the other grow. */
  readonly factor: number;
  /** Standard deviation of T over the units, whose weights then differ by factors of about exp(sigma). */
  readonly sigma: number;
}

interface Scales {
  /** Largest of the groups. */
  readonly factor: number;
  readonly sigma: number;
  /**
   * Bits that a quantizer with one scale for a tensor loses in the average unit: mean of log2(max |W| / max |W_i|) over
   * units i of the weights W that a group scales; as they are, and with their ranges balanced.
   */
  readonly lostBits: { readonly now: number; readonly balanced: number };
}

/** Matrices and kernels, and how many of them a group scales. */
interface Coverage {
  readonly layers: number;
  readonly measured: number;
}

/** What was measured of scales, but where there are no groups. */
export interface Imbalance extends Partial<Scales> {
  /** One for each scaling, in the order in which they were found. */
  readonly groups: readonly GroupImbalance[];
  /** Weights that float16 does not hold with all its digits; as they are, and with their norms balanced. */
  readonly float16: { readonly now: HalfCounts; readonly balanced: HalfCounts };
  /** Whether the sweeps to the balanced weights converged; false: the figures are of their last point. */
  readonly settled: boolean;
  /** Whether balancing is likely to pay, in a few sentences. */
  readonly advice: string;
}

/**
 * From where balancing is said to save steps of SGD, by the factor between layers and by sigma between channels: limits of small
 * trials. The experiment `scaled-start` measured a factor of 30 and a sigma of 2: there it saves steps of SGD, and none of Adam.
 */
const threshold = { factor: 5, sigma: 1 };

const defaults: BalancedOptions = {};

/**
 * How unevenly a function's weights are scaled: T, the logarithms that {@link balanced} would scale by, group by group,
 * and what that means for training, int8 and float16.
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
  const arrays = namedArrays(params);
  for (const [path, { data }] of Object.entries(arrays)) requireFinite(path, data);
  const { sweeps: most } = balancedOptions.read(defaults);
  const swept = (by: "norm" | "range") => {
    const moved = doublesOf(arrays, generators);
    const { T, away } = balancedScales(moved, generators, by, { tolerance: toleranceOf(by), most });
    scaleArrays(moved, generators, T);
    return { T, away, arrays: moved };
  };
  const [norms, ranges] = [swept("norm"), swept("range")];
  const groups = norms.T.map((T, k) => ({ generator: generators[k], ...spreadOf(T) }));
  const hasNone = groups.length === 0;
  const scales: Scales = {
    factor: Math.max(1, ...groups.map((group) => group.factor)),
    sigma: Math.max(0, ...groups.map((group) => group.sigma)),
    lostBits: {
      now: lostBitsOf(generators, (path) => arrays[path]),
      balanced: lostBitsOf(generators, (path) => ranges.arrays.get(path) as NdArray),
    },
  };
  const figures = {
    float16: {
      now: countsOf(Object.values(arrays)),
      balanced: countsOf(Object.entries(arrays).map(([path, array]) => norms.arrays.get(path) ?? array)),
    },
    settled:
      largestAway(norms.away) <= toleranceOf("norm") && largestAway(ranges.away) <= toleranceOf("range"),
  };
  const scaled = new Set(generators.flatMap(({ axes }: ScalingGenerator) => axes.map(({ path }) => path)));
  const layers = Object.keys(arrays).filter((path) => arrays[path].shape.length > 1);
  const coverage = { layers: layers.length, measured: layers.filter((path) => scaled.has(path)).length };
  const texts = [
    ...(hasNone
      ? ["Scales were not measured, as no group of units can be scaled."]
      : aboutScales(scales, coverage)),
    ...aboutNumbers(figures, hasNone),
  ];
  return { groups, ...(hasNone ? {} : scales), ...figures, advice: texts.join(" ") };
}

function spreadOf({ data }: NdArray<Float64Array>): { factor: number; sigma: number } {
  const mean = data.reduce((a, b) => a + b, 0) / data.length;
  const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
  return { factor: Math.exp(Math.abs(mean)), sigma: Math.sqrt(variance) };
}

function lostBitsOf(generators: readonly ScalingGenerator[], arrayAt: (path: string) => NdArray): number {
  const bits = generators.flatMap(({ axes }) =>
    axes.flatMap((axis) => {
      const array = arrayAt(axis.path);
      if (array.shape.length < 2) return [];
      const ranges = rangesAlong(array, axis);
      const largest = largestOf(array.data as Float64Array);
      return Array.from(
        ranges.filter((range) => range > 0),
        (range) => Math.log2(largest) - Math.log2(range),
      );
    }),
  );
  return bits.length === 0 ? 0 : bits.reduce((a, b) => a + b, 0) / bits.length;
}

const countsOf = (arrays: readonly NdArray[]): HalfCounts =>
  arrays.reduce((counts, { data }) => halfCounts(float64Of(data), counts), noCounts);

function aboutScales({ factor, sigma, lostBits }: Scales, { layers, measured }: Coverage): string[] {
  if (!Number.isFinite(factor) || !Number.isFinite(sigma)) {
    return [
      "Factors that would balance these weights overflow: nothing is known of how their scales differ.",
    ];
  }
  const isWorth = factor >= threshold.factor || sigma >= threshold.sigma;
  const bits = (value: number) => (value < 8 ? value.toFixed(1) : "all");
  const isPart = measured < layers;
  const which = `Of ${layers} layers ${measured} ${measured === 1 ? "was" : "were"} measured, with units that can be scaled: their scales`;
  return [
    `${isPart ? which : "Scales"} differ by up to ${factor.toPrecision(2)} between layers, and by exp(${sigma.toPrecision(2)}) between units.`,
    isWorth
      ? "Balancing is likely to make training by SGD faster."
      : `${isPart ? "These are" : "That is"} even: balancing is not expected to make training faster.`,
    // The others may lose any number of bits.
    ...(isPart
      ? []
      : [
          `Weights in int8 with one scale for a tensor lose ${bits(lostBits.now)} of their 8 bits in the average unit, with balanced ranges ${bits(lostBits.balanced)}; activations were not measured.`,
        ]),
  ];
}

function aboutNumbers(
  { float16: half, settled }: Pick<Imbalance, "float16" | "settled">,
  hasNone: boolean,
): string[] {
  const counts = ({ overflows, subnormals }: HalfCounts) =>
    `${overflows} overflow and ${subnormals} are subnormal`;
  const isWhole = half.now.overflows + half.now.subnormals === 0;
  return [
    isWhole
      ? "Float16 holds all weights in its normal range."
      : `In float16 ${counts(half.now)} of the weights${hasNone ? "" : `; with balanced norms ${counts(half.balanced)}`}.`,
    ...(settled
      ? []
      : ["The sweeps to balanced weights did not come to an end: the figures are of where they got."]),
  ];
}
