import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { settled, titled, useLab } from "./support.js";

const folder = fileURLToPath(new URL("../../../docs/lab/", import.meta.url));
const screens = {
  landscape: "#/landscape?with=plain,teleported,lbfgs",
  train: "#/train",
  tasks: "#/tasks?preset=starts",
  model: "#/model?sample=convnet",
} as const;
const sizes = [
  [1280, 900],
  [1920, 1080],
  [390, 844],
] as const;
const pictures = Object.keys(screens).flatMap((screen) =>
  sizes.flatMap(([width, height]) =>
    (["light", "dark"] as const).map(
      (theme) => [`${screen}-${width}-${theme}.webp`, { screen, width, height, theme }] as const,
    ),
  ),
);

/** A screenshot as WebP, a third of a PNG; the browser makes it. */
async function webpOf(page: Page): Promise<Buffer> {
  const png = (await page.screenshot()).toString("base64");
  const webp = await page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), {
      width: image.width,
      height: image.height,
    });
    canvas.getContext("2d")?.drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.7).split(",")[1];
  }, png);
  return Buffer.from(webp, "base64");
}

// Pixels depend on the system's fonts: `PICTURE=1` draws the pictures again, for people to look at.
describe.skipIf(!executablePath || process.env.PICTURE !== "1")(titled("docs/lab.md"), () => {
  const lab = useLab();

  it.each(pictures)("shows %s", async (name, { screen, width, height, theme }) => {
    const address = screens[screen as keyof typeof screens];
    const page = await lab.open(address, { width, height, media: { colorScheme: theme } });
    if (screen === "model") {
      await page.getByRole("button", { name: "Random move of all" }).click();
      await page.locator(".card .head", { hasText: "tensors moved" }).waitFor();
      await page.getByRole("button", { name: "8 units, 8 degrees of freedom" }).click();
      await settled(page);
      await page.evaluate(() => scrollTo(0, 0));
    }
    writeFileSync(`${folder}${name}`, await webpOf(page));
  });
});

describe("the pictures of docs/lab.md", () => {
  it("are of every screen in both themes, small, and no others", () => {
    const names = readdirSync(folder);
    expect(names.sort()).toEqual(pictures.map(([name]) => name).sort());
    const page = readFileSync(`${folder}../lab.md`, "utf8");
    expect([...new Set(page.match(/(?<=lab\/)[\w-]+\.webp/g))].sort()).toEqual(names);
    const bytes = names.reduce((sum, name) => sum + statSync(`${folder}${name}`).size, 0);
    expect(bytes).toBeLessThan(1.5e6);
  });
});
