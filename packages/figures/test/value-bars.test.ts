import { valueBarsData } from "isoloss-test-support/figures/examples";
import { describe, expect, it } from "vitest";
import { palettes } from "../src/base/theme.js";
import { type ValueBarsData, valueBars, valueBarsWidth } from "../src/value-bars.js";
import { elementsOf, textOf, textsOf } from "./marks.js";

const draw = (data: ValueBarsData) =>
  textOf(valueBars, data, { width: data.values ? valueBarsWidth(data.values) : 640 });
const numbers = (svg: string) =>
  elementsOf(svg, "rect", { x: /./ }).map(({ attributes: { x, width } }) => [Number(x), Number(width)]);

describe("valueBars", () => {
  it("has bars from 0 to both sides, as long as the values", () => {
    const values = [3, 1, -1].map((value) => ({ name: `v${value}`, value }));
    const [three, one, negative] = numbers(draw({ values, xLabel: "dB" }));
    expect(three[0]).toBeCloseTo(one[0], 1);
    expect(three[1]).toBeCloseTo(3 * one[1], 0);
    expect(negative[0] + negative[1]).toBeCloseTo(one[0], 1);
    expect(negative[1]).toBeCloseTo(one[1], 0);
  });

  it("colors the chosen one, and says that a value is missing", () => {
    const svg = draw(valueBarsData);
    expect(elementsOf(svg, "g", { "aria-label": "bar", fill: palettes.light[0] })).toHaveLength(1);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(["31.4", "−1.6", "none", "chosen"]));
    const values = [{ name: "a", value: Infinity, missing: "no error" }];
    expect(textsOf(draw({ values, xLabel: "dB" }))).toEqual(expect.arrayContaining(["a", "no error"]));
    expect(textsOf(draw({ values, xLabel: "dB" }))).not.toContain("chosen");
  });

  it.each([
    [{ values: [], xLabel: "dB" }, /values is empty/],
    [{ values: [{ name: "a", value: 1 }], chosen: "b", xLabel: "dB" }, /name of a row; got "b"/],
    [{ values: [1, 2].map((value) => ({ name: "a", value })), xLabel: "dB" }, /two entries are called "a"/],
  ] satisfies [ValueBarsData, RegExp][])("refuses what it cannot draw: %#", (data, message) => {
    expect(() => textOf(valueBars, data as ValueBarsData)).toThrow(message);
  });
});
