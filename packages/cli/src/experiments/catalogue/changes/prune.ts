import { pruned } from "isoloss/moves";
import type { Change } from "./network.js";

export interface PruneOptions {
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
