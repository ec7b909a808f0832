// Quantized files computed by ONNX Runtime's kernels on integers, by plain loops, and by the JavaScript runtime.

import { decodeModel } from "isoloss/onnx";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import {
  normal,
  optimizedGraph,
  rangesOf,
  showingIntegers,
  writtenQdq,
} from "isoloss-test-support/compress/quantize/support";
import { runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { close, exact, type Settings } from "./integer-cases.js";
import { simulated } from "./simulate.js";

async function compared(bytes: Uint8Array, shape: readonly number[], settings: Settings) {
  const ranges = await rangesOf(bytes, { x: normal(2, [16, ...shape]) });
  const dtype = settings.activations === "int8" ? "int8" : "uint8";
  const file = showingIntegers(writtenQdq(bytes, ranges, { ...settings, leave: new Set() }).bytes, dtype);
  // To show the integers must not change what runs.
  const kernels = (await optimizedGraph(file.bytes)).nodes.map(({ opType }) => opType);
  for (const name of ["Conv", "Gemm", "MatMul", "Add"]) expect(kernels).not.toContain(name);
  const x = normal(3, [8, ...shape]);
  const ends = dtype === "int8" ? ([-128, 127] as const) : ([0, 255] as const);
  const own = simulated(decodeModel(file.bytes), { shape: x.shape, data: [...x.data].map(Number) }, ends);
  const theirs = await runOrt(file.bytes, { x });
  return file.integers.map((name) => {
    const expected = own.get(name)?.data ?? [];
    const steps = expected.map((q, i) => Math.abs(Number(theirs[name].data[i]) - q));
    return { name, largest: Math.max(...steps), count: steps.filter((s) => s > 0).length };
  });
}

describe.each(sampledRows(Object.entries(networks)))("%s", (_, { bytes, shape }) => {
  it.each(Object.entries(exact))("%s: the runtime has the integers of plain loops", async (_, settings) => {
    for (const row of await compared(bytes({ seed: 1 }), shape, settings)) {
      expect(row).toEqual({ name: row.name, largest: 0, count: 0 });
    }
  });

  it.each(Object.entries(close))("%s: the integers differ by one at most", async (_, settings) => {
    for (const { largest } of await compared(bytes({ seed: 1 }), shape, settings)) {
      expect(largest).toBeLessThanOrEqual(1);
    }
  });

  it("the file computes the same in JavaScript", async () => {
    const file = bytes({ seed: 1 });
    const ranges = await rangesOf(file, { x: normal(2, [16, ...shape]) });
    const settings = { ...exact["weights of 7 bits"], leave: new Set<string>() };
    const { bytes: quantized } = writtenQdq(file, ranges, settings);
    const inputs = { x: normal(3, [8, ...shape]) };
    const [ours, theirs] = [runImported(quantized, inputs), await runOrt(quantized, inputs)];
    const differences = [...theirs.y.data].map((y, i) => Math.abs(Number(y) - Number(ours.y.data[i])));
    expect(Math.max(...differences)).toBeLessThan(1e-5);
  });
});
