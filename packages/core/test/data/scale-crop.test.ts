import { describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../src/array.js";
import { takeRows } from "../../src/data/batches.js";
import { drawScaleCrop, type MapKind, scaleCropFlip } from "../../src/data/transforms/scale-crop.js";
import { OptionError, ShapeError } from "../../src/errors.js";

const [height, width, count] = [12, 18, 8];
const plane = (f: (i: number) => number, channels: number): NdArray =>
  ndarray(
    Float32Array.from({ length: count * channels * height * width }, (_, i) => f(i)),
    [count, channels, height, width],
  );
const part = {
  image: plane((i) => Math.sin(i * 0.37) ** 2, 3),
  semantic: ndarray(
    BigInt64Array.from({ length: count * height * width }, (_, i) => BigInt((i * 7) % 8) - 1n),
    [count, height, width],
  ),
  depth: plane((i) => (i % 5 === 0 ? 0 : 1 + (i % 11)), 1),
  normal: plane((i) => (i % 13 === 0 ? 0 : Math.cos(i)), 3),
};
const maps = { image: "image", semantic: "classes", depth: "depth", normal: "normal" } as const;
const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
const settings = { seed: 5, epoch: 2 };

/** The same of one example, by the words of the papers' programs: cut out, resized, mirrored. */
function plainly(a: NdArray, kind: MapKind, n: number, multiply = false): number[] {
  const change = drawScaleCrop([height, width], { ...settings, number: n });
  const planes = a.data.length / count / (height * width);
  const result: number[] = [];
  for (let c = 0; c < planes; c++) {
    const cut: number[][] = [];
    for (let y = 0; y < change.height; y++) {
      const from = ((n * planes + c) * height + change.top + y) * width + change.left;
      cut.push(Array.from(a.data.slice(from, from + change.width) as ArrayLike<number | bigint>, Number));
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const column = change.isMirrored ? width - 1 - x : x;
        let value: number;
        if (kind === "classes" || kind === "depth") {
          value = cut[Math.floor((y * change.height) / height)][Math.floor((column * change.width) / width)];
        } else {
          const down = (y * (change.height - 1)) / (height - 1);
          const over = (column * (change.width - 1)) / (width - 1);
          const at = (v: number, u: number) =>
            cut[Math.min(v, change.height - 1)][Math.min(u, change.width - 1)];
          const [v, u] = [Math.floor(down), Math.floor(over)];
          value =
            (1 - (down - v)) * ((1 - (over - u)) * at(v, u) + (over - u) * at(v, u + 1)) +
            (down - v) * ((1 - (over - u)) * at(v + 1, u) + (over - u) * at(v + 1, u + 1));
        }
        if (kind === "depth") value = multiply ? value * change.scale : value / change.scale;
        if (kind === "normal" && c === 0 && change.isMirrored) value = 0 - value;
        result.push(kind === "classes" ? value : Math.fround(value));
      }
    }
  }
  return result;
}

