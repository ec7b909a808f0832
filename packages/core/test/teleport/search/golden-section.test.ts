import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { item } from "../../../src/array.js";
import { mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compile } from "../../../src/runtime/compile.js";
import { maximize, maximizeInGraph } from "../../../src/teleport/search/golden-section.js";

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
        return maximizeInGraph(f, { ...options, origin, end: constant(options.end, "float64") });
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
