import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { array, DataError, OptionError } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { deflated } from "isoloss-test-support/data/npz-files";
import { jpegFile } from "isoloss-test-support/node/images/jpeg-file";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DataFile, readData } from "../../src/formats/read-data.js";

let folder: string;
const at = (name: string) => join(folder, name);

const png = (width: number, height: number, channels: 1 | 3, data: readonly number[]) =>
  encode({ width, height, channels, data: Uint8Array.from(data) });

const numbersOf = (file: DataFile): number[] =>
  file.kind === "one" ? Array.from<number | bigint, number>(file.array.data, Number) : [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "isoloss-data-"));
  for (const name of ["photos", "mixed", "wrong", "none"]) mkdirSync(at(name));
  writeFileSync(at("photos/b.png"), png(2, 1, 3, [255, 0, 51, 0, 51, 102]));
  writeFileSync(at("photos/a.PNG"), png(2, 1, 1, [0, 255]));
  writeFileSync(at("photos/notes.txt"), "not an image");
  writeFileSync(at("mixed/a.png"), png(2, 1, 1, [0, 255]));
  writeFileSync(at("mixed/b.jpg"), jpegFile);
  writeFileSync(at("wrong/a.png"), "GIF89a");
  writeFileSync(
    at("x.npy"),
    encodeNpy(
      array([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ),
  );
  writeFileSync(at("x.npz"), deflated());
  writeFileSync(at("cut.npy"), encodeNpy(array([1, 2])).subarray(0, 130));
  writeFileSync(at("text.npy"), "1, 2, 3");
  writeFileSync(at("empty.npy"), "");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("readData", () => {
  it("reads an array without a name, arrays by name, and only the first examples of them", async () => {
    expect(await readData(at("x.npy"))).toEqual({
      kind: "one",
      array: { shape: [3, 2], data: Float32Array.from([1, 2, 3, 4, 5, 6]) },
    });
    expect(await readData(at("x.npy"), { limit: 1 })).toEqual({
      kind: "one",
      array: { shape: [1, 2], data: Float32Array.from([1, 2]) },
      rows: 3,
    });
    expect(await readData(at("x.npz"), { limit: 1 })).toEqual({
      kind: "named",
      arrays: {
        w: { shape: [1, 3], data: Float32Array.from([0, 1, 2]) },
        n: { shape: [1], data: BigInt64Array.from([1n]) },
      },
      rows: 2,
    });
  });

  it("reads a folder of images in the order of their names, channel by channel", async () => {
    const gray = await readData(at("photos"));
    expect(gray).toMatchObject({ kind: "one", array: { shape: [2, 1, 1, 2] } });
    // As the first image is gray: 0.299 r + 0.587 g + 0.114 b.
    const expected = [0, 1, 0.299 + 0.2 * 0.114, 0.2 * 0.587 + 0.4 * 0.114];
    expect(numbersOf(gray)).toEqual(expected.map((x) => expect.closeTo(x, 6)));
    expect(await readData(at("photos"), { images: { channels: 3 } })).toEqual({
      kind: "one",
      array: { shape: [2, 3, 1, 2], data: Float32Array.from([0, 1, 0, 1, 0, 1, 1, 0, 0, 0.2, 0.2, 0.4]) },
    });
    expect(await readData(at("photos"), { limit: 1 })).toMatchObject({ array: { shape: [1, 1, 1, 2] } });
  });

  it("reads the images of the folders in a folder in turns, so that a part of them has all classes", async () => {
    const classes = { cat: [0, 51, 102], dog: [153], fox: [204, 255] };
    for (const [name, grays] of Object.entries(classes)) {
      mkdirSync(at(`classes/${name}`), { recursive: true });
      for (const [i, gray] of grays.entries())
        writeFileSync(at(`classes/${name}/${i}.png`), png(1, 1, 1, [gray]));
    }
    const grays = async (limit?: number) =>
      numbersOf(await readData(at("classes"), { limit })).map((x) => Math.round(255 * x));
    expect(await grays()).toEqual([0, 153, 204, 51, 255, 102]);
    expect(await grays(3)).toEqual([0, 153, 204]);
  });

  it("scales and normalizes pixels: (scale * pixel - mean) / std", async () => {
    const images = { scale: 255, mean: [51], std: [2] };
    expect(await readData(at("photos/a.PNG"), { images })).toEqual({
      kind: "one",
      array: { shape: [1, 1, 1, 2], data: Float32Array.from([-25.5, 102]) },
    });
    const colors = { mean: [1, 0, 0.2], std: [1, 2, 0.1] };
    const read = await readData(at("photos/b.png"), { images: colors });
    expect(numbersOf(read)).toEqual([0, -1, 0, 0.1, 0, 2].map((x) => expect.closeTo(x, 6)));
  });

  it("takes what the settings leave out from the defaults, which other data ignore", async () => {
    const defaults = { size: [1, 4], channels: 3 } as const;
    expect(await readData(at("photos"), { defaults })).toMatchObject({ array: { shape: [2, 3, 1, 4] } });
    const read = await readData(at("photos"), { defaults, images: { size: [2, 2] } });
    expect(read).toMatchObject({ array: { shape: [2, 3, 2, 2] } });
    expect(await readData(at("x.npy"), { defaults })).toMatchObject({ array: { shape: [3, 2] } });
  });

  it("resizes images of different sizes, if it is told to what", async () => {
    await expect(readData(at("mixed"))).rejects.toThrow(
      /mixed\/b\.jpg has 8 x 16 pixels, .*mixed\/a\.png 1 x 2\. .*--image-size 1x2/,
    );
    const read = await readData(at("mixed"), { images: { size: [1, 4] } });
    expect(read).toMatchObject({ array: { shape: [2, 1, 1, 4] } });
    // The two pixels 0 and 1 at distances of half a pixel: bilinear by hand.
    expect(numbersOf(read).slice(0, 4)).toEqual([0, 0.25, 0.75, 1]);
  });

  it.each([
    ["nowhere.npy", {}, DataError, /Cannot read the data .*nowhere\.npy: no such file or directory/],
    [
      "text.npy",
      {},
      DataError,
      /text\.npy is no \.npy, \.npz, PNG or JPEG file: its first bytes are 31 2c 20 32 2c 20 33\./,
    ],
    ["empty.npy", {}, DataError, /its first bytes are no bytes/],
    ["cut.npy", {}, DataError, /cut\.npy: The \.npy data of type <f4 .*truncated/],
    ["none", {}, DataError, /The folder .*none has no image: expected files named \.png, \.jpg or \.jpeg/],
    ["wrong", {}, DataError, /wrong\/a\.png is neither PNG nor JPEG: its first bytes are 47 49 46 38 39 61/],
    ["x.npy", { images: { mean: [1] } }, OptionError, /are for images; .*x\.npy holds arrays/],
    [
      "photos",
      { images: { mean: [1, 2] } },
      OptionError,
      /--mean takes 1 number, or one a channel: 1; got 2/,
    ],
    ["photos", { images: { mean: [128] } }, OptionError, /--mean 128 .* in 0\.\.1: .* give --scale 255/],
    ["photos", { images: { scale: 1 / 255, mean: [0.5] } }, OptionError, /--mean 0\.5 lies outside/],
  ])("says what is wrong with %s %j", async (name, options, type, message) => {
    const reading = readData(at(name), options);
    await expect(reading).rejects.toThrow(type);
    await expect(readData(at(name), options)).rejects.toThrow(message);
  });
});
