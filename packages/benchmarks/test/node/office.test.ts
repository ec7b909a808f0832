import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEpoch } from "isoloss/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeSample } from "../../src/node/benchmarks.js";
import { loadOffice31, loadOfficeHome } from "../../src/node/office.js";
import { bitsOf, valuesOf } from "./support.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-office-"));
const [office31, home] = ["office31", "home"].map((name) => join(root, name));
beforeAll(async () => {
  await writeSample("office31", office31, { examples: 2 });
  await writeSample("officeHome", home, { examples: 1 });
});
afterAll(() => rmSync(root, { recursive: true }));

const settings = { isWhole: false, side: 16 };

describe("loadOffice31", () => {
  it("reads images of differing sizes, gray ones and PNG of another name, with labels of the lists", async () => {
    const { tasks, classes } = await loadOffice31(office31, settings);
    expect([Object.keys(tasks), classes]).toEqual([["amazon", "dslr", "webcam"], 31]);
    const { train, validation, test } = tasks.dslr;
    expect([train.length, validation.length, test.length]).toEqual([8, 8, 8]);
    const { dslrImages, dslrLabels } = await readEpoch(validation);
    expect([dslrImages.shape, valuesOf(dslrLabels)]).toEqual([
      [8, 3, 16, 16],
      [0, 0, 1, 1, 2, 2, 3, 3],
    ]);
    // All values are those of bytes, normalized: the second one is a PNG, without losses.
    const [mean, std] = [0.485, 0.229];
    for (const value of dslrImages.data.subarray(3 * 256, 4 * 256) as Float32Array) {
      const byte = 255 * (value * std + mean);
      expect(Math.abs(byte - Math.round(byte))).toBeLessThan(1e-3);
    }
  });

  it("has three equal planes for a gray image, before they are normalized", async () => {
    const { tasks } = await loadOffice31(office31, { ...settings, lists: join(office31, "lists") });
    const { amazonImages, amazonLabels } = await readEpoch(tasks.amazon.train, 0, 0);
    const [mean, std] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ];
    const isGray = Array.from({ length: 8 }, (_, n) =>
      Array.from({ length: 256 }, (__, i) =>
        [0, 1, 2].map((c) => Number(amazonImages.data[(3 * n + c) * 256 + i]) * std[c] + mean[c]),
      ).every(([r, g, b]) => Math.abs(r - g) < 1e-6 && Math.abs(r - b) < 1e-6),
    );
    expect(isGray.filter(Boolean)).toHaveLength(1);
    expect(amazonLabels.data[isGray.indexOf(true)]).toBe(0n);
  });

  it("divides each class by seed where there are no lists", async () => {
    rmSync(join(office31, "lists"), { recursive: true });
    const sizes = async (splitSeed: number) => {
      const { tasks } = await loadOffice31(office31, { ...settings, splitSeed });
      const { train, validation, test } = tasks.webcam;
      const part = await readEpoch(test);
      const lengths = [train.length, validation.length, test.length];
      return { lengths, labels: valuesOf(part.webcamLabels), bits: bitsOf(part) };
    };
    const first = await sizes(0);
    expect([first.lengths, first.labels]).toEqual([
      [16, 4, 4],
      [0, 1, 2, 3],
    ]);
    expect(await sizes(0)).toEqual(first);
    expect((await sizes(1)).bits).not.toEqual(first.bits);
    await expect(loadOffice31(office31)).rejects.toThrow(
      "there must be 31 folders, one for each class; there are 4",
    );
  });
});

describe("loadOfficeHome", () => {
  it("finds the folder with a space in its name by lists without one", async () => {
    const { tasks } = await loadOfficeHome(home, settings);
    expect(Object.keys(tasks)).toEqual(["Art", "Clipart", "Product", "Real_World"]);
    const { train, validation, test } = tasks.Real_World;
    // A sample has an image of each class in each part.
    expect([train.length, validation.length, test.length]).toEqual([4, 4, 4]);
    const { Real_WorldImages } = await readEpoch(train);
    expect(Real_WorldImages.shape).toEqual([4, 3, 16, 16]);
  });
});
