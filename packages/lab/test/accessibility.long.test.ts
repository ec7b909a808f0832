import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { violationsIn } from "./axe.js";
import { titled, useLab } from "./support.js";

/** Each screen with all that it can show, in short runs: axe takes longer with each row of a table. */
const screens = {
  landscape: "#/landscape?with=plain,teleported,random,rate,lbfgs,cg",
  train: "#/train?net=8&epochs=3&with=plain,teleported,random,rate&tp=5",
  tasks: "#/tasks?n=20&with=alone,cost,random,same,rate&methods=linearScalarization,pcGrad",
  model: "#/model?sample=convnet",
} as const;
const themes = ["light", "dark"] as const;
const widths = [1280, 390, 320] as const;

describe.skipIf(!executablePath)(titled("the lab's accessibility"), () => {
  const lab = useLab();
  const open = (address: string, width: number, colorScheme: "light" | "dark") =>
    lab.open(address, { width, media: { colorScheme } });
  const expectNothingCut = async (page: Page, width: number) => {
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll("button, select, input, label, legend, h1, h2, p, figcaption")]
        .filter((element) => !element.closest(".scroll, .unseen, dialog"))
        .filter((element) => {
          const { left, right, width: w } = element.getBoundingClientRect();
          return w > 0 && (left < 0 || right > innerWidth + 0.5);
        })
        .map((element) => element.outerHTML.slice(0, 120)),
    );
    expect(cut).toEqual([]);
  };
  const names = Object.keys(screens) as (keyof typeof screens)[];

  it.each(names.flatMap((name) => themes.map((theme) => [name, theme] as const)))(
    "has no violation that axe finds, and nothing that is cut off, at any width: %s, %s",
    async (name, theme) => {
      const page = await open(screens[name], widths[0], theme);
      for (const details of await page.locator("summary").all()) await details.click();
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 });
        expect([width, await violationsIn(page)]).toEqual([width, []]);
        if (width < 900) await expectNothingCut(page, width);
        if (name !== "landscape") continue;
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: "Help" }).click();
        await page.locator("dialog[open]").waitFor();
        expect([width, await violationsIn(page)]).toEqual([width, []]);
        await page.keyboard.press("Escape");
      }
    },
  );

  it.each([
    [
      "#/landscape?f=booth",
      [
        "Preset",
        "start, x 5.00, y -5.00",
        "point on the orbit",
        "Play",
        "Learning rate",
        "Copy link",
        "teleported",
      ],
    ],
    [
      "#/train?epochs=2",
      [
        "Preset",
        "Train again",
        "Data",
        "Hidden layers",
        "Save weights",
        "Save as ONNX",
        "Save checkpoint",
        "plain",
        "Run 8 seeds",
      ],
    ],
    [
      "#/tasks?n=50",
      ["Preset", "start, x1 -8.50, x2 7.50", "Play", "FairGrad", "Levels of", "Try all five starts"],
    ],
    [
      "#/model",
      [
        ...["Sample", "Smaller", "Random move of all", "16 units, 16 degrees of freedom"],
        ...[
          "Along a random direction, 16 units",
          "Shuffle",
          "batch",
          "Run both files in ONNX Runtime",
          "Save the model",
          "Quantize and measure",
        ],
      ],
    ],
  ] as const)("reaches every control by Tab, and shows where the focus is: %s", async (address, expected) => {
    const page = await open(address, 1280, "light");
    const reached = new Set<string>();
    for (let k = 0; k < 80; k++) {
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
    for (const name of expected) expect([...reached]).toContain(name);
  });

  it.each(names)("can be used at a zoom of 400 %: %s", async (name) => {
    // 1280 x 1024 pixels, of which each is four times as large.
    const page = await lab.open(screens[name], { width: 320, height: 256 });
    await expectNothingCut(page, 320);
    // What is focused is not below the line of the status.
    for (let k = 0; k < 12; k++) await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const { top, bottom } = (document.activeElement as HTMLElement).getBoundingClientRect();
      const status = document.querySelector(".status")?.getBoundingClientRect();
      return { top, bottom, left: status?.top ?? innerHeight, height: innerHeight };
    });
    expect(seen.left).toBeGreaterThan(0.6 * seen.height);
    expect(seen.top).toBeLessThan(seen.left);
    expect(seen.bottom).toBeGreaterThan(0);
  });

  it.each(names)("keeps its marks where the system chooses the colors: %s", async (name) => {
    const page = await lab.open(screens[name], { media: { forcedColors: "active" } });
    expect(await violationsIn(page)).toEqual([]);
    const colors = await page.evaluate(() => {
      const paper = getComputedStyle(document.body).backgroundColor;
      const marks = [...document.querySelectorAll(".on-orbit, .diamond, th i, .fill")];
      return marks
        .filter((mark) => mark.getBoundingClientRect().width > 0)
        .map((mark) => {
          const pseudo = mark.matches(".on-orbit") ? "::before" : undefined;
          return getComputedStyle(mark, pseudo).backgroundColor;
        })
        .filter((color) => color === paper);
    });
    expect(colors).toEqual([]);
  });

  it.each(names)("has targets of at least 24 px, and 44 for the point: %s", async (name) => {
    const page = await open(screens[name], 390, "light");
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
    const points = page.getByRole("button", { name: /^start/ });
    for (const point of await points.all()) {
      const box = await point.boundingBox();
      expect([box?.width, box?.height]).toEqual([44, 44]);
    }
  });
});
