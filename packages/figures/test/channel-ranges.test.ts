import { channelRangesData } from "isoloss-test-support/figures/examples";
import { describe, expect, it } from "vitest";
import { palettes } from "../src/base/theme.js";
import { type ChannelRangesData, channelRanges, channelRangesWidth } from "../src/channel-ranges.js";
import { textOf, textsOf } from "./marks.js";

const draw = (data: ChannelRangesData, width?: number) =>
  textOf(channelRanges, data, width === undefined ? {} : { width });
const [after, before] = palettes.light;
/** Places of the ticks of a color. */
const ticks = (svg: string, stroke: string): number[] => {
  const [, lines = ""] = new RegExp(`<g aria-label="tick" stroke="${stroke}"[^>]*>(.*?)</g>`).exec(svg) ?? [];
  return [...lines.matchAll(/ x1="([\d.]+)"/g)].map(([, x]) => Number(x));
};

describe("channelRanges", () => {
  const layers = [{ name: "conv", before: [0.01, 0.1, 1], after: [0.1, 0.2] }];

  it("has a tick for each channel on a logarithmic axis, and how far they are apart", () => {
    const svg = draw({ layers });
    const x = ticks(svg, before).sort((a, b) => a - b);
    expect(x).toHaveLength(3);
    expect(x[1] - x[0]).toBeCloseTo(x[2] - x[1], 1);
    expect(ticks(svg, after)).toHaveLength(2);
    expect(ticks(svg, after)[0]).toBeCloseTo(x[1], 1);
    expect(textsOf(svg)).toEqual(expect.arrayContaining(["conv", "100 → 2", "before", "after"]));
  });

  it("counts channels of zeros, and says where a layer has no other", () => {
    const svg = draw({ layers: [...layers, { name: "dead", before: [0, 1], after: [0, 0] }] });
    expect(textsOf(svg)).toEqual(expect.arrayContaining(["1 → zeros"]));
    expect(svg).toMatch(/Channels of zeros, which have no place here: 1 before, 2 after\./);
    expect(draw({ layers })).not.toMatch(/of zeros/);
  });

  it("draws one channel, equal ones, and a wide layer with no more ticks than one can see", () => {
    draw({ layers: [{ name: "a", before: [1], after: [1] }] });
    draw({ layers: [{ name: "a", before: [0], after: [0] }] });
    const wide = Array.from({ length: 5000 }, (_, i) => 10 ** (i / 2500));
    const svg = draw({ layers: [{ name: "a", before: wide, after: [1] }] });
    expect(ticks(svg, before).length).toBeLessThan(320);
    expect(ticks(svg, before).length).toBeGreaterThan(200);
  });

  it("is as wide as the names need", () => {
    const long = [{ name: "features.12.conv.".repeat(8), before: [1], after: [1] }];
    expect(channelRangesWidth(layers)).toBe(640);
    draw({ layers: long }, channelRangesWidth(long));
    expect(() => draw({ layers: long }, channelRangesWidth(long) - 1)).toThrow(
      /no room is left beside the names/,
    );
    draw(channelRangesData);
  });

  it.each([
    [{ layers: [] }, /layers is empty/],
    [{ layers: [...layers, ...layers] }, /two entries are called "conv"/],
    [{ layers: [{ name: "a", before: [-1], after: [1] }] }, /ranges of "a" must be finite .*; got -1/],
    [{ layers: [{ name: "a", before: [1], after: [Number.NaN] }] }, /got NaN/],
    [{ layers: [{ name: "a", before: [1], after: [Infinity] }] }, /got Infinity/],
  ] satisfies [ChannelRangesData, RegExp][])("refuses what it cannot draw: %#", (data, message) => {
    expect(() => draw(data)).toThrow(message);
  });
});
