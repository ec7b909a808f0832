import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { item } from "../../../src/array.js";
import { mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compile } from "../../../src/runtime/compile.js";
import { maximize } from "../../../src/teleport/search/line-search.js";

/** (sqrt 5 - 1) / 2, and how near to the end of the line a point counts as the end. */
const golden = (Math.sqrt(5) - 1) / 2;
const near = 0.05;

/** The same search, one evaluation after another. */
async function reference(
  f: (t: number) => Promise<number>,
  { origin, first, end, evaluations }: { origin: number; first: number; end: number; evaluations: number },
): Promise<{ readonly t: number; readonly value: number } | undefined> {
  let left = evaluations;
  let best: { t: number; value: number } = { t: 0, value: origin };
  const at = async (t: number): Promise<number> => {
    left--;
    const value = await f(t);
    const counted = Number.isNaN(value) ? -Infinity : value;
    if (counted > best.value) best = { t, value: counted };
    return counted;
  };
  let [low, middle, high] = [0, Math.min(first, end), end];
  let valueAtMiddle = left > 0 ? await at(middle) : -Infinity;
  let isEnclosed = false;
  if (valueAtMiddle > origin) {
    while (left > 0 && middle < end && !isEnclosed) {
      const next = Math.min(middle + (middle - low) / golden, end);
      const value = await at(next);
      if (value > valueAtMiddle) [low, middle, valueAtMiddle] = [middle, next, value];
      else {
        high = next;
        isEnclosed = true;
      }
    }
    // Still rising at the end, but the maximum may lie before it.
    while (left > 0 && !isEnclosed && end - low > near * end) {
      const next = end - (1 - golden) * (end - low);
      const value = await at(next);
      isEnclosed = value > valueAtMiddle;
      if (isEnclosed) [middle, valueAtMiddle] = [next, value];
      else low = next;
    }
  } else {
    while (left > 0 && !isEnclosed) {
      high = middle;
      middle *= 1 - golden;
      valueAtMiddle = await at(middle);
      isEnclosed = valueAtMiddle > origin;
    }
  }
  while (left > 0 && isEnclosed) {
    // Probe the longer part, so that every bracket is shorter than the last by the golden ratio.
    const isRight = high - middle > middle - low;
    const next = isRight ? middle + (1 - golden) * (high - middle) : middle - (1 - golden) * (middle - low);
    const value = await at(next);
    const isBetter = value > valueAtMiddle;
    if (isRight === isBetter) low = isBetter ? middle : next;
    else high = isBetter ? middle : next;
    if (isBetter) [middle, valueAtMiddle] = [next, value];
  }
  return best.t > 0 ? best : undefined;
}

/** Evaluates f as often as asked, and counts. */
async function search(f: (t: number) => number, { first = 0.1, end = 10, evaluations = 40 } = {}) {
  const places: number[] = [];
  const counted = async (t: number) => {
    places.push(t);
    return f(t);
  };
  return { best: await reference(counted, { origin: f(0), first, end, evaluations }), places };
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

  it("ends at the same point as part of a graph, in both runtimes", async () => {
    const cases = [
      { top: 0.004, slope: 0, first: 0.1, end: 10, evaluations: 25 },
      { top: 3, slope: 0, first: 0.1, end: 10, evaluations: 30 },
      { top: 9.9, slope: 0, first: 0.5, end: 10, evaluations: 14 },
      { top: 20, slope: 0, first: 12, end: 10, evaluations: 9 },
      { top: 2, slope: 30, first: 0.1, end: 1, evaluations: 6 },
      { top: -1, slope: 0, first: 0.1, end: 10, evaluations: 7 },
      { top: 4, slope: 0, first: 0.1, end: 10, evaluations: 1 },
    ];
    for (const { top, slope, ...options } of cases) {
      const { best } = await search((t) => slope * t - (t - top) ** 2, options);
      const inGraph = ({ origin }: { origin: Tensor }) => {
        const f = (t: Tensor) => sub(mul(slope, t), square(sub(t, top)));
        return maximize(f, { ...options, origin, end: constant(options.end, "float64") });
      };
      const { graph } = trace(inGraph, { origin: spec([], "float64") });
      for (const runtime of ["javascript", "onnx"] as const) {
        const run = await compile(graph, { runtime });
        const found = await run.run({ origin: -(top ** 2) });
        expect(item(found.t), JSON.stringify({ top, ...options })).toBeCloseTo(best?.t ?? 0, 12);
        await run.dispose();
      }
    }
  });

  it("takes no more evaluations than it may", async () => {
    for (const evaluations of [1, 2, 5]) {
      const { places } = await search((t) => t * (4 - t), { evaluations });
      expect(places).toHaveLength(evaluations);
    }
  });
});
