import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { encodeNpy } from "../../src/data/npy.js";
import { resizeImages } from "../../src/data/resize.js";
import { encodeSafetensors } from "../../src/data/safetensors.js";
import { collected } from "../../src/data/streams/collected.js";
import { permutation } from "../../src/math/rng.js";
import { loadArrays } from "../../src/node/array-files.js";
import { openImageFolder } from "../../src/node/image-folder.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "isoloss-files-"));
});
afterAll(() => rm(folder, { recursive: true }));

const x = array([[1, 2], [3, 4], [5, 6]]); // biome-ignore format: a matrix
const y = array([0, 1, 0], "int64");

describe("files of arrays", () => {
  it("are a data set, of one file or of two", async () => {
    const [both, inputs, labels] = ["both.safetensors", "x.npy", "y.npy"].map((name) => join(folder, name));
    await writeFile(both, encodeSafetensors({ features: x, labels: y }));
    await writeFile(inputs, encodeNpy(x));
    await writeFile(labels, encodeNpy(y));
    expect(await loadArrays(both, { inputs: "features" })).toEqual({ inputs: x, labels: y });
    expect(await loadArrays(inputs, { labelFile: labels })).toEqual({ inputs: x, labels: y });
    const few = join(folder, "few.npy");
    await writeFile(few, encodeNpy(array([1, 2, 3, 4, 5])));
    await expect(loadArrays(inputs, { labelFile: few })).rejects.toThrow(
      `${inputs} has 3 inputs, but there are 5 labels`,
    );
    await expect(loadArrays(both)).rejects.toThrow('no array "inputs"; it has features, labels');
    await expect(loadArrays(inputs)).rejects.toThrow('Name one: { inputs: "..." }');
    await expect(loadArrays(join(folder, "x.txt"))).rejects.toThrow(
      "must be a file .npy, .npz or .safetensors",
    );
    await writeFile(inputs, "no array");
    await expect(loadArrays(inputs, { labelFile: labels })).rejects.toThrow(inputs);
  });
});

describe("a folder of images", () => {
  const write = async (name: string, [channels, height, width, ...pixels]: readonly number[]) => {
    await mkdir(join(folder, name, ".."), { recursive: true });
    const image = { width, height, channels: channels as 1 | 3, depth: 8 as const };
    await writeFile(join(folder, name), encode({ ...image, data: Uint8Array.from(pixels) }));
  };

  it("has a class for each folder of it, images in the order of their names", async () => {
    await write("gray/cats/b.png", [1, 1, 2, 10, 20]);
    await write("gray/cats/a.PNG", [1, 1, 2, 30, 40]);
    await write("gray/ants/z.png", [3, 1, 2, 100, 0, 0, 0, 100, 0]);
    await writeFile(join(folder, "gray", "cats", "notes.txt"), "no image");
    const { stream, classes } = await openImageFolder(join(folder, "gray"), { channels: 1 });
    expect([classes, stream.length]).toEqual([["ants", "cats"], 3]);
    const { inputs, labels } = await collected(stream);
    expect(inputs.shape).toEqual([3, 1, 1, 2]);
    const expected = [29.9, 58.7, 30, 40, 10, 20].map((v) => Math.fround(v / 255));
    Array.from(inputs.data, Number).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 6);
    });
    expect(labels.data).toEqual(BigInt64Array.of(0n, 1n, 1n));
    const mixed = await openImageFolder(join(folder, "gray"), { channels: 1, shuffle: true });
    for await (const part of mixed.stream.batches(5, 2)) {
      expect(Array.from(part.labels.data, Number)).toEqual(
        [...permutation(3, 5, 2)].map((i) => (i === 0 ? 0 : 1)),
      );
    }
  });

  it("has the classes that are links, and leaves hidden files alone", async () => {
    await write("linked/ants/a.png", [1, 1, 1, 10]);
    await write("elsewhere/b.png", [1, 1, 1, 20]);
    await symlink(join(folder, "elsewhere"), join(folder, "linked", "cats"));
    await symlink(join(folder, "nowhere"), join(folder, "linked", "dogs"));
    await writeFile(join(folder, "linked", "ants", "._a.png"), Uint8Array.of(0, 5, 22, 7));
    const { stream, classes } = await openImageFolder(join(folder, "linked"));
    expect(classes).toEqual(["ants", "cats"]);
    expect((await collected(stream)).labels.data).toEqual(BigInt64Array.of(0n, 1n));
  });

  it("resizes images of other sizes where that is asked for", async () => {
    await write("sizes/one/a.png", [1, 1, 2, 10, 20]);
    await write("sizes/one/b.png", [1, 2, 2, 10, 20, 30, 40]);
    const path = join(folder, "sizes");
    const same = await openImageFolder(path);
    await expect(collected(same.stream)).rejects.toThrow("has 2 x 2 pixels, the first image 1 x 2");
    const { stream } = await openImageFolder(path, { size: [3, 3] });
    const { inputs } = await collected(stream);
    const square = { shape: [1, 4], data: Float32Array.of(10, 20, 30, 40).map((v) => v / 255) };
    expect(inputs.data.slice(9)).toEqual(resizeImages(square, { from: [2, 2], to: [3, 3] }).data);
  });

  it("is refused without classes or images", async () => {
    await mkdir(join(folder, "empty"));
    await expect(openImageFolder(join(folder, "empty"))).rejects.toThrow("has no folders");
    await mkdir(join(folder, "bare", "class"), { recursive: true });
    await expect(openImageFolder(join(folder, "bare"))).rejects.toThrow("has no image");
    await expect(openImageFolder(join(folder, "none"))).rejects.toThrow("no such file");
    await writeFile(join(folder, "bare", "class", "a.png"), "no image");
    await expect(openImageFolder(join(folder, "bare"))).rejects.toThrow("is neither PNG nor JPEG");
  });
});
