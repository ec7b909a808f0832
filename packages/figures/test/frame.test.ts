import { levelSetsData } from "isoloss-test-support/figures/examples";
import { parseXml } from "isoloss-test-support/figures/well-formed";
import { describe, expect, it } from "vitest";
import { textWidth, wrap } from "../src/base/text.js";
import { curves } from "../src/curves.js";
import type { FigureOptions } from "../src/frame.js";
import { levelSets } from "../src/level-sets.js";
import { svgText } from "../src/svg.js";
import { elementsOf, textOf, textsOf } from "./marks.js";

const data = { series: [{ name: "A & <B>", runs: [{ steps: [0, 1], values: [1, 2] }] }] };
const draw = (options: FigureOptions = {}) => textOf(curves, data, options);

describe("a figure", () => {
  it("is an image with a name and a description", () => {
    const [svg, desc] = parseXml(draw({ title: 'Losses "of" <A> & B' }));
    expect(svg.attributes).toMatchObject({
      xmlns: "http://www.w3.org/2000/svg",
      role: "img",
      "aria-label": "Losses &quot;of&quot; &lt;A&gt; &amp; B",
      "aria-describedby": desc.attributes.id,
      viewBox: "0 0 640 400",
    });
    expect(draw({ description: "Falls." })).toContain(">Falls.</desc>");
    expect(parseXml(draw())[0].attributes["aria-label"]).toBe("loss against step");
  });

  it("has its title, legend, notes and caption inside its size", () => {
    const svg = draw({ title: "word ".repeat(40), caption: "caption ".repeat(40), width: 500, height: 420 });
    const lines = textsOf(svg);
    expect(lines.filter((text) => text.startsWith("word"))).toHaveLength(4);
    expect(lines.filter((text) => text.startsWith("caption")).length).toBeGreaterThan(3);
    for (const { attributes } of elementsOf(svg, "text", { "font-size": "16" })) {
      expect(Number(attributes.y)).toBeLessThan(420);
    }
  });

  it("is as large as asked", () => {
    expect(parseXml(draw({ width: 320, height: 240 }))[0].attributes).toMatchObject({
      width: "320",
      height: "240",
    });
  });

  it("is the same text each time, and shares no ids with others", () => {
    const level = (title: string) => textOf(levelSets, levelSetsData, { title });
    expect(level("one")).toBe(level("one"));
    const ids = [level("one"), level("two"), draw()].map((svg) =>
      [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id),
    );
    expect(ids[0].length).toBeGreaterThan(2);
    expect(new Set(ids.flat()).size).toBe(ids.flat().length);
    // Every reference has its target.
    for (const [, id] of level("one").matchAll(/url\(#([^)]+)\)/g)) expect(ids[0]).toContain(id);
  });

  it("has coordinates of at most two digits", () => {
    for (const { attributes } of parseXml(textOf(levelSets, levelSetsData))) {
      for (const key of ["d", "transform", "x", "y", "cx", "cy"])
        expect(attributes[key] ?? "").not.toMatch(/\.\d{3}/);
    }
  });

  it("has a page behind it in light and dark, and none in auto", () => {
    const page = (theme: FigureOptions["theme"]) =>
      elementsOf(draw({ theme }), "rect", { width: "640" }).map(({ attributes }) => attributes.fill);
    expect([page("light"), page("dark"), page("auto")]).toEqual([["#ffffff"], ["#0f141a"], []]);
    expect(draw({ theme: "light" })).not.toContain("var(");
    expect(draw({ theme: "dark" })).not.toContain("var(");
    expect(draw({ theme: "auto" })).toContain("light-dark(");
  });

  it("needs room", () => {
    expect(() => draw({ width: 100 })).toThrow(/width of a figure must be a number of at least 240.*got 100/);
    expect(() => draw({ width: NaN })).toThrow(/got NaN/);
    expect(() => draw({ height: 50 })).toThrow(/height of this figure must be at least \d+ px.*got 50/);
    const least = Number(/at least (\d+)/.exec(String(attempt({ height: 50 })))?.[1]);
    expect(() => draw({ height: least })).not.toThrow();
  });

  it("is as high as a long legend needs", () => {
    const series = Array.from({ length: 40 }, (_, k) => ({
      name: `a long name ${k}`,
      runs: data.series[0].runs,
    }));
    const [svg] = parseXml(textOf(curves, { series }, { width: 300 }));
    expect(Number(svg.attributes.height)).toBeGreaterThan(600);
  });

  it("stays well-formed with a space that HTML names", () => {
    const svg = svgText(curves(data, { title: "5\u00a0steps" }));
    expect(svg).not.toContain("&nbsp;");
    parseXml(svg);
  });
});

function attempt(options: FigureOptions): unknown {
  try {
    return draw(options);
  } catch (error) {
    return error;
  }
}

describe("wrap", () => {
  it("breaks at spaces, and gives a long word a line", () => {
    expect(wrap("aa bb  cc", 10, textWidth("aa bb", 10))).toEqual(["aa bb", "cc"]);
    expect(wrap("a incomprehensibilities b", 10, 30)).toEqual(["a", "incomprehensibilities", "b"]);
    expect(wrap(" ", 10, 30)).toEqual([]);
  });
});
