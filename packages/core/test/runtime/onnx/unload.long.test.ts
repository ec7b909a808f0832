import { InferenceSession } from "onnxruntime-node";
import { describe, expect, it, vi } from "vitest";
import { RuntimeError } from "../../../src/errors.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { exp } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compile } from "../../../src/runtime/compile.js";

const megabytes = () => process.memoryUsage().rss / 2 ** 20;

/** sum over i, j of exp(x_i y_j): n^2 numbers in float32 at once. */
const outer = (n: number) =>
  trace(({ x, y }) => sum(exp(mul(x, y))), { x: spec([n, 1]), y: spec([n]) }).graph;
const inputs = (n: number) => {
  const data = Float32Array.from({ length: n }, (_, i) => i / n);
  return { x: { shape: [n, 1], data }, y: { shape: [n], data } };
};

describe("unloading a graph", () => {
  it("frees the memory of a large one until its next run, which gives the same", async () => {
    const n = 2 ** 13;
    const run = await compile(outer(n), { runtime: "onnx" });
    const { result } = await run.run(inputs(n));
    const loaded = megabytes();
    await run.unload();
    await run.unload();
    expect(loaded - megabytes()).toBeGreaterThan(200);
    expect((await run.run(inputs(n))).result).toEqual(result);
    await run.dispose();
    await expect(run.unload()).rejects.toThrow(RuntimeError);
  });

  it("lets a run that cannot open it again be followed by another one, and by the disposal", async () => {
    const run = await compile(outer(2 ** 13), { runtime: "onnx" });
    await run.unload();
    const create = vi.spyOn(InferenceSession, "create").mockRejectedValue(new Error("no memory"));
    await expect(run.run(inputs(2 ** 13))).rejects.toThrow(/no memory/);
    await expect(run.run(inputs(2 ** 13))).rejects.toThrow(/no memory/);
    expect(create).toHaveBeenCalledTimes(2);
    create.mockRestore();
    await run.dispose();
  });

  it.each(["onnx", "javascript"] as const)("changes nothing for a small one in %s", async (runtime) => {
    const run = await compile(outer(2), { runtime });
    await run.unload();
    const { result } = await run.run(inputs(2));
    expect(result.data[0]).toBeCloseTo(3 + Math.exp(0.25), 6);
    await run.dispose();
    await expect(run.unload()).rejects.toThrow(RuntimeError);
  });
});
