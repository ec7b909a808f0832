import { barsData } from "isoloss-test-support/figures/examples";
import { describe, expect, it } from "vitest";
import { type BarsData, bars } from "../src/bars.js";
import { palettes } from "../src/base/theme.js";
import { elementsOf, textOf, textsOf } from "./marks.js";

const draw = (data: BarsData) => textOf(bars, data);
const [blue, orange] = palettes.light;
const count = (svg: string, fill: string) => elementsOf(svg, "g", { "aria-label": "dot", fill }).length;

describe("bars", () => {
  it("fills a dot where its interval does not contain the reference, in the color of its side", () => {
    const svg = draw(barsData);
    expect([count(svg, blue), count(svg, orange), count(svg, "#ffffff")]).toEqual([3, 1, 1]);
    const higher = draw({ ...barsData, better: "higher" });
    expect([count(higher, blue), count(higher, orange)]).toEqual([1, 3]);
    expect(textsOf(higher)).toEqual(expect.arrayContaining(["← worse", "better →"]));
  });

  it("writes each ratio with its interval, and that one was not reached", () => {
    expect(textsOf(draw(barsData))).toEqual(
      expect.arrayContaining(["0.27 [0.2, 0.36]", "1.02 [0.93, 1.12]", "not reached", "eq. 8, all layers"]),
    );
  });

  it("says what is there instead of a ratio", () => {
    const ratios = [{ name: "a", ratio: NaN, missing: "4 of 5 came there" }];
    expect(textsOf(draw({ ratios }))).toEqual(expect.arrayContaining(["a", "4 of 5 came there"]));
  });

  it("puts a half and a double equally far from 1", () => {
    const svg = draw({ ratios: [0.5, 1, 2].map((ratio) => ({ name: `r${ratio}`, ratio })) });
    const x = elementsOf(svg, "circle").map(({ attributes }) => Number(attributes.cx));
    expect(x).toHaveLength(3);
    expect(x[1] - x[0]).toBeCloseTo(x[2] - x[1], 1);
  });

  it("draws one row, a ratio of 1, extreme ratios and nothing reached", () => {
    draw({ ratios: [{ name: "a", ratio: 1, low: 1, high: 1 }] });
    draw({
      ratios: [
        { name: "a", ratio: 1e-300 },
        { name: "b", ratio: 1e300 },
      ],
    });
    draw({ ratios: [{ name: "a", ratio: 1, low: 0, high: Infinity }] });
    draw({ ratios: [{ name: "a", ratio: NaN }] });
    draw({ ratios: [{ name: "a", ratio: -0.5, low: -1, high: 0.2 }], log: false, reference: 0 });
  });

  it.each([
    [{ ratios: [] }, /ratios is empty/],
    [
      { ratios: [{ name: "a", ratio: 1, low: 2, high: 3 }] },
      /interval \[2, 3\] of "a" must contain its ratio 1/,
    ],
    [{ ratios: [{ name: "a", ratio: -1 }] }, /ratio of "a" is -1/],
    [
      { ratios: [{ name: "a", ratio: 1 }], reference: 0 },
      /reference must be a finite positive number; got 0/,
    ],
    [{ ratios: [{ name: "a", ratio: 1 }], better: "left" as never }, /better must be lower or higher/],
    [{ ratios: [{ name: "a".repeat(90), ratio: 1 }] }, /no room is left beside the names/],
  ] satisfies [BarsData, RegExp][])("refuses what it cannot draw: %#", (data, message) => {
    expect(() => draw(data)).toThrow(message);
  });
});
