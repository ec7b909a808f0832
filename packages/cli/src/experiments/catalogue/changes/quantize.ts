import { fakeQuantize } from "isoloss/nn";
import type { Change } from "./network.js";
import { withWeights } from "./weights.js";

export interface QuantizeOptions {
  readonly bits: number;
  readonly granularity: "tensor" | "channel";
}

/** Weights as integers of few bits in every evaluation and every step, with straight-through gradients. */
export const quantize = ({ bits, granularity }: QuantizeOptions): Change => ({
  isMove: false,
  apply: (network) => ({
    ...network,
    model: withWeights(network.model, (weight) =>
      fakeQuantize(weight, { bits, ...(granularity === "channel" ? { axis: 0 } : {}) }),
    ),
  }),
});
