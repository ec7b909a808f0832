import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { galleryNames } from "./gallery-figures.js";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path));

const title = executablePath
  ? "figures in a browser"
  : "figures in a browser (skipped: no Chromium at $CHROMIUM or /usr/bin/chromium)";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The figures' sources as one script, which leaves `gallery` on the page. */
async function script(): Promise<string> {
  const output = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      minify: false,
      lib: { entry: path("gallery-figures.ts"), formats: ["iife"], name: "gallery" },
    },
  });
  const [{ output: files }] = output as { output: { code: string }[] }[];
  return files[0].code;
}

describe.skipIf(!executablePath)(title, () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const content = await script();
    browser = await chromium.launch({ executablePath: executablePath as string, args: ["--no-sandbox"] });
    // On a coarser screen Plot moves lines by half a pixel, so that they are sharp.
    page = await browser.newPage({ deviceScaleFactor: 2 });
    await page.addScriptTag({ content });
  });

  afterAll(async () => {
    await browser?.close();
  });

  it.each(galleryNames)("draws %s as Node does", async (name) => {
    const text = await page.evaluate(`gallery.drawn(${JSON.stringify(name)}, { theme: "light" })`);
    expect(text).toBe(readFileSync(path(`../../../docs/gallery/${name}-light.svg`), "utf8"));
  });
});
