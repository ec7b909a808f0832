import { describe, expect, it } from "vitest";
import { palettes } from "../../src/figures/theme.js";
import { type Curve, trainingCurves } from "../../src/figures/training-curves.js";
import { parseXml } from "../well-formed.js";

const curve = (name: string, teleports: readonly number[], steps = 60): Curve => ({
  name,
  loss: Array.from({ length: steps }, (_, t) => 2 * 0.97 ** t + 0.01 * Math.cos(t)),
  seconds: Array.from({ length: steps }, (_, t) => 0.001 * (t + 1)),
  teleports,
});

const elementsOf = (svg: string, name: string) => parseXml(svg).filter((e) => e.name === name);

/** Curves of the panels: paths of strokes without fill that have a colour of the scheme. */
const lines = (svg: string) =>
  elementsOf(svg, "path").filter(({ attributes }) => /^#[\da-f]{6}$/i.test(attributes.stroke ?? ""));
const colours = palettes.light.slice(0, 3);

describe("trainingCurves", () => {
  const curves = [curve("plain", []), curve("A & <B>", [10, 20]), curve("C", [30])];
  const svg = trainingCurves(curves);

  it("is one well-formed SVG document of a fixed size", () => {
    const [root] = parseXml(svg);
    expect(root.name).toBe("svg");
    expect(root.attributes).toMatchObject({ xmlns: "http://www.w3.org/2000/svg", viewBox: "0 0 1140 430" });
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("has every curve in both panels, in the colours of the legend", () => {
    expect(lines(svg).map(({ attributes }) => attributes.stroke)).toEqual([...colours, ...colours]);
    const points = lines(svg).map(({ attributes }) => attributes.d.split(/[ML]/).length - 1);
    expect(points).toEqual([60, 60, 60, 60, 60, 60]);
    const legend = elementsOf(svg, "line").filter(({ attributes }) => attributes["stroke-width"] === "2");
    expect(legend.map(({ attributes }) => attributes.stroke)).toEqual(colours);
    expect(svg).toContain("A &amp; &lt;B&gt;");
  });

  it("has a mark at each teleport, in its run's colour", () => {
    const marks = elementsOf(svg, "circle").filter(({ attributes }) => attributes.r === "4");
    expect(marks.map(({ attributes }) => attributes.fill)).toEqual([1, 1, 2, 1, 1, 2].map((i) => colours[i]));
    const x = marks.map(({ attributes }) => Number(attributes.cx));
    // Steps 10, 20 and 30 of a linear axis.
    expect(x[1] - x[0]).toBeCloseTo(x[2] - x[1], 1);
    expect(x[1]).toBeGreaterThan(x[0]);
  });

  it("draws the running mean on a logarithmic axis", () => {
    const jump: Curve = { ...curve("jump", []), loss: [...Array(30).fill(1), ...Array(30).fill(3)] };
    const { d } = lines(trainingCurves([jump], { window: 30 }))[0].attributes;
    const y = d
      .split(/[ML]/)
      .slice(1)
      .map((point) => Number(point.split(",")[1]));
    // After 15 of the 30 threes the mean is 2: log 2 / log 3 of the way from 1 to 3.
    expect((y[44] - y[0]) / (y[59] - y[0])).toBeCloseTo(Math.log(2) / Math.log(3), 4);
    expect(y[29]).toBe(y[0]);
  });

  it("leaves out marks beyond the end, and takes a run of one step", () => {
    const short = trainingCurves([curve("short", [10], 1)]);
    expect(elementsOf(short, "circle").filter(({ attributes }) => attributes.r === "4")).toEqual([]);
    expect(short).not.toMatch(/NaN|undefined/);
  });
});

describe("parseXml", () => {
  it.each([
    "<a><b></a></b>",
    "<a>",
    "<a/><b/>",
    "<a>&</a>",
    "<a x='1'/>",
    '<a x="1" x="2"/>',
    "<a>< b</a>",
    "a<b/>",
  ])("refuses %s", (text) => {
    expect(() => parseXml(text)).toThrow();
  });
});
