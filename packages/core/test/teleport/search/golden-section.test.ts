import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maximize } from "../../../src/teleport/search/golden-section.js";

/** Evaluates f as often as asked, and counts. */
async function search(f: (t: number) => number, { first = 0.1, end = 10, evaluations = 40 } = {}) {
  const places: number[] = [];
  const counted = async (t: number) => {
    places.push(t);
    return f(t);
  };
  return { best: await maximize(counted, { origin: f(0), first, end, evaluations }), places };
}

describe("maximize", () => {
  it("finds the maximum of functions with one, wherever it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.001, max: 9.4, noNaN: true }), async (top) => {
        const { best, places } = await search((t) => -Math.abs(t - top) - (t - top) ** 2, {
          evaluations: 60,
        });
        expect(Math.abs((best?.t ?? Number.NaN) - top)).toBeLessThan(1e-6);
        expect(places).toHaveLength(60);
      }),
    );
  });

  it("goes to the end where f rises all the way, and no further", async () => {
    const { best, places } = await search((t) => t);
    expect(best).toEqual({ t: 10, value: 10 });
    expect(Math.max(...places)).toBe(10);
  });

  it("finds nothing where f falls, and counts what is not a number as worst", async () => {
    expect((await search((t) => -t)).best).toBeUndefined();
    expect((await search((t) => (t > 0 ? Number.NaN : 0))).best).toBeUndefined();
    const { best } = await search((t) => (t > 1 ? Number.NaN : t));
    expect(best?.t).toBeCloseTo(1, 5);
    expect(best?.t).toBeLessThanOrEqual(1);
  });

  it("takes no more evaluations than it may", async () => {
    for (const evaluations of [1, 2, 5]) {
      const { places } = await search((t) => t * (4 - t), { evaluations });
      expect(places).toHaveLength(evaluations);
    }
  });
});
