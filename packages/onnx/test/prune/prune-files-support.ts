// Pruned ONNX files: run by ONNX Runtime as they are written, and against files with zeros in the place of units.

import type { NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { expect } from "vitest";

export const image = (channels: number, side = 8): NdArray => {
  const rng = createRng(5);
  const data = Float32Array.from({ length: 2 * channels * side * side }, () => rng.normal());
  return { shape: [2, channels, side, side], data };
};

/** ONNX Runtime reads the file and gets what the library does. */
export async function expectRuns(bytes: Uint8Array, x: NdArray) {
  const [{ y }, own] = [await runOrt(bytes, { x }), runImported(bytes, { x })];
  expect(y.shape).toEqual(own.y.shape);
  const scale = Math.max(...Array.from(y.data as Float32Array, Math.abs));
  for (const [i, v] of Array.from(y.data as Float32Array).entries()) {
    expect(Math.abs(v - Number(own.y.data[i]))).toBeLessThanOrEqual(1e-4 * scale);
  }
}
