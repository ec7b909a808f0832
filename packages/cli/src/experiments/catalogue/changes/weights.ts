import { type NdArray, OptionError } from "isoloss";
import { scaledParams } from "isoloss/internal";
import { balanced, pruned } from "isoloss/moves";
import { torchGenerator, torchRandn } from "isoloss/nn";
import type { ScalingGenerator } from "isoloss/symmetry";
import { type Change, type Network, networkSymmetries } from "./network.js";

/** Every second hidden layer times a factor, and the layer after it divided by that. */
export const scaleLayers = (factor: number): Change =>
  rescaled((generators) =>
    generators.map(({ size }, k) => filled(size, () => (k % 2 === 0 ? Math.log(factor) : 0))),
  );

/** Each hidden channel times a factor of its own whose logarithm is normal, and what reads it divided by that. */
export const scaleChannels = (sigma: number): Change =>
  rescaled((generators, seed) => {
    const rng = torchGenerator(seed);
    return generators.map(({ size }) => {
      const { data } = torchRandn(rng, [size], { dtype: "float64" });
      return filled(size, (i) => sigma * data[i]);
    });
  });

const filled = (size: number, value: (i: number) => number): NdArray => ({
  shape: [size],
  data: Float64Array.from({ length: size }, (_, i) => value(i)),
});

type ScalesOf = (generators: readonly ScalingGenerator[], seed: number) => readonly NdArray[];

/** A change along the network's own exact scalings, whose elements are logarithms of factors. */
const rescaled = (scalesOf: ScalesOf): Change => ({
  isMove: false,
  async apply(network, { data, seed }): Promise<Network> {
    const generators = networkSymmetries(network, data).found.scalings.filter(({ exact }) => exact);
    if (generators.length === 0) {
      throw new OptionError(
        "start: this network has no layers whose scales can be changed without its function.",
      );
    }
    return { ...network, params: scaledParams(network.params, generators, scalesOf(generators, seed)) };
  },
});

/** The same function with balanced weights. */
export const balance = (by: "norm" | "range"): Change => ({
  isMove: true,
  async apply(network, { data }) {
    const { found } = networkSymmetries(network, data);
    return { ...network, params: await balanced(network.params, found, { by }) };
  },
});

interface PruneOptions {
  readonly fraction: number;
  readonly by: "magnitude" | "lamp";
}

/** Sets a fraction of all weights to zero, those of the least scores over all layers, for good. */
export const prune = (options: PruneOptions): Change => ({
  isMove: false,
  apply(network) {
    const { params, mask } = pruned(network.params, options);
    return { ...network, params, mask };
  },
});
