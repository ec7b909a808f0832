import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { digits } from "../../src/data/digits.js";

// All figures were computed from scikit-learn 1.4.2's digits.csv.gz with Python.

const { images, labels, classes } = digits();
const counts = Uint8Array.from(images.data, (x) => 16 * x);

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("digits", () => {
  it("has 1797 images of 64 pixels and as many labels", () => {
    expect(images.shape).toEqual([1797, 64]);
    expect(images.data).toBeInstanceOf(Float32Array);
    expect(labels.shape).toEqual([1797]);
    expect(labels.data).toBeInstanceOf(BigInt64Array);
    expect(classes).toBe(10);
  });

  it("has the first and last image of the source", () => {
    expect(Array.from(counts.subarray(0, 64))).toEqual([
      0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0, 0, 3, 15, 2, 0, 11, 8, 0, 0, 4, 12, 0, 0, 8, 8, 0,
      0, 5, 8, 0, 0, 9, 8, 0, 0, 4, 11, 0, 1, 12, 7, 0, 0, 2, 14, 5, 10, 12, 0, 0, 0, 0, 6, 13, 10, 0, 0, 0,
    ]);
    expect(Array.from(counts.subarray(1796 * 64))).toEqual([
      0, 0, 10, 14, 8, 1, 0, 0, 0, 2, 16, 14, 6, 1, 0, 0, 0, 0, 15, 15, 8, 15, 0, 0, 0, 0, 5, 16, 16, 10, 0,
      0, 0, 0, 12, 15, 15, 12, 0, 0, 0, 4, 16, 6, 4, 16, 6, 0, 0, 8, 16, 10, 8, 16, 8, 0, 0, 1, 8, 12, 14, 12,
      1, 0,
    ]);
  });

  it("has the column sums of the source", () => {
    const sums = Array.from({ length: 64 }, (_, j) =>
      counts.reduce((sum, v, at) => (at % 64 === j ? sum + v : sum), 0),
    );
    expect(sums).toEqual([
      0, 546, 9353, 21269, 21291, 10390, 2448, 233, 10, 3583, 18657, 21527, 18472, 14692, 3318, 194, 5, 4675,
      17796, 12566, 12755, 14028, 3214, 90, 2, 4438, 16337, 15852, 17839, 13570, 4165, 4, 0, 4204, 13778,
      16302, 18512, 15713, 5228, 0, 16, 2846, 12366, 12989, 13787, 14801, 6211, 49, 13, 1266, 13490, 17142,
      16921, 15739, 6694, 371, 1, 502, 9987, 21724, 21221, 12155, 3716, 655,
    ]);
  });

  it("equals the source in every pixel and label", () => {
    expect(sha256(counts)).toBe("8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3");
    expect(sha256(Uint8Array.from(labels.data, Number))).toBe(
      "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0",
    );
    const perClass = new Array(10).fill(0);
    for (const label of labels.data) perClass[Number(label)]++;
    expect(perClass).toEqual([178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
  });

  it("scales pixels to [0, 1] without rounding", () => {
    expect(images.data.every((x) => x >= 0 && x <= 1 && Number.isInteger(16 * x))).toBe(true);
    expect(images.data.includes(1)).toBe(true);
  });

  it("gives arrays that a caller may change", () => {
    digits().images.data.fill(7);
    expect(digits().images.data[2]).toBe(5 / 16);
  });
});