describe("scaleCropFlip", () => {
  const changed = scaleCropFlip(part, { maps, numbers, ...settings });

  it("is cutting out, resizing and mirroring, by plain loops", () => {
    const changes = numbers.map((number) => drawScaleCrop([height, width], { ...settings, number }));
    expect(new Set(changes.map(({ scale }) => scale))).toEqual(new Set([1, 1.2, 1.5]));
    expect(new Set(changes.map(({ isMirrored }) => isMirrored))).toEqual(new Set([false, true]));
    for (const [name, kind] of Object.entries(maps)) {
      const key = name as keyof typeof maps;
      expect(Array.from<number | bigint, number>(changed[key].data, Number)).toEqual(
        numbers.flatMap((n) => plainly(part[key], kind, n)),
      );
    }
    const multiplied = scaleCropFlip(part, { maps, numbers, ...settings, depthScale: "multiply" });
    expect(Array.from<number | bigint, number>(multiplied.depth.data, Number)).toEqual(
      numbers.flatMap((n) => plainly(part.depth, "depth", n, true)),
    );
  });

  it("depends on seed, epoch and the example's number alone, not on its place or its company", () => {
    const order = [5, 0, 7];
    const some = Object.fromEntries(
      Object.entries(part).map(([name, a]) => [name, takeRows(a as NdArray, order)]),
    );
    const again = scaleCropFlip(some, { maps, numbers: order, ...settings });
    for (const name of Object.keys(maps) as (keyof typeof maps)[]) {
      expect(again[name]).toEqual(takeRows(changed[name], order));
    }
    const other = scaleCropFlip(part, { maps, numbers, ...settings, epoch: 3 });
    expect(other.image).not.toEqual(changed.image);
  });

  it("draws scales alike, windows anywhere inside, and mirrors half", () => {
    const size = [128, 256] as const;
    const draws = Array.from({ length: 3000 }, (_, number) =>
      drawScaleCrop(size, { seed: 1, epoch: 0, number }),
    );
    for (const [scale, h, w] of [
      [1, 128, 256],
      [1.2, 106, 213],
      [1.5, 85, 170],
    ]) {
      const own = draws.filter((draw) => draw.scale === scale);
      expect(own.length).toBeGreaterThan(900);
      expect(own.every((draw) => draw.height === h && draw.width === w)).toBe(true);
      expect(Math.min(...own.map(({ top }) => top))).toBe(0);
      expect(Math.max(...own.map(({ top }) => top))).toBe(128 - h);
      expect(Math.max(...own.map(({ left }) => left))).toBe(256 - w);
    }
    const mirrored = draws.filter(({ isMirrored }) => isMirrored).length;
    // Three standard deviations of a fair coin.
    expect(Math.abs(mirrored - 1500)).toBeLessThan(83);
    expect(
      drawScaleCrop([288, 384], { seed: 1, epoch: 0, number: draws.findIndex(({ scale }) => scale === 1.2) }),
    ).toMatchObject({ height: 240, width: 320 });
  });

  it("takes the pixels and weights of the papers' programs", () => {
    // Windows of two thirds of the side: 4 to 6, 8 to 12 and 3 to 5 pixels.
    const enlarged = (side: number, kind: MapKind) => {
      const one = Array.from({ length: 200 }, (_, number) => number).find((number) => {
        const { scale, isMirrored } = drawScaleCrop([side, side], { seed: 0, epoch: 0, number });
        return scale === 1.5 && !isMirrored;
      }) as number;
      const { left } = drawScaleCrop([side, side], { seed: 0, epoch: 0, number: one });
      const data = Float32Array.from({ length: side * side }, (_, i) => i % side);
      const shape = kind === "classes" ? [1, side, side] : [1, 1, side, side];
      const { x } = scaleCropFlip({ x: ndarray(data, shape) }, { maps: { x: kind }, numbers: [one] });
      return Array.from(x.data.subarray(0, side) as Float32Array, (value) => value - left);
    };
    expect(enlarged(6, "classes")).toEqual([0, 0, 1, 2, 2, 3]);
    expect(enlarged(12, "classes")).toEqual([0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7]);
    expect(enlarged(5, "image")).toEqual([0, 0.5, 1, 1.5, 2]);
  });

  it("says which map does not fit", () => {
    const wrong =
      (given: object, kinds: Readonly<Record<string, MapKind>> = maps) =>
      () =>
        scaleCropFlip({ ...part, ...given }, { maps: kinds, numbers });
    expect(wrong({ depth: array([[1]]) })).toThrow(ShapeError);
    expect(wrong({ depth: array([[1]]) })).toThrow('"depth" must be [8, channels, 12, 18]; got [1, 1]');
    expect(wrong({ normal: part.depth })).toThrow('"normal" must be [8, 3, 12, 18]');
    expect(wrong({}, { heat: "image" })).toThrow(OptionError);
    expect(wrong({}, { heat: "image" })).toThrow('maps names "heat"; the part has image, semantic');
  });
});

it("scales maps of a single row", () => {
  const row = {
    x: ndarray(Float32Array.of(1, 2, 3, 4), [1, 1, 1, 4]),
    y: ndarray(BigInt64Array.of(1n, 2n, 3n, 4n), [1, 1, 4]),
  };
  for (let n = 0; n < 20; n++) {
    const { x, y } = scaleCropFlip(row, { maps: { x: "image", y: "classes" }, numbers: [n] });
    for (const value of [...x.data, ...y.data].map(Number)) {
      expect(value).toBeGreaterThanOrEqual(1);
      expect(value).toBeLessThanOrEqual(4);
    }
  }
});

it("refuses a kind that maps do not have", () => {
  const image = array([[[[1, 2], [3, 4]]]]); // biome-ignore format: an image
  expect(() => scaleCropFlip({ image }, { maps: { image: "img" as never }, numbers: [0] })).toThrow(
    'maps must be kinds of maps by name (image, classes, depth, normal); got { image: "img" }',
  );
});
