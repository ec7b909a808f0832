// The model in float16: how large its values are before and after, and the measured error. Loaded when it is asked for.
import { fromOnnx, type HalfFile, toHalf, type ValueChange } from "isoloss-onnx";
import { drawnBatches } from "./random-batch.js";
import type { Sizes } from "./sizes.js";

/** A file of float16, and its error with every result rounded on inputs that it was not made for. */
export interface HalfRow extends Pick<HalfFile, "range"> {
  readonly numbers: string;
  /** Values inside the model above 65504. */
  readonly overflows: number;
  readonly sqnr: number;
  readonly bytes: number;
}

export interface Halved {
  readonly bytes: Uint8Array;
  readonly values: readonly ValueChange[];
  /** The saved file first. */
  readonly table: readonly HalfRow[];
}

export async function halved(bytes: Uint8Array, sizes: Sizes, seed: number): Promise<Halved> {
  const drawn = drawnBatches(fromOnnx(bytes).inputs, sizes, seed);
  // Which operators could stay float32 takes hundreds of runs.
  const half = await toHalf(bytes, {
    calibration: drawn(0, 2),
    heldOut: drawn(2, 2),
    sizes,
    rescue: "fuse",
  });
  return {
    bytes: half.bytes,
    values: half.values,
    table: half.files.map(({ moved, fused, activations, range, error, bytes: { length } }) => ({
      numbers: `${moved === 0 ? "as it is" : "moved"}${fused.length === 0 ? "" : ", norms fused"}`,
      range,
      overflows: activations.overflows,
      sqnr: error.sqnr,
      bytes: length,
    })),
  };
}
