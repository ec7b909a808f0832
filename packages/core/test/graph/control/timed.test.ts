import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { timed } from "../../../src/graph/control/timed.js";
import { whileLoop } from "../../../src/graph/control/while.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { less } from "../../../src/graph/ops/compare.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compile } from "../../../src/runtime/compile.js";

/** A sum over as many passes as `n` says; the parts of the result that are asked for, and the seconds. */
const counting = (n: number, parts: readonly ("sum" | "passes")[]) =>
  trace(
    ({ x }) => {
      const [result, seconds] = timed(() => {
        const end = whileLoop(
          ({ passes }) => less(passes, n),
          ({ passes, sum }) => ({ passes: add(passes, 1), sum: add(mul(0.5, sum), x) }),
          { passes: constant(0, "float64"), sum: mul(0, x) },
          { most: n },
        );
        return end;
      });
      return { seconds, ...Object.fromEntries(parts.map((part) => [part, result[part]])) };
    },
    { x: spec([2], "float64") },
  ).graph;

describe("a timed part", () => {
  it("gives its results and the seconds of its computation, which more passes take more of", async () => {
    const seconds: number[] = [];
    for (const n of [10, 300_000]) {
      const executable = await compile(counting(n, ["sum", "passes"]), { runtime: "javascript" });
      const begin = performance.now();
      const results = await executable.run({ x: array([1, 2], "float64") });
      const all = (performance.now() - begin) / 1000;
      // 1 + 1/2 + 1/4 + .. = 2 - 2^(1 - n).
      const factor = 2 - 2 ** (1 - n);
      expect(Array.from(results.sum.data, Number)).toEqual([factor, 2 * factor]);
      expect(Number(results.passes.data[0])).toBe(n);
      seconds.push(Number(results.seconds.data[0]));
      expect(seconds[seconds.length - 1]).toBeLessThanOrEqual(all);
    }
    expect(seconds[0]).toBeGreaterThanOrEqual(0);
    expect(seconds[1]).toBeGreaterThan(seconds[0]);
  });

  it("computes only what is used of it", async () => {
    const executable = await compile(counting(5, ["passes"]), { runtime: "javascript" });
    const results = await executable.run({ x: array([1, 2], "float64") });
    expect(Object.keys(results)).toEqual(["seconds", "passes"]);
    expect(Number(results.passes.data[0])).toBe(5);
  });

  it("is refused in ONNX, which has no clock", async () => {
    await expect(compile(counting(5, ["sum"]), { runtime: "onnx" })).rejects.toThrow("cannot measure time");
  });
});
