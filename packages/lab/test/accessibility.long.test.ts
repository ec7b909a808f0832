import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { executablePath, launch } from "../../core/test/browser/site.js";
import { violationsIn } from "./axe.js";
import { type LabSite, labSite, openLab } from "./support.js";

const title = executablePath ? "the lab's accessibility" : "the lab's accessibility (skipped: no Chromium)";

describe.skipIf(!executablePath)(title, () => {
  let site: LabSite;
  let context: BrowserContext;
  const cleanups: (() => unknown)[] = [];
  beforeAll(async () => {
    site = await labSite();
    cleanups.push(() => site.close());
    const browser = await launch();
    cleanups.push(() => browser.close());
    context = browser.context;
  }, 120_000);
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });
  const open = async (address: string, width: number, colorScheme: "light" | "dark"): Promise<Page> => {
    const { page } = await openLab(context, site, address);
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    return page;
  };
  it.each([
    ["light", 1280],
    ["light", 390],
    ["dark", 1280],
    ["dark", 390],
  ] as const)("has no violation that axe finds: %s, %i px", async (theme, width) => {
    const page = await open("#/landscape?with=plain,teleported,random,rate,lbfgs,cg", width, theme);
    for (const details of await page.locator("summary").all()) await details.click();
    expect(await violationsIn(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Help" }).click();
    expect(await violationsIn(page)).toEqual([]);
    await page.close();
  });

  it.each([320, 390])("has one column and no sideways scroll at %i px", async (width) => {
    const page = await open("#/landscape?f=quadratic&with=plain,teleported,rate", width, "light");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll("button, select, input, label, legend, h1, p, figcaption")]
        .filter((element) => !element.closest(".scroll, .unseen, dialog"))
        .filter((element) => {
          const { left, right, width: w } = element.getBoundingClientRect();
          return w > 0 && (left < 0 || right > innerWidth + 0.5);
        })
        .map((element) => element.outerHTML.slice(0, 120)),
    );
    expect(cut).toEqual([]);
    await page.close();
  });

  it("reaches every control by Tab, and shows where the focus is", async () => {
    const page = await open("#/landscape?f=booth", 1280, "light");
    const reached = new Set<string>();
    for (let k = 0; k < 60; k++) {
      await page.keyboard.press("Tab");
      const { name, outline } = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        const label = (element as HTMLInputElement).labels?.[0]?.textContent;
        return {
          name: (element.getAttribute("aria-label") ?? label ?? element.textContent ?? "").trim(),
          outline: element === document.body ? "body" : getComputedStyle(element).outlineStyle,
        };
      });
      if (outline === "body") break;
      expect(`${name}: ${outline}`).not.toMatch(/: none$/);
      reached.add(name);
    }
    for (const name of [
      "Preset",
      "start, x 5.00, y -5.00",
      "Play",
      "Learning rate",
      "Optimizer",
      "Copy link",
      "teleported",
    ]) {
      expect([...reached]).toContain(name);
    }
    await page.close();
  });

  it("has targets of at least 24 px, and 44 for the point", async () => {
    const page = await open("#/landscape", 390, "light");
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button, select, input, summary, label.toggle, nav a")]
        .filter((element) => !element.closest("label.toggle") || element.matches("label"))
        .map((element) => ({
          html: element.outerHTML.slice(0, 100),
          ...element.getBoundingClientRect().toJSON(),
        }))
        .filter(({ width, height }) => width > 0 && (width < 24 || height < 24))
        .map(({ html, width, height }) => `${width} x ${height}: ${html}`),
    );
    expect(small).toEqual([]);
    const box = await page.getByRole("button", { name: /^start/ }).boundingBox();
    expect([box?.width, box?.height]).toEqual([44, 44]);
    await page.close();
  });
});
