import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeNpy, readEpoch } from "isoloss/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyBenchmark, writeSample } from "../../src/node/benchmarks.js";
import { loadCeleba } from "../../src/node/celeba.js";
import { bitsOf, valuesOf } from "./support.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-celeba-"));
const folder = join(root, "celeba");
beforeAll(() => writeSample("celeba", folder));
afterAll(() => rmSync(root, { recursive: true }));

describe("loadCeleba", () => {
  it("reads images as Pillow's resizing of the decoded pixels, and attributes by name", async () => {
    const { train, validation, test, tasks } = await loadCeleba(folder, { isWhole: false });
    expect([train.length, validation.length, test.length, tasks.length]).toEqual([6, 3, 3, 40]);
    const { image, ...attributes } = await readEpoch(test);
    expect(image.shape).toEqual([3, 3, 64, 64]);
    expect(Object.keys(attributes)).toEqual(tasks);
    // The sample's formula for images 9, 10 and 11.
    tasks.forEach((name, k) => {
      expect(valuesOf(attributes[name])).toEqual(
        [9, 10, 11].map((n) => ((((k % 5) + 1) * n + k) % 7 < 3 ? 1 : 0)),
      );
    });
    // Ramps stay ramps when they are resized, to within the losses of JPEG.
    let worst = 0;
    for (let i = 0; i < image.data.length; i++) {
      const [n, c, y, x] = [
        9 + Math.floor(i / 12288),
        Math.floor(i / 4096) % 3,
        Math.floor(i / 64) % 64,
        i % 64,
      ];
      const at = ((x + 0.5) * 178) / 64 + ((y + 0.5) * 218) / 64 - 1;
      const hue = 118 + 80 * Math.sin(2 * Math.PI * (n / 7 + c / 3)) + 10 * Math.sin(n);
      const value = hue + (30 * at) / 396;
      worst = Math.max(worst, Math.abs(255 * Number(image.data[i]) - value));
    }
    expect(worst).toBeLessThan(6);
  });

  it("keeps the resized images in a file that numpy reads, and gives the same from it to the bit", async () => {
    const cache = join(root, "cache");
    const decoded = await loadCeleba(folder, { isWhole: false, partSize: 4 });
    const plain = bitsOf(await readEpoch(decoded.train, 3, 1));
    const told: string[] = [];
    const cached = await loadCeleba(folder, {
      isWhole: false,
      cache,
      onCached: (images, of) => told.push(`${images} of ${of}`),
    });
    expect(bitsOf(await readEpoch(cached.train, 3, 1))).toEqual(plain);
    expect(told).toEqual(["1 of 6", "2 of 6", "3 of 6", "4 of 6", "5 of 6", "6 of 6"]);
    const [file, ...others] = readdirSync(cache);
    expect(others).toEqual([]);
    const bytes = decodeNpy(readFileSync(join(cache, file)));
    expect(bytes.shape).toEqual([6, 3, 64, 64]);
    // One that a full disk has cut off is made again.
    truncateSync(join(cache, file), 5000);
    await expect(readEpoch(cached.train, 3, 1)).rejects.toThrow("was cut off");
    const repaired = await loadCeleba(folder, { isWhole: false, cache });
    expect(bitsOf(await readEpoch(repaired.train, 3, 1))).toEqual(plain);
    // The images themselves are not read any more.
    renameSync(join(folder, "Img/img_align_celeba"), join(folder, "away"));
    mkdirSync(join(folder, "Img/img_align_celeba"));
    expect(bitsOf(await readEpoch(cached.train, 3, 1))).toEqual(plain);
    rmSync(join(folder, "Img/img_align_celeba"), { recursive: true });
    renameSync(join(folder, "away"), join(folder, "Img/img_align_celeba"));
  });

  it("notices in a cache that an image was replaced", async () => {
    const options = { isWhole: false, cache: join(root, "replaced") };
    const epoch = async () => bitsOf(await readEpoch((await loadCeleba(folder, options)).train, 3, 1));
    const [first, second] = readdirSync(join(folder, "Img/img_align_celeba"))
      .sort()
      .slice(0, 2)
      .map((name) => join(folder, "Img/img_align_celeba", name));
    const plain = await epoch();
    const own = readFileSync(first);
    writeFileSync(first, readFileSync(second));
    const replaced = await epoch();
    expect(replaced).not.toEqual(plain);
    writeFileSync(first, own);
    expect(await epoch()).toEqual(plain);
    expect(await epoch()).toEqual(plain);
    expect(readdirSync(options.cache)).toHaveLength(3);
  });

  it("is loaded twice at once with one cache", async () => {
    const options = { isWhole: false, cache: join(root, "shared") };
    const both = await Promise.all([loadCeleba(folder, options), loadCeleba(folder, options)]);
    const [one, other] = await Promise.all(both.map(({ train }) => readEpoch(train, 3, 1)));
    expect(bitsOf(one)).toEqual(bitsOf(other));
    expect(readdirSync(options.cache)).toHaveLength(1);
  });

  it("is verified with all its images", async () => {
    const { train } = await verifyBenchmark("celeba", folder, { isWhole: false });
    expect(train.examples).toBe(6);
    expect(train.arrays.Smiling).toEqual({ shape: [], dtype: "float32", least: 0, largest: 1 });
    await expect(loadCeleba(folder)).rejects.toThrow("162770 train, 19867 validation, 19962 test");
  });
});
