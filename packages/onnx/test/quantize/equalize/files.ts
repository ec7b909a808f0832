// Images to calibrate with, and a check of files that are moved.

import { sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import { compareModels, equalizeForQuantization, withParams } from "isoloss-onnx";
import { expect } from "vitest";
import { randomFile } from "../../model-file/random-file.js";

export function images(count: number, shape: readonly number[], seed = 0) {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => ({
    x: { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()) },
  }));
}

/** A random file keeps its function to rounding where bounds are kept. */
export async function keepsItsFunction(seed: number): Promise<void> {
  const before = randomFile(seed);
  for (const bounds of ["lifted", "exact"] as const) {
    const { bytes, prepared, candidates, kept } = await equalizeForQuantization(
      before,
      images(3, [4, 4, 8, 8]),
      { bounds, runtime: "javascript" },
    );
    const { largest } = await compareModels(before, bytes, { sizes: { height: 8, width: 8 } });
    expect(largest).toBeLessThan(1e-4);
    const own = candidates.find(({ name }) => name === kept);
    expect(withParams(prepared, own?.params ?? {})).toEqual(bytes);
  }
}
