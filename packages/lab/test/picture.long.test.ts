import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { executablePath, launch } from "../../core/test/browser/site.js";
import { labSite, openLab } from "./support.js";

const target = fileURLToPath(new URL("../../../docs/lab/landscape.png", import.meta.url));
/** Width and height of a PNG: its first chunk. */
const sizeOf = (png: Buffer) => [png.readUInt32BE(16), png.readUInt32BE(20)];

// Pixels depend on the system's fonts: `PICTURE=1` draws the picture again, without it its size and place are compared.
it.skipIf(!executablePath)(
  "docs/lab.md shows the landscape",
  async () => {
    const site = await labSite();
    const { context, close } = await launch();
    try {
      const { page, complaints } = await openLab(context, site, "#/landscape?with=plain,teleported,lbfgs");
      await page.setViewportSize({ width: 1280, height: 1180 });
      await page.waitForTimeout(1000);
      const drawn = await page.screenshot();
      expect(complaints).toEqual([]);
      if (process.env.PICTURE === "1") {
        mkdirSync(dirname(target), { recursive: true });
        writeFileSync(target, drawn);
      }
      expect(existsSync(target)).toBe(true);
      expect(sizeOf(readFileSync(target))).toEqual(sizeOf(drawn));
    } finally {
      await close();
      await site.close();
    }
  },
  120_000,
);
