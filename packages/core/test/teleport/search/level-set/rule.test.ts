import { describe, expect, it } from "vitest";
import { changing, lengthening, shrinking } from "../../../../src/teleport/search/level-set/rule.js";

describe("the length of the next try on a level set", () => {
  // A gain of 3 r - 5 r^2 is highest at r = 0.3.
  const gainOf = (r: number) => 3 * r - 5 * r ** 2;

  it.each([
    ["a failed try", 0.58, shrinking],
    ["a step", 0.25, changing],
  ] as const)("is where the gain is highest if that is a parabola: after %s", (_, r, range) => {
    expect(r * lengthening(gainOf(r), 3 * r, range)).toBeCloseTo(0.3, 12);
  });

  it("stays within its range", () => {
    expect(lengthening(-100, 1, shrinking)).toBe(shrinking[0]);
    expect(lengthening(0.9, 1, shrinking)).toBe(shrinking[1]);
    for (const gain of [1, 2, Number.NaN]) expect(lengthening(gain, 1, changing)).toBe(changing[1]);
  });
});
