// Settings of quantized files, by how exactly runtimes agree on the integers.
import type { QdqSettings } from "../../src/quantize/write-qdq.js";

export type Settings = Omit<QdqSettings, "leave">;

/** Pairs of products fit 16 bits, or the kernel adds them in 32. */
export const exact = {
  "8 by 8 bits without signs": { weights: { bits: 8, per: "channel", type: "uint8" }, activations: "uint8" },
  "weights of 7 bits": { weights: { bits: 8, per: "channel", reduceRange: true }, activations: "uint8" },
  "weights of 7 bits per tensor": {
    weights: { bits: 8, per: "tensor", reduceRange: true },
    activations: "uint8",
  },
} satisfies Record<string, Settings>;

/** Some processors round sums of two products to 16 bits. */
export const close = {
  "weights of 8 bits": { weights: { bits: 8, per: "channel" }, activations: "uint8" },
  "activations with signs": { weights: { bits: 8, per: "channel" }, activations: "int8" },
} satisfies Record<string, Settings>;
