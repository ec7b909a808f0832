import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { drawn, galleryNames } from "./gallery-figures.js";

const gallery = new URL("../../../docs/gallery/", import.meta.url);
const themes = ["light", "dark", "auto"] as const;

describe.each(galleryNames)("the figure %s", (name) => {
  it.each(themes)("is the same SVG as ever, theme %s", async (theme) => {
    const text = drawn(name, { theme });
    await expect(text).toMatchFileSnapshot(`../../../docs/gallery/${name}-${theme}.svg`);
  });
});

describe("docs/gallery.md", () => {
  it("shows every figure, in the reader's colors and with a text in its place, and no other", () => {
    const page = readFileSync(new URL("../gallery.md", gallery), "utf8");
    const shown = [...page.matchAll(/<img src="gallery\/([\w-]+)-light\.svg" alt="[^"]{20,}"/g)];
    expect(shown.map(([, name]) => name).sort()).toEqual([...galleryNames].sort());
    for (const [, name] of shown) expect(page).toContain(`srcset="gallery/${name}-dark.svg"`);
    const files = readdirSync(gallery).filter((name) => name.endsWith(".svg"));
    expect(files).toHaveLength(themes.length * shown.length);
    expect(existsSync(new URL("task-table.html", gallery))).toBe(true);
  });
});
