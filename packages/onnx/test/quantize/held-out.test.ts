import { sizeOf } from "isoloss";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import { opened, smallNetwork } from "isoloss-test-support/model-file/builder";
import { expect, it } from "vitest";
import { dividedHeldOut, examplesIn, withHeldOut } from "../../src/quantize/examples.js";

it("holds out half of the examples, also of the first ones: a file may be sorted by class", () => {
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
  expect(judged).toHaveLength(16);
  for (const k of [0, 1]) expect(Math.min(...judged.filter((n) => n >= 16 * k))).toBeLessThan(16 * k + 12);
  expect(withHeldOut(opened(bytes), numbered)).toEqual(examples);
});

it("calibrates on at most 64 large examples, and on more small ones", () => {
  const counts = (bytes: Uint8Array, shape: readonly number[], total: number) => {
    const halves = [0, 1].map(() => ({
      x: { shape: [total / 2, ...shape], data: new Float32Array((total / 2) * sizeOf(shape)) },
    }));
    const { calibration, heldOut } = withHeldOut(opened(bytes), halves);
    return [calibration, heldOut].map(examplesIn);
  };
  expect(counts(smallNetwork(), [3, 128, 128], 100)).toEqual([50, 50]);
  expect(counts(smallNetwork(), [3, 128, 128], 200)).toEqual([64, 136]);
  expect(counts(smallNetwork(), [3, 8, 8], 400)).toEqual([200, 200]);
});

it("chooses by a share of each batch, which a larger share has, too, and judges by the others", () => {
  const numbered = [0, 1].map((k) => ({
    x: { shape: [20, 1, 1, 1], data: Float32Array.from({ length: 20 }, (_, e) => 20 * k + e) },
  }));
  const divided = (share: number) => {
    const parts = dividedHeldOut(opened(smallNetwork()), numbered, share);
    return [parts?.choosing, parts?.judging].map((own = []) => own.flatMap(({ x: { data } }) => [...data]));
  };
  const [[few, others], [half, rest]] = [16 / 40, 0.5].map(divided);
  expect([few.length, others.length, half.length, rest.length]).toEqual([16, 24, 20, 20]);
  expect(half).toEqual(expect.arrayContaining(few));
  for (const all of [
    [...few, ...others],
    [...half, ...rest],
  ]) {
    expect(all.map(Number).sort((a, b) => a - b)).toEqual([...Array(40).keys()]);
  }
});
