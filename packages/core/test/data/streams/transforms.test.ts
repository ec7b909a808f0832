import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import type { Transform } from "../../../src/data/streams/mapped.js";
import { randomCrop } from "../../../src/data/transforms/crop.js";
import { cutout } from "../../../src/data/transforms/cutout.js";
import { randomFlip } from "../../../src/data/transforms/flip.js";
import { mixup } from "../../../src/data/transforms/mixup.js";
import { normalize } from "../../../src/data/transforms/normalize.js";
import { randomRotation } from "../../../src/data/transforms/rotation.js";
import { createRng } from "../../../src/math/rng.js";

const [count, channels, height, width] = [24, 2, 4, 5];
const random = createRng(1);
const inputs = ndarray(
  Float64Array.from({ length: count * channels * height * width }, () => 1 + random.next()),
  [count, channels, height, width],
);
const labels = ndarray(
  BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 3)),
  [count],
);
const data = { inputs, labels };

const rngOf = (example: number) => createRng(7).fork(example);
const changed = (transform: Transform, part: object = data) =>
  transform.apply(part, rngOf) as { inputs: NdArray; labels: NdArray };

/** A pixel, 0 outside. */
const pixel = ({ data: values }: NdArray, [n, c, y, x]: readonly number[]) =>
  y < 0 || y >= height || x < 0 || x >= width
    ? 0
    : Number(values[((n * channels + c) * height + y) * width + x]);

/** Every pixel of an image is that of a function of its place. */
function expectImage(a: NdArray, n: number, of: (c: number, y: number, x: number) => number): boolean {
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (Math.abs(pixel(a, [n, c, y, x]) - of(c, y, x)) > 1e-12) return false;
  return true;
}
const images = Array.from({ length: count }, (_, n) => n);

