import { OptionError } from "isoloss";
import { curveSeries } from "isoloss-test-support/figures/examples";
import { describe, expect, it } from "vitest";
import { palettes } from "../src/base/theme.js";
import { type CurvesData, curves } from "../src/curves.js";
import { elementsOf, pointsOf, textOf, textsOf } from "./marks.js";

const single = (values: number[], more: Partial<CurvesData> = {}): CurvesData => ({
  series: [
    { name: "SGD", runs: [{ steps: [...values.keys()], seconds: values.map((_, i) => i / 2), values }] },
  ],
  ...more,
});
const draw = (data: CurvesData) => textOf(curves, data);
const [blue] = palettes.light;
const line = (svg: string, stroke: string = blue) =>
  elementsOf(svg, "path", { stroke }).map((e) => pointsOf(e.attributes.d));

describe("curves", () => {
  it("draws a point a step, equal steps apart", () => {
    const [points] = line(draw(single([4, 2, 1])));
    expect(points).toHaveLength(3);
    expect(points[1][0] - points[0][0]).toBeCloseTo(points[2][0] - points[1][0], 1);
    expect((points[1][1] - points[0][1]) / (points[2][1] - points[0][1])).toBeCloseTo(2 / 3, 2);
  });

  it("draws halvings equally far apart on a logarithmic axis", () => {
    const [points] = line(draw(single([4, 2, 1], { logY: true })));
    expect(points[1][1] - points[0][1]).toBeCloseTo(points[2][1] - points[1][1], 1);
  });

  it("marks teleports that are far apart, beside hundreds that are close", () => {
    const steps = Array.from({ length: 300_001 }, (_, k) => k);
    const far = Array.from({ length: 20 }, (_, k) => 15_000 * (k + 1));
    const series = [
      { name: "SGD", runs: [{ steps, values: steps }], teleports: [...steps.slice(0, 900), ...far] },
    ];
    const dots = elementsOf(draw({ series, teleportMark: "dot" }), "circle", { r: "4" });
    expect(dots.length).toBeGreaterThanOrEqual(20);
    expect(dots.length).toBeLessThan(40);
  });

  it("marks teleports on the curve, in steps and in seconds", () => {
    const data = { series: curveSeries.slice(1, 2), logY: true };
    for (const x of ["steps", "seconds"] as const) {
      const svg = draw({ ...data, x, teleportMark: "dot" });
      const dots = elementsOf(svg, "circle", { r: "4" }).map(({ attributes }) => [
        Number(attributes.cx),
        Number(attributes.cy),
      ]);
      expect(dots).toHaveLength(3);
      for (const [cx, cy] of dots) {
        // Each is on a segment of the mean, within what rounding moves.
        const [points] = line(svg);
        const near = points.reduce((a, b) => (Math.abs(b[0] - cx) < Math.abs(a[0] - cx) ? b : a));
        expect(Math.hypot(near[0] - cx, near[1] - cy)).toBeLessThan(4);
      }
    }
    expect(textsOf(draw(data))).toContain("teleport");
  });

  it("draws the first steps of a long run where a logarithmic axis has room for them, and counts all its teleports", () => {
    const steps = Array.from({ length: 100_000 }, (_, step) => step);
    const runs = [{ steps, values: steps.map((step) => 1 / (1 + step)) }];
    const svg = draw({ series: [{ name: "GD", runs, teleports: steps }], logX: true, teleportMark: "dot" });
    const [points] = line(svg);
    const [one, two, three] = points.map(([x]) => x);
    expect((three - one) / (two - one)).toBeCloseTo(Math.log2(3), 1);
    expect(points.length).toBeLessThanOrEqual(801);
    expect(elementsOf(svg, "circle", { r: "4" }).length).toBeLessThanOrEqual(801);
    expect(svg).toContain("GD ends at 10⁻⁵, with 100000 teleports.");
  });

  it("says which runs diverged and where, and draws none of it", () => {
    const svg = draw(single([1, 2, 1e9, Infinity, 3], { logY: true }));
    expect(svg).toContain("SGD diverged at step 3.");
    expect(line(svg)[0]).toHaveLength(3);
    const several = draw({ series: curveSeries, logY: true });
    expect(several).toContain("GD, rate 0.5: 1 of 3 runs diverged, the first at step 41.");
    expect(several).toContain("Thin lines: single runs after the first of them has ended.");
  });

  it("draws a figure where every value is NaN", () => {
    const svg = draw(single([NaN, NaN]));
    expect(svg).toContain("SGD diverged at step 0.");
    expect(line(svg)).toEqual([]);
  });

  it("draws one point as a dot", () => {
    expect(elementsOf(draw(single([2])), "circle", { r: "3.5" })).toHaveLength(1);
  });

  it("draws a constant, and a range from 1e-300 to 1e300", () => {
    expect(new Set(line(draw(single([3, 3, 3])))[0].map(([, y]) => y)).size).toBe(1);
    const wide = draw(single([1e-300, 1, 1e300], { logY: true }));
    const [points] = line(wide);
    expect(points[1][1] - points[0][1]).toBeCloseTo(points[2][1] - points[1][1], 1);
    expect(textsOf(wide)).toEqual(expect.arrayContaining(["10⁻³⁰⁰", "10⁰", "10³⁰⁰"]));
    expect(line(draw(single([-1e300, 1e300])))[0]).toHaveLength(2);
  });

  it("draws the median of several seeds between the least and the largest, as they are given", () => {
    const [values, low, high] = [
      [4, 3, 2],
      [3, 2, 0],
      [5, 5, Infinity],
    ];
    const series = [{ name: "SGD", runs: [{ steps: [0, 1, 2], values }], band: { low, high, seeds: 5 } }];
    const svg = draw({ series, logY: true });
    expect(svg).toContain("Line: median of 5 runs; band: least to largest.");
    const [area] = elementsOf(svg, "path", { d: /Z$/ }).map((e) => pointsOf(e.attributes.d));
    const [middle] = line(svg);
    expect([area.length, middle.length]).toEqual([6, 3]);
    expect(area[1][1]).toBeLessThan(middle[1][1]);
    const lost = (diverged: number, end: number) => {
      const runs = [{ steps: [0, 1, 2], values: [4, 3, end] }];
      return draw({ series: [{ name: "SGD", runs, band: { low, high, seeds: 5, diverged } }], logY: true });
    };
    expect(lost(1, 2)).toContain("SGD: 1 of 5 seeds diverged.");
    expect(lost(3, Infinity)).toContain("SGD: 3 of 5 seeds diverged, the median at step 2.");
    for (const diverged of [-1, 1.5, 6]) expect(() => lost(diverged, 2)).toThrow(OptionError);
    const two = [...series[0].runs, ...series[0].runs];
    expect(() => draw({ series: [{ ...series[0], runs: two }] })).toThrow(OptionError);
  });

  it("names a value to reach", () => {
    expect(draw(single([1, 3], { target: 2 }))).toContain("target 2");
    expect(draw(single([1, 3], { target: 2, targetName: "largest float16" }))).toContain("largest float16 2");
  });

  it("says what a logarithmic axis leaves out", () => {
    const svg = draw(single([1, 0, -2, 3], { logY: true, target: 0 }));
    expect(svg).toContain("Not on a logarithmic axis: 2 values ≤ 0.");
    expect(svg).toContain("The target 0 has no place on this axis.");
    expect(line(svg)[0]).toHaveLength(2);
  });

  it("draws a band for several runs alone, and says what it is", () => {
    const bands = (svg: string) =>
      elementsOf(svg, "path").filter(({ attributes }) => attributes.d.endsWith("Z"));
    expect(bands(draw(single([1, 2])))).toEqual([]);
    const svg = draw({ series: curveSeries.slice(0, 1), spread: "interval" });
    expect(bands(svg)).toHaveLength(1);
    expect(svg).toContain("Line: mean of 3 runs; band: 95 % interval of the mean.");
    expect(draw({ series: curveSeries.slice(0, 1), logY: true, window: 5 })).toContain(
      "Line: geometric mean of 3 runs; band: least to largest; of means of 5 values.",
    );
  });

  it("names few curves at their ends without overlap, and many in a legend", () => {
    const series = (count: number) =>
      Array.from({ length: count }, (_, i) => ({
        name: `run ${i}`,
        runs: [{ steps: [0, 1], values: [1, 1 + i / 1000] }],
      }));
    const direct = draw({ series: series(5) });
    const tops = elementsOf(direct, "text", { "font-size": "12.5" })
      .map(({ attributes }) => Number(attributes.y))
      .sort((a, b) => a - b);
    expect(tops).toHaveLength(5);
    for (let i = 1; i < 5; i++) expect(tops[i] - tops[i - 1]).toBeGreaterThanOrEqual(15.99);
    expect(elementsOf(draw({ series: series(9) }), "text", { "font-size": "12.5" })).toEqual([]);
    // The eighth has the first one's color and dashes.
    expect(elementsOf(draw({ series: series(9) }), "g", { "stroke-dasharray": "7 3" })).toHaveLength(2);
  });

  it("tells a screen reader where the curves end", () => {
    expect(draw(single([4, 2, 1]))).toContain(">loss against step. SGD ends at 1.</desc>");
  });

  it.each([
    [{ series: [] }, /series is empty/],
    [{ series: [{ name: "a", runs: [] }] }, /"a" has no runs/],
    [{ series: [{ name: " ", runs: [] }] }, /needs a name/],
    [{ series: [curveSeries[0], curveSeries[0]] }, /two entries are called "GD"/],
    [{ series: [{ name: "a", runs: [{ steps: [], values: [] }] }] }, /at least one/],
    [{ series: [{ name: "a", runs: [{ steps: [0, 1], values: [1] }] }] }, /1 values at 2 steps/],
    [{ series: [{ name: "a", runs: [{ steps: [1, 0], values: [1, 1] }] }] }, /must not decrease/],
    [{ series: [{ name: "a", runs: [{ steps: [0], values: [1] }] }], x: "seconds" }, /has no seconds/],
    [{ ...single([1]), window: 0 }, /window must be an integer >= 1; got 0/],
    [{ ...single([1]), spread: "sd" as never }, /spread must be .*"sd"/],
    [{ ...single([1]), x: "epochs" as never }, /x must be .*"epochs"/],
  ] satisfies [CurvesData, RegExp][])("refuses what it cannot draw: %#", (data, message) => {
    expect(() => draw(data)).toThrow(message);
    expect(() => draw(data)).toThrow(OptionError);
  });
});
