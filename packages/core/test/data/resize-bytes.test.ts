// Expected numbers were computed with Pillow's own rule in exact integers; those of the ramp are of Pillow itself.
import { describe, expect, it } from "vitest";
import { resizeBytes } from "../../src/data/resize-bytes.js";
import { ShapeError } from "../../src/errors.js";

const row = (data: readonly number[], to: number) =>
  Array.from(
    resizeBytes({ width: data.length, height: 1, channels: 1, data: Uint8Array.from(data) }, [1, to]).data,
  );

describe("resizeBytes", () => {
  it("is Pillow's bilinear resizing", () => {
    expect(row([0, 10, 20, 30], 2)).toEqual([7, 23]);
    expect(row([0, 30], 4)).toEqual([0, 8, 23, 30]);
    expect(row([0, 50, 100, 150, 200], 3)).toEqual([21, 100, 179]);
    const [width, height] = [178, 218];
    const data = Uint8Array.from(
      { length: width * height },
      (_, i) => ((i % width) + Math.floor(i / width)) & 255,
    );
    const { data: small } = resizeBytes({ width, height, channels: 1, data }, [64, 64]);
    expect(Array.from(small.subarray(0, 8))).toEqual([3, 6, 8, 11, 14, 17, 20, 22]);
    expect(Array.from(small.subarray(-4))).toEqual([127, 130, 132, 135]);
    expect(small.reduce((a, b) => a + b, 0)).toBe(544_008);
  });

  it("treats every channel as an image of its own, and leaves out a side that stays", () => {
    const [width, height] = [7, 5];
    const gray = [0, 1, 2].map((c) =>
      Uint8Array.from({ length: width * height }, (_, i) => (i * (37 + c) + 91 * c) & 255),
    );
    const color = Uint8Array.from({ length: 3 * width * height }, (_, i) => gray[i % 3][Math.floor(i / 3)]);
    const { data } = resizeBytes({ width, height, channels: 3, data: color }, [8, 3]);
    gray.forEach((channel, c) => {
      const own = resizeBytes({ width, height, channels: 1, data: channel }, [8, 3]).data;
      expect(own).toEqual(data.filter((_, i) => i % 3 === c));
    });
    expect(resizeBytes({ width, height, channels: 3, data: color }, [height, width]).data).toEqual(color);
  });

  it("refuses an image of another number of bytes, and sizes without a pixel", () => {
    const image = { width: 2, height: 2, channels: 3, data: Uint8Array.of(1, 2, 3, 4) };
    expect(() => resizeBytes(image, [1, 1])).toThrow(ShapeError);
    expect(() => resizeBytes(image, [1, 1])).toThrow("an image of 2 x 2 with 3 channels has 12 bytes; got 4");
    expect(() => resizeBytes({ ...image, channels: 1 }, [0, 1])).toThrow("must be integers >= 1; got 0");
  });
});