describe("a transform of images", () => {
  it("flips about half of them", () => {
    for (const direction of ["horizontal", "vertical"] as const) {
      const { inputs: out } = changed(randomFlip({ direction }));
      const flipped = images.filter((n) =>
        expectImage(out, n, (c, y, x) =>
          pixel(inputs, direction === "horizontal" ? [n, c, y, width - 1 - x] : [n, c, height - 1 - y, x]),
        ),
      );
      const same = images.filter((n) => expectImage(out, n, (c, y, x) => pixel(inputs, [n, c, y, x])));
      expect(flipped.length + same.length).toBe(count);
      expect(Math.min(flipped.length, same.length)).toBeGreaterThan(5);
      expect(flipped).toEqual(images.filter((n) => rngOf(n).next() < 0.5));
    }
    expect(changed(randomFlip({ probability: 0 })).inputs.data).toEqual(inputs.data);
  });

  it("crops them out of a frame of zeros, by every shift", () => {
    const { inputs: out } = changed(randomCrop({ padding: 1 }));
    const shifts = images.map((n) => {
      const all = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx] as const));
      return all.filter(([dy, dx]) =>
        expectImage(out, n, (c, y, x) => pixel(inputs, [n, c, y + dy, x + dx])),
      );
    });
    for (const found of shifts) expect(found).toHaveLength(1);
    expect(new Set(shifts.map(String)).size).toBeGreaterThan(5);
  });

  it("rotates them about the center, bilinearly", () => {
    const { inputs: out } = changed(randomRotation({ degrees: 40 }));
    for (const n of images) {
      const angle = ((2 * rngOf(n).next() - 1) * 40 * Math.PI) / 180;
      const isSame = expectImage(out, n, (c, y, x) => {
        // Inverse rotation of the place, and a tent over all pixels.
        const [a, b] = [y - (height - 1) / 2, x - (width - 1) / 2];
        const v = (height - 1) / 2 + a * Math.cos(angle) - b * Math.sin(angle);
        const u = (width - 1) / 2 + a * Math.sin(angle) + b * Math.cos(angle);
        let sum = 0;
        for (let j = 0; j < height; j++)
          for (let i = 0; i < width; i++) {
            sum +=
              Math.max(0, 1 - Math.abs(v - j)) *
              Math.max(0, 1 - Math.abs(u - i)) *
              pixel(inputs, [n, c, j, i]);
          }
        return sum;
      });
      expect(isSame).toBe(true);
    }
  });

  it("cuts a square out", () => {
    const { inputs: out } = changed(cutout({ size: 2 }));
    for (const n of images) {
      const squares = Array.from({ length: height * width }, (_, i) => [
        Math.floor(i / width),
        i % width,
      ]).filter(([cy, cx]) =>
        expectImage(out, n, (c, y, x) =>
          y >= cy - 1 && y < cy + 1 && x >= cx - 1 && x < cx + 1 ? 0 : pixel(inputs, [n, c, y, x]),
        ),
      );
      expect(squares).toHaveLength(1);
    }
  });

  it("normalizes them by channel", () => {
    const { inputs: out } = changed(normalize({ mean: [1, 2], std: [3, 0.5] }));
    for (const n of images) {
      expect(expectImage(out, n, (c, y, x) => (pixel(inputs, [n, c, y, x]) - [1, 2][c]) / [3, 0.5][c])).toBe(
        true,
      );
    }
    const plain = { inputs: ndarray(Float32Array.of(1, 2, 3, 4), [4]), labels };
    expect(changed(normalize({ mean: 1, std: 2 }), plain).inputs.data).toEqual(
      Float32Array.of(0, 0.5, 1, 1.5),
    );
  });

  it("refuses what it cannot change", () => {
    const flat = { inputs: ndarray(new Float32Array(8), [2, 4]), labels };
    expect(() => changed(randomFlip(), flat)).toThrow("takes images [n, channels, height, width]");
    expect(() => changed(randomFlip(), { x: inputs })).toThrow("The parts have x: name one with { array }");
    expect(() => changed(normalize({ mean: [1, 2, 3], std: 1 }))).toThrow("3 numbers for the 2 channels");
    expect(() => randomCrop({ padding: 0 })).toThrow("padding must be an integer >= 1");
    expect(() => mixup({ alpha: 5 })).toThrow("alpha must be a number in (0, 4]");
    expect(() => changed(mixup())).toThrow("mixup({ classes: 10 })");
    expect(() => changed(mixup({ classes: 2 }))).toThrow("labels must be classes in 0..1; got 2");
  });
});

describe("mixup", () => {
  it("mixes each example and its label with the next one, by fractions of a beta distribution", () => {
    const { inputs: x, labels: y } = changed(mixup({ classes: 3, alpha: 1 }));
    expect(y.shape).toEqual([count, 3]);
    const fractions = images.map((n) => {
      const own = Number(y.data[n * 3 + (n % 3)]);
      const next = (n + 1) % count;
      expect(Number(y.data[n * 3 + (next % 3)])).toBeCloseTo(1 - own, 12);
      expect(
        expectImage(
          x,
          n,
          (c, v, u) => own * pixel(inputs, [n, c, v, u]) + (1 - own) * pixel(inputs, [next, c, v, u]),
        ),
      ).toBe(true);
      return own;
    });
    expect(new Set(fractions).size).toBe(count);
  });

  it("draws them with the mean and variance of Beta(alpha, alpha)", () => {
    const n = 4000;
    const pair = {
      inputs: ndarray(new Float64Array(n), [n]),
      labels: ndarray(
        Float64Array.from({ length: n }, (_, i) => i % 2),
        [n],
      ),
    };
    for (const alpha of [0.2, 2]) {
      const { data: y } = changed(mixup({ alpha }), pair).labels;
      const fractions = Array.from(y as Float64Array, (v, i) => (i % 2 === 1 ? v : 1 - v));
      const mean = fractions.reduce((a, b) => a + b, 0) / n;
      const variance = fractions.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
      expect(mean).toBeCloseTo(0.5, 1);
      // 1 / (4 (2 alpha + 1))
      expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1);
    }
  });
});
