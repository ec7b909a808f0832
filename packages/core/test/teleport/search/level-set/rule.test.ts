import { describe, expect, it } from "vitest";
import { item } from "../../../../src/array.js";
import { constant } from "../../../../src/graph/ops/leaf.js";
import { trace } from "../../../../src/graph/trace.js";
import { compile } from "../../../../src/runtime/compile.js";
import { changing, lengthening, shrinking } from "../../../../src/teleport/search/level-set/rule.js";

const factor = async (gain: number, promised: number, range: readonly [number, number]) => {
  const [g, p] = [gain, promised].map((x) => constant(x, "float64"));
  const run = await compile(trace(() => ({ factor: lengthening(g, p, range) }), {}).graph);
  return item((await run.run({})).factor);
};

describe("the length of the next try on a level set", () => {
  // A gain of 3 r - 5 r^2 is highest at r = 0.3.
  const gainOf = (r: number) => 3 * r - 5 * r ** 2;

  it.each([
    ["a failed try", 0.58, shrinking],
    ["a step", 0.25, changing],
  ] as const)("is where the gain is highest if that is a parabola: after %s", async (_, r, range) => {
    expect(r * (await factor(gainOf(r), 3 * r, range))).toBeCloseTo(0.3, 12);
  });

  it("stays within its range", async () => {
    expect(await factor(-100, 1, shrinking)).toBe(shrinking[0]);
    expect(await factor(0.9, 1, shrinking)).toBe(shrinking[1]);
    for (const gain of [1, 2, Number.NaN]) expect(await factor(gain, 1, changing)).toBe(changing[1]);
  });
});
