import { createRng } from "isoloss/data";
import type { Space } from "../space.js";
import type { Sampler } from "../types.js";

/** Numbers for a trial, which depend on the sweep's seed and the trial's number alone. */
const rngOf = (seed: number, trial: number) => createRng(seed).fork("sampler").fork(trial);

/** Each trial is uniform in the space (J. Bergstra and Y. Bengio, JMLR 13, 2012). */
export function randomSampler(space: Space, seed: number): Sampler {
  return {
    size: Number.POSITIVE_INFINITY,
    ask(trial) {
      const rng = rngOf(seed, trial);
      return space.at(space.dimensions.map(() => rng.next()));
    },
  };
}
