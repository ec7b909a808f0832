// The model on 8-bit integers: what can be chosen, and the measured error of each. Loaded when it is asked for.
import { fromOnnx, type QuantizationChoice, quantizeModel } from "isoloss-onnx";
import { drawnBatches } from "./random-batch.js";
import type { Sizes } from "./sizes.js";

/** A choice and its error on inputs that it was not made for. */
export type QuantizedRow = Pick<
  QuantizationChoice,
  "candidate" | "granularity" | "activations" | "isBiasCorrected" | "sqnr" | "agreement" | "bytes"
>;

export interface Quantized {
  readonly bytes: Uint8Array;
  readonly table: readonly QuantizedRow[];
  /** Place of the recommended row. */
  readonly recommended: number;
  /** What was not tried, and why. */
  readonly skipped: readonly string[];
}

/** Batches for calibration and, in the end, for judging. */
const batches = [6, 8] as const;

/** Seconds after which nothing more is begun. */
const budget = 60;

export async function quantized(
  bytes: Uint8Array,
  sizes: Sizes,
  seed: number,
  onProgress: (next: string) => void,
): Promise<Quantized> {
  const drawn = drawnBatches(fromOnnx(bytes).inputs, sizes, seed);
  const result = await quantizeModel(bytes, {
    calibration: drawn(0, batches[0]),
    heldOut: drawn(batches[0], batches[1]),
    runtime: "javascript",
    // Random inputs say nothing of what layers multiply.
    compensate: false,
    budget,
    onProgress: ({ next }) => onProgress(next),
  });
  return {
    bytes: result.bytes,
    table: result.table.map(
      ({
        candidate,
        granularity,
        activations,
        isBiasCorrected,
        sqnr,
        agreement,
        bytes: size,
      }): QuantizedRow => ({
        candidate,
        granularity,
        activations,
        isBiasCorrected,
        sqnr,
        agreement,
        bytes: size,
      }),
    ),
    recommended: result.table.indexOf(result.recommended),
    skipped: result.skipped,
  };
}
