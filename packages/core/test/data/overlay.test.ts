import { describe, expect, it } from "vitest";
import { array, ndarray } from "../../src/array.js";
import { attributesOf, digitAttributes } from "../../src/data/attributes.js";
import { digits } from "../../src/data/digits.js";
import { overlayImages } from "../../src/data/overlay.js";
import { nearestIndices, resizeImages } from "../../src/data/resize.js";
import { createRng } from "../../src/math/rng.js";

const imagesOf = (count: number, seed: number) => {
  const rng = createRng(seed);
  return {
    images: ndarray(
      Float32Array.from({ length: count * 784 }, () => rng.next()),
      [count, 784],
    ),
    labels: ndarray(
      BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
      [count],
    ),
  };
};

describe("overlaying images", () => {
  it("puts one at (0, 0), the other at (6, 6), the larger value where both are", () => {
    const [left, right] = [imagesOf(3, 1), imagesOf(5, 2)];
    const { x, left: l, right: r } = overlayImages(left, right, { seed: 3 });
    expect(x.shape).toEqual([3, 1, 28, 28]);
    expect([...l.data]).toEqual([0n, 1n, 2n]);
    for (let n = 0; n < 3; n++) {
      const canvas = new Float32Array(36 * 36);
      const partner = Number(r.data[n]);
      for (let i = 0; i < 28; i++) {
        for (let j = 0; j < 28; j++) canvas[36 * i + j] = left.images.data[784 * n + 28 * i + j];
      }
      for (let i = 0; i < 28; i++) {
        for (let j = 0; j < 28; j++) {
          const at = 36 * (i + 6) + j + 6;
          canvas[at] = Math.max(canvas[at], right.images.data[784 * partner + 28 * i + j]);
        }
      }
      for (const [i, j] of [
        [0, 0],
        [5, 20],
        [13, 13],
        [27, 27],
        [26, 3],
      ]) {
        const row = Math.floor(((i + 0.5) * 36) / 28);
        const column = Math.floor(((j + 0.5) * 36) / 28);
        expect(x.data[784 * n + 28 * i + j]).toBe(canvas[36 * row + column]);
      }
    }
  });

  it("leaves nothing of either where only the other is, and zeros in the last rows", () => {
    const ones = {
      images: ndarray(new Float32Array(784).fill(1), [1, 784]),
      labels: array([4], "int64") as never,
    };
    const twos = {
      images: ndarray(new Float32Array(784).fill(2), [1, 784]),
      labels: array([7], "int64") as never,
    };
    const { x, left, right } = overlayImages(ones, twos);
    const at = (i: number, j: number) => x.data[28 * i + j];
    expect([at(0, 0), at(4, 27), at(5, 5), at(26, 26), at(27, 27), at(27, 5)]).toEqual([1, 0, 2, 0, 0, 0]);
    expect([left.data[0], right.data[0]]).toEqual([4n, 7n]);
    expect(x.data.filter((v) => v === 2).length).toBe(21 * 21);
  });

  it("draws the same partners for the same seed, others for another, and repeats left images beyond their number", () => {
    const [left, right] = [imagesOf(40, 1), imagesOf(40, 2)];
    const first = overlayImages(left, right, { seed: 5 });
    expect(overlayImages(left, right, { seed: 5 }).right.data).toEqual(first.right.data);
    expect(overlayImages(left, right, { seed: 6 }).right.data).not.toEqual(first.right.data);
    const more = overlayImages(left, right, { seed: 5, count: 80 });
    expect([more.left.data[40], more.left.data[79]]).toEqual([0n, 39n]);
    expect(more.right.data.slice(40)).not.toEqual(more.right.data.slice(0, 40));
  });

  it("standardizes pixels", () => {
    const left = imagesOf(1, 1);
    const plain = overlayImages(left, left).x.data;
    const scaled = overlayImages(left, left, { mean: 0.5, deviation: 0.25 }).x.data;
    scaled.forEach((v, i) => {
      expect(v).toBeCloseTo((plain[i] - 0.5) / 0.25, 6);
    });
  });

  it("takes images of 28 x 28 only", () => {
    const { images, labels } = digits();
    expect(() => overlayImages({ images, labels }, imagesOf(2, 1))).toThrow(
      "images of 28 x 28 have 784 pixels; got an array of shape [1797, 64].",
    );
  });
});

describe("resizing", () => {
  it("keeps a constant and a linear ramp away from the border", () => {
    const ramp = Float32Array.from({ length: 64 }, (_, i) => 2 * Math.floor(i / 8) + (i % 8));
    const { data, shape } = resizeImages(ndarray(ramp, [1, 64]), { from: [8, 8], to: [28, 28] });
    expect(shape).toEqual([1, 784]);
    for (const [i, j] of [
      [5, 7],
      [14, 20],
      [25, 25],
    ]) {
      const [y, x] = [((i + 0.5) * 8) / 28 - 0.5, ((j + 0.5) * 8) / 28 - 0.5];
      expect(data[28 * i + j]).toBeCloseTo(2 * y + x, 5);
    }
    expect(data[0]).toBe(0);
    expect(data[783]).toBe(21);
  });

  it("takes the pixel under the center for the nearest one", () => {
    expect([...nearestIndices(36, 28)].slice(0, 8)).toEqual([0, 1, 3, 4, 5, 7, 8, 9]);
    expect(nearestIndices(36, 28)[27]).toBe(35);
  });
});

describe("attributes of digits", () => {
  it("answer every question by 1 or 0", () => {
    const labels = ndarray(
      BigInt64Array.from({ length: 10 }, (_, i) => BigInt(i)),
      [10],
    );
    const answers = attributesOf(labels);
    expect([...answers.even.data]).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect([...answers.prime.data]).toEqual([0, 0, 1, 1, 0, 1, 0, 1, 0, 0]);
    expect([...answers["closed loop"].data]).toEqual([1, 0, 0, 0, 0, 0, 1, 0, 1, 1]);
    expect([...attributesOf(labels, { big: [8, 9] }).big.data]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
  });

  it("are no two the same question, nor its opposite", () => {
    const keys = Object.values(digitAttributes).flatMap((yes) => {
      const bits = Array.from({ length: 10 }, (_, d) => ((yes as readonly number[]).includes(d) ? 1 : 0));
      return [bits.join(""), bits.map((b) => 1 - b).join("")];
    });
    expect(new Set(keys).size).toBe(16);
  });
});
