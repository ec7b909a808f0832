import { networks } from "isoloss-test-support/compress/quantize/networks";
import { opened } from "isoloss-test-support/model-file/builder";
import { expect, it } from "vitest";
import { withHeldOut } from "../../src/quantize/examples.js";

it("holds out a quarter of the examples, also of the first ones: a file may be sorted by class", () => {
  const bytes = networks.plain.bytes();
  const numbered = [0, 1].map((k) => ({
    x: {
      shape: [16, 3, 8, 8],
      data: Float32Array.from({ length: 16 * 192 }, (_, e) => 16 * k + Math.floor(e / 192)),
    },
  }));
  const examples = withHeldOut(opened(bytes), numbered);
  const [kept, judged] = [examples.calibration, examples.heldOut].map((batches) =>
    batches.flatMap(({ x: { data } }) => Array.from(data, Number).filter((_, e) => e % 192 === 0)),
  );
  expect([...kept, ...judged].sort((a, b) => a - b)).toEqual([...Array(32).keys()]);
  expect(judged).toHaveLength(8);
  for (const k of [0, 1]) expect(Math.min(...judged.filter((n) => n >= 16 * k))).toBeLessThan(16 * k + 12);
  expect(withHeldOut(opened(bytes), numbered)).toEqual(examples);
});
