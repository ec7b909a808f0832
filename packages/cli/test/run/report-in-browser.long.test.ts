import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bars, curves, levelSets, svgText, taskTable } from "isoloss-figures";
import { barsData, curveSeries, levelSetsData, taskTableData } from "isoloss-test-support/figures/examples";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { htmlTable, renderReport } from "../../src/run/report-html.js";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path));

const title = executablePath
  ? "a report in a browser"
  : "a report in a browser (skipped: no Chromium at $CHROMIUM or /usr/bin/chromium)";

/** A report with what is hard to place: long words, wide tables, figures with many names. */
function page(): string {
  const options = () => ({ theme: "auto", width: 480, height: 380 }) as const;
  const figures = [
    levelSets(levelSetsData, { ...options(), title: "Level sets" }),
    curves({ series: curveSeries, logY: true }, { ...options(), title: "Loss against steps" }),
    curves({ series: curveSeries, x: "seconds" }, { ...options(), title: "Loss against time" }),
    bars(barsData, { ...options(), title: "Steps and time" }),
  ].map(svgText);
  const opening = svgText(levelSets(levelSetsData, { ...options(), title: "A teleport" }));
  const long = "metrics.validation.".repeat(8);
  const wide = htmlTable({
    caption: "A wide table",
    columns: Array.from({ length: 12 }, (_, i) => `column ${i}`),
    rows: [Array.from({ length: 12 }, (_, i) => `${i} [0.123456, 0.654321]`)],
  });
  return renderReport({
    title: "With and without teleports",
    opening: {
      text: "A teleport moves the parameters of a model.",
      figure: { svg: opening, caption: `Level sets. ${long}` },
    },
    lead: "Five experiments.",
    conclusion:
      "Of one method with teleports, compared with the same method without: 0 helped; 1 did not help.",
    verdicts: [{ title: "regression: scaling", outcome: "does not help", text: long, section: "Regression" }],
    sections: [
      {
        heading: "Regression",
        text: long,
        figures,
        tables: [wide, taskTable(taskTableData)],
        folded: [
          { title: "Settings", content: { text: `${"name: x, ".repeat(40)}\n` }, open: true },
          { title: "Numbers", content: { table: wide }, open: true },
        ],
      },
    ],
    environment: { cpu: { model: long } },
  });
}

describe.skipIf(!executablePath)(title, () => {
  let folder: string;
  let browser: Browser;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "isoloss-report-"));
    writeFileSync(join(folder, "report.html"), page());
    browser = await chromium.launch({ executablePath: executablePath as string, args: ["--no-sandbox"] });
  });

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = async (width: number, colorScheme: "light" | "dark") => {
    const tab = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    const complaints: string[] = [];
    tab.on("console", (message) => complaints.push(message.text()));
    tab.on("pageerror", (error) => complaints.push(error.message));
    await tab.goto(pathToFileURL(join(folder, "report.html")).href);
    return { tab, complaints };
  };

  it.each([390, 1400])("is no wider than the window at %i px, and the console is silent", async (width) => {
    const { tab, complaints } = await open(width, "light");
    expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    // Figures fit; what is wider, scrolls by itself and can be reached by the keyboard.
    const wider = await tab.evaluate(() =>
      [...document.querySelectorAll("main *")]
        .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "auto")
        .map((e) => [e.tagName, e.getAttribute("tabindex")]),
    );
    expect(wider.filter(([name]) => name === "FIGURE")).toEqual([]);
    expect(wider.every(([, index]) => index === "0")).toBe(true);
    expect(complaints).toEqual([]);
    await tab.close();
  });

  it("follows the reader's colors, figures too", async () => {
    const colors: string[][] = [];
    for (const scheme of ["light", "dark"] as const) {
      const { tab } = await open(390, scheme);
      colors.push(
        await tab.evaluate(() => [
          getComputedStyle(document.documentElement).backgroundColor,
          getComputedStyle(document.querySelector("figure svg text") as Element).fill,
          getComputedStyle(document.querySelector(".badge") as Element).color,
        ]),
      );
      await tab.close();
    }
    expect(colors[0]).toEqual(["rgb(255, 255, 255)", "rgb(31, 35, 40)", "rgb(163, 71, 0)"]);
    expect(colors[1]).toEqual(["rgb(15, 20, 26)", "rgb(230, 237, 243)", "rgb(242, 163, 92)"]);
  });

  it("can be read by a screen reader: one title, headings in order, a name and a description for each figure", async () => {
    const { tab } = await open(1400, "light");
    const found = await tab.evaluate(() => ({
      headings: [...document.querySelectorAll("h1, h2, h3")].map(({ tagName }) => tagName),
      figures: [...document.querySelectorAll("figure svg")].map((svg) => [
        svg.getAttribute("role"),
        svg.getAttribute("aria-label"),
        document.getElementById(svg.getAttribute("aria-describedby") ?? "")?.textContent?.length ?? 0,
      ]),
      ids: [...document.querySelectorAll("[id]")].map(({ id }) => id),
      targets: [...document.querySelectorAll('a[href^="#"]')].map(
        (a) =>
          document.getElementById(a.getAttribute("href")?.slice(1) ?? "")?.querySelector("h2")?.textContent,
      ),
    }));
    expect(found.headings).toEqual(["H1", "H2", "H2"]);
    expect(found.figures.map(([role, name]) => [role, name])).toEqual([
      ["img", "A teleport"],
      ["img", "Level sets"],
      ["img", "Loss against steps"],
      ["img", "Loss against time"],
      ["img", "Steps and time"],
    ]);
    expect(found.figures.every(([, , length]) => (length as number) > 20)).toBe(true);
    expect(found.targets).toEqual(["Regression"]);
    expect(new Set(found.ids).size).toBe(found.ids.length);
    await tab.close();
  });
});
