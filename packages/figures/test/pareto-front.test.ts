import { paretoData } from "isoloss-test-support/figures/examples";
import { describe, expect, it } from "vitest";
import { palettes } from "../src/base/theme.js";
import { type ParetoData, paretoFront } from "../src/pareto-front.js";
import { elementsOf, pointsOf, textOf } from "./marks.js";

const draw = (data: ParetoData) => textOf(paretoFront, data);

describe("paretoFront", () => {
  it("draws the front from left to right, whatever its order", () => {
    const front = [
      { x: 2, y: 0 },
      { x: 0, y: 2 },
      { x: 1, y: 1 },
    ];
    const svg = draw({ methods: [{ name: "LS", points: [] }], front });
    const group = /<g[^>]*stroke-width="4"[^>]*><path d="([^"]*)"/.exec(svg)?.[1] ?? "";
    const points = pointsOf(group);
    expect(points).toHaveLength(3);
    expect(points[0][0]).toBeLessThan(points[1][0]);
    expect(points[0][1]).toBeLessThan(points[2][1]);
  });

  it("has a color and a shape of its own for each method, and a start for each way", () => {
    const svg = draw(paretoData);
    const groups = palettes.light.slice(0, 3).map((fill) => elementsOf(svg, "g", { fill }));
    expect(groups.every((g) => g.length === 1)).toBe(true);
    expect(elementsOf(svg, "circle", { r: "3" })).toHaveLength(15);
  });

  it("leaves a rim of each method's symbol where another one's runs ended in the same place", () => {
    const methods = ["LS", "COST", "random"].map((name) => ({ name, points: [{ x: 1, y: 1 }] }));
    const svg = draw({ methods });
    expect(elementsOf(svg, "circle", { r: "8.5" })).toHaveLength(1);
    // A square and a triangle about a circle of 6.5 and one of 4.5 px.
    const widths = elementsOf(svg, "path", { transform: /translate/ }).flatMap(({ attributes }) => {
      const x = pointsOf(attributes.d).map(([px]) => px);
      return x.length > 2 ? [Math.max(...x) - Math.min(...x)] : [];
    });
    expect(widths).toEqual([expect.closeTo(2 * 0.89 * 6.5, 1), expect.closeTo(2 * 1.17 * 4.5, 1)]);
  });

  it("says which runs have no place, and draws one point", () => {
    const svg = draw({
      methods: [
        {
          name: "LS",
          points: [
            { x: NaN, y: 1 },
            { x: 1, y: 1 },
          ],
        },
      ],
    });
    expect(svg).toContain("LS: 1 of 2 runs have no finite place here.");
    expect(svg).toContain("LS ends at (1, 1).");
  });

  it("cuts a way where it leaves the finite numbers, and spans logarithmic axes", () => {
    const way = [
      { x: 1e-300, y: 1e300 },
      { x: 1, y: 1 },
      { x: Infinity, y: 0 },
      { x: 1, y: 1 },
    ];
    draw({
      methods: [{ name: "LS", points: [{ x: 1, y: 1 }], trajectories: [way, []] }],
      logX: true,
      logY: true,
    });
  });

  it.each([
    [{ methods: [] }, /methods is empty/],
    [{ methods: [1, 2].map(() => ({ name: "LS", points: [] })) }, /two entries are called "LS"/],
  ] satisfies [ParetoData, RegExp][])("refuses what it cannot draw: %#", (data, message) => {
    expect(() => draw(data)).toThrow(message);
  });
});
