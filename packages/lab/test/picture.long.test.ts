import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { executablePath } from "isoloss-test-support/browser/site";
import { describe, expect, it } from "vitest";
import { smallPng } from "./small-png.js";
import { settled, titled, useLab } from "./support.js";

/** Width and height of a PNG: its first chunk. */
const sizeOf = (png: Buffer) => [png.readUInt32BE(16), png.readUInt32BE(20)];

// Pixels depend on the system's fonts: `PICTURE=1` draws the pictures again, without it their sizes are compared.
describe.skipIf(!executablePath)(titled("docs/lab.md"), () => {
  const lab = useLab();

  it.each([
    ["landscape", "#/landscape?with=plain,teleported,lbfgs", 1300],
    ["train", "#/train", 1190],
    ["tasks", "#/tasks", 1190],
    ["model", "#/model?sample=convnet", 1190],
  ] as const)("shows the screen %s", async (name, address, height) => {
    const target = fileURLToPath(new URL(`../../../docs/lab/${name}.png`, import.meta.url));
    const page = await lab.open(address, { height });
    if (name === "model") {
      await page.getByRole("button", { name: "Random move of all" }).click();
      await page.locator(".card .head", { hasText: "tensors moved" }).waitFor();
      await page.getByRole("button", { name: "8 units, 8 degrees of freedom" }).click();
      await settled(page);
    }
    const drawn = await smallPng(page, await page.screenshot());
    if (process.env.PICTURE === "1") {
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, drawn);
    }
    expect(existsSync(target)).toBe(true);
    expect(sizeOf(readFileSync(target))).toEqual(sizeOf(drawn));
    expect(statSync(target).size).toBeLessThan(150_000);
  });
});
