import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Batch, DataError } from "isoloss";
import { type DataStream, decodeNpy, readEpoch } from "isoloss/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyBenchmark, writeSample } from "../../src/node/benchmarks.js";
import { loadCityscapes, loadNyuv2 } from "../../src/node/dense.js";
import { bitsOf, valuesOf } from "./support.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-dense-"));
const [cityscapes, nyuv2] = ["cityscapes", "nyuv2"].map((name) => join(root, name));
beforeAll(async () => {
  await writeSample("cityscapes", cityscapes, { examples: 5 });
  await writeSample("nyuv2", nyuv2, { examples: 2 });
});
afterAll(() => rmSync(root, { recursive: true }));

async function partsOf(stream: DataStream<Batch>, seed: number, epoch: number): Promise<Batch[]> {
  const parts: Batch[] = [];
  for await (const part of stream.batches(seed, epoch)) parts.push(part);
  return parts;
}

describe("loadCityscapes", () => {
  it("reads maps of all forms of .npy as the arrays that formulas and numpy's layout give", async () => {
    const { test, classes, size } = await loadCityscapes(cityscapes, { isWhole: false });
    expect([classes, size, test.length]).toEqual([7, [32, 64], 5]);
    const { image, semantic, depth } = await readEpoch(test);
    expect(image.shape).toEqual([5, 3, 32, 64]);
    expect([semantic.shape, semantic.data.constructor]).toEqual([[5, 32, 64], BigInt64Array]);
    expect(depth.shape).toEqual([5, 1, 32, 64]);
    const places = Array.from({ length: 5 * 32 * 64 }, (_, i) => [
      Math.floor(i / 2048),
      Math.floor(i / 64) % 32,
      i % 64,
    ]);
    expect(valuesOf(semantic)).toEqual(
      places.map(([n, y, x]) => (y < 2 ? -1 : (Math.floor((7 * x) / 64) + n) % 7)),
    );
    expect(valuesOf(depth)).toEqual(
      places.map(([, y, x]) => (y < 4 ? 0 : Math.fround(0.1 + (0.3 * (64 * y + x)) / 2047))),
    );
    // A file in C order by numpy's rules: channels last.
    const plain = decodeNpy(readFileSync(join(cityscapes, "val/image/3.npy")));
    expect(image.data[((3 * 3 + 2) * 32 + 7) * 64 + 9]).toBe(plain.data[(7 * 64 + 9) * 3 + 2]);
    // And the first one in Fortran order, of the formula.
    // Column 33 is of class 3; saturation is 0.15 + 0.15 * 33 / 64, and green is a third of a turn on.
    const hue = Math.sin(2 * Math.PI * (3 / 7 + 1 / 3));
    const wave = Math.sin(1.7 + (16 * 20) / 32 + (74 * 33) / 64);
    expect(image.data[((0 * 3 + 1) * 32 + 20) * 64 + 33]).toBe(
      Math.fround(0.35 + (0.3 * 20) / 32 + (0.15 + (0.15 * 33) / 64) * hue + 0.005 * wave),
    );
  });

  it("gives the same parts to the bit by seed and epoch, in any size of parts, and others in the next epoch", async () => {
    const { train } = await loadCityscapes(cityscapes, { isWhole: false, partSize: 2 });
    const again = await loadCityscapes(cityscapes, { isWhole: false, partSize: 3, keep: true });
    const bits = async (stream: DataStream<Batch>, seed: number, epoch: number) =>
      bitsOf(await readEpoch(stream, seed, epoch));
    const whole = await bits(train, 7, 1);
    expect(await bits(again.train, 7, 1)).toEqual(whole);
    expect(await bits(again.train, 7, 1)).toEqual(whole);
    expect((await partsOf(train, 7, 1)).map(({ image }) => image.shape[0])).toEqual([2, 2, 1]);
    expect(await bits(train, 7, 2)).not.toEqual(whole);
    expect(await bits(train, 8, 1)).not.toEqual(whole);
    // Another order and no change: the classes of the first example are among those of the epoch.
    const plain = await loadCityscapes(cityscapes, { isWhole: false, augment: false });
    const sums = async (seed: number) =>
      (await partsOf(plain.train, seed, 0)).flatMap(({ image }) =>
        Array.from({ length: image.shape[0] }, (_, n) =>
          valuesOf(image)
            .slice(n * 6144, (n + 1) * 6144)
            .reduce((a, b) => a + b, 0),
        ),
      );
    const [first, second] = [await sums(0), await sums(1)];
    expect(second).not.toEqual(first);
    expect(second.sort()).toEqual(first.sort());
  });

  it("reads one part ahead, and stops when nobody asks any more", async () => {
    const { train } = await loadCityscapes(cityscapes, { isWhole: false, partSize: 1 });
    for await (const { image } of train.batches(0, 0)) {
      expect(image.shape[0]).toBe(1);
      break;
    }
  });

  it("wants the published number of examples unless it may be a part", async () => {
    await expect(loadCityscapes(cityscapes)).rejects.toThrow(DataError);
    await expect(loadCityscapes(cityscapes)).rejects.toThrow(
      "CityScapes has 2975 train, 500 test; here are 5 train, 5 test.",
    );
  });
});

describe("loadNyuv2", () => {
  it("has normals with components as planes", async () => {
    const { test, classes } = await loadNyuv2(nyuv2, { isWhole: false });
    const { normal } = await readEpoch(test);
    expect([classes, normal.shape]).toEqual([13, [2, 3, 32, 64]]);
    const at = (c: number, y: number, x: number) => Number(normal.data[((1 * 3 + c) * 32 + y) * 64 + x]);
    const angle = ((Math.PI / 3) * 40) / 63;
    expect([at(0, 9, 40), at(1, 9, 40), at(2, 9, 40)]).toEqual(
      [Math.sin(angle), 0, Math.cos(angle)].map(Math.fround),
    );
    expect([at(0, 3, 40), at(2, 3, 40)]).toEqual([0, 0]);
  });
});

describe("verifyBenchmark", () => {
  it("reads everything, and says what is there", async () => {
    const seen: number[] = [];
    const { train, test } = await verifyBenchmark("nyuv2", nyuv2, {
      isWhole: false,
      onProgress: ({ examples }) => seen.push(examples),
    });
    expect(seen).toEqual([2, 2]);
    expect(test?.examples).toBe(2);
    expect(train?.arrays.semantic).toEqual({ shape: [32, 64], dtype: "int64", least: -1, largest: 12 });
    expect(train?.arrays.depth).toMatchObject({ shape: [1, 32, 64], dtype: "float32", least: 0, largest: 9 });
  });
});

describe("writeSample", () => {
  it("leaves a folder with files as it is", async () => {
    await expect(writeSample("cityscapes", nyuv2)).rejects.toThrow("is not empty");
  });
});
