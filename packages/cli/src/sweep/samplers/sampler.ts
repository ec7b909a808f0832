import type { SweepFile } from "../schema.js";
import { spaceOf } from "../space.js";
import type { Sampler } from "../types.js";
import { gridSampler } from "./grid.js";
import { randomSampler } from "./random.js";
import { sobolSampler } from "./sobol.js";

/**
 * The sampler of a sweep.
 *
 * @throws OptionError for more parameters than Sobol's sequence has dimensions, and for a grid of too many points
 */
export function samplerOf({
  method,
  parameters,
  seed,
  order,
}: Pick<SweepFile, "method" | "parameters" | "seed" | "order">): Sampler {
  const space = spaceOf(parameters);
  switch (method) {
    case "grid":
      return gridSampler(space, { seed, order });
    case "random":
      return randomSampler(space, seed);
    case "sobol":
      return sobolSampler(space, seed);
  }
}
