import { compareTimes } from "isoloss-onnx";
import { Builder } from "isoloss-test-support/model-file/builder";
import { expect, it } from "vitest";

/** A convolution of so many channels, so often. */
function file(channels: number): Uint8Array {
  const b = new Builder();
  const wide = b.conv("x", 3, channels, { size: 3 });
  return b.bytes(["batch", 3, "height", "width"], b.conv(wide, channels, channels, { size: 3 }));
}

it("says by how much a file is faster than another, from runs in turns", async () => {
  const { before, after, ratio, quartiles } = await compareTimes(file(64), file(8), {
    sizes: { height: 24, width: 24 },
  });
  // 64 times the multiply-adds in the second convolution.
  expect(ratio).toBeLessThan(0.6);
  expect(after).toBeLessThan(before);
  expect(quartiles[0]).toBeLessThanOrEqual(ratio);
  expect(quartiles[1]).toBeGreaterThanOrEqual(ratio);
});

it("refuses inputs that the files do not have", async () => {
  await expect(compareTimes(file(2), file(2), { inputs: {} })).rejects.toThrow('"x" is missing');
  await expect(compareTimes(file(2), file(2), { sizes: { depth: 3 } })).rejects.toThrow(
    'compareTimes: sizes has "depth"',
  );
});
