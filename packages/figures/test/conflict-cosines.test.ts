import { describe, expect, it } from "vitest";
import { type CosinesData, conflictCosines } from "../src/conflict-cosines.js";
import { elementsOf, textOf, textsOf } from "./marks.js";

const draw = (data: CosinesData) => textOf(conflictCosines, data);
const pair = (cosines: number[]) => ({ steps: [...cosines.keys()], pairs: [{ name: "a, b", cosines }] });

describe("conflictCosines", () => {
  it("says which fraction of the steps has a conflict", () => {
    expect(textsOf(draw(pair([0.5, -0.5, 0.1, 0])))).toContain("a, b (25 % below 0)");
  });

  it("has a gap where a gradient is zero, and does not count it", () => {
    const svg = draw(pair([0.5, 0.4, NaN, -0.5, -0.1]));
    expect(textsOf(svg)).toContain("a, b (50 % below 0)");
    expect(elementsOf(svg, "path", { d: /M[^M]*M/ })).toHaveLength(1);
  });

  it("marks the triggers within its steps", () => {
    const svg = draw({ ...pair([0.5, -0.4, 0.2]), triggers: [1, 2, 7] });
    expect(textsOf(svg)).toContain("trigger");
    expect(svg).toContain("Triggers at 2 steps.");
    expect(draw({ ...pair([0.5, -0.4]), triggers: [1, 1] })).toContain("Triggers at 1 step.");
  });

  it("draws one step, constants and nothing but gaps", () => {
    expect(elementsOf(draw(pair([0.3])), "circle", { r: "3.5" })).toHaveLength(1);
    draw(pair([1, 1, 1]));
    const gaps = draw(pair([NaN, NaN]));
    expect(textsOf(gaps)).toContain("a, b (no angle)");
    expect(gaps).toContain("a, b: no angle.");
    draw({ ...pair([-1, 1, -1, 1]), window: 3 });
  });

  it.each([
    [pair([]), /steps is empty/],
    [{ steps: [0], pairs: [] }, /pairs is empty/],
    [{ steps: [0, 1], pairs: pair([1]).pairs }, /1 cosines at 2 steps/],
    [{ steps: [1, 0], pairs: pair([1, 1]).pairs }, /steps must be finite and increase/],
    [pair([1.5]), /is 1.5; it must be in \[-1, 1\]/],
    [{ ...pair([1]), window: 0.5 }, /window must be an integer >= 1; got 0.5/],
  ] satisfies [CosinesData, RegExp][])("refuses what it cannot draw: %#", (data, message) => {
    expect(() => draw(data)).toThrow(message);
  });
});
