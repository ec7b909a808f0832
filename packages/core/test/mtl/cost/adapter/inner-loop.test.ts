import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../../src/array.js";
import { createAdapter } from "../../../../src/mtl/cost/adapter/adapter.js";
import { type ImproveOptions, improveOf } from "../../../../src/mtl/cost/adapter/improve.js";
import {
  type CostTrustRegion,
  compileInnerLoop,
  type InnerLoop,
} from "../../../../src/mtl/cost/adapter/inner-loop.js";
import { compileLosses, type LossMeter } from "../../../../src/mtl/cost/meters.js";
import { partsOf, sharedLosses } from "../../../../src/mtl/cost/shared-losses.js";
import { adam } from "../../../../src/optim/adam.js";
import type { CompileOptions } from "../../../../src/runtime/compile.js";
import { flatten } from "../../../../src/tree.js";
import { netData, netLosses, type SmallNet, smallNet } from "../support.js";

const norm = ({ data }: NdArray): number => Math.hypot(...Array.from(data, Number));

/** An inner loop on the small network, and a run of it. */
async function loopFor({
  tasks = 2,
  dtype = "float64",
  improve = { kind: "cosine" },
  trust = { kind: "relative", value: 0.1 },
  weight = 1,
  compileOptions = {},
}: {
  tasks?: number;
  dtype?: "float32" | "float64";
  improve?: ImproveOptions;
  trust?: CostTrustRegion;
  weight?: number;
  compileOptions?: CompileOptions;
} = {}) {
  const params = smallNet(tasks, dtype);
  const batch = netData(16, tasks, dtype);
  const anchors = [batch, netData(16, tasks, dtype, 1), netData(16, tasks, dtype, 2)];
  const losses = sharedLosses<SmallNet>({ losses: netLosses(tasks) });
  const adapter = createAdapter(params.shared, { rank: 2 });
  const loop: InnerLoop = await compileInnerLoop({
    losses,
    tasks,
    parts: partsOf(params),
    batch,
    adapter,
    improve: improveOf(improve),
    weight,
    optimizer: adam(),
    trust,
    dtype,
    compileOptions,
  });
  const meter: LossMeter = await compileLosses(losses, partsOf(params), batch, compileOptions);
  const frozen = await meter.each(partsOf(params), anchors);
  const weights = flatten<NdArray>(params.shared, isNdArray).leaves;
  return {
    async run(options: { steps?: number; learningRate?: number; seed?: number } = {}) {
      const { steps = 20, learningRate = 0.01, seed = 3 } = options;
      const balance = new Float64Array(tasks).fill(1);
      const end = await loop.run({
        parts: partsOf(params),
        anchors,
        frozen,
        conflicting: batch,
        balance,
        learningRate,
        steps,
        seed,
      });
      const ratios = adapter.sites.map(({ leaf }, i) => norm(end.displacement[i]) / norm(weights[leaf]));
      return { ...end, ratios, lengths: end.displacement.map(norm) };
    },
    async dispose() {
      await loop.dispose();
      await meter.dispose();
    },
  };
}

describe("the inner loop", () => {
  let cosine: Awaited<ReturnType<typeof loopFor>>;
  beforeAll(async () => {
    cosine = await loopFor();
  });
  afterAll(() => cosine.dispose());

  it("betters the objective and keeps every tensor inside the trust region", async () => {
    const { first, last, ratios } = await cosine.run();
    expect(last?.improve).toBeGreaterThan((first?.improve ?? 0) + 0.05);
    for (const ratio of ratios) expect(ratio).toBeLessThanOrEqual(0.1 * (1 + 1e-12));
    expect(Math.max(...ratios)).toBeGreaterThan(0.02);
  });

  it("does so by differences of gradients, too", async () => {
    const loop = await loopFor({ improve: { kind: "cosine", derivatives: "differences" } });
    const { first, last, ratios } = await loop.run();
    expect(first?.improve).toBeCloseTo((await cosine.run()).first?.improve ?? 0, 12);
    expect(last?.improve).toBeGreaterThan((first?.improve ?? 0) + 0.05);
    for (const ratio of ratios) expect(ratio).toBeLessThanOrEqual(0.1 * (1 + 1e-12));
    await loop.dispose();
  });

  it("holds the trust region at any learning rate", async () => {
    const { ratios } = await cosine.run({ learningRate: 1 });
    for (const ratio of ratios) {
      expect(ratio).toBeLessThanOrEqual(0.1 * (1 + 1e-12));
      expect(ratio).toBeGreaterThan(0.099);
    }
  });

  it("takes an absolute bound, or none", async () => {
    const absolute = await loopFor({ trust: { kind: "absolute", value: 0.3 } });
    for (const length of (await absolute.run({ learningRate: 1 })).lengths) {
      expect(length).toBeCloseTo(0.3, 12);
    }
    await absolute.dispose();
    const free = await loopFor({ trust: false });
    expect(Math.max(...(await free.run({ learningRate: 1 })).ratios)).toBeGreaterThan(1);
    await free.dispose();
  });

  it("is the same for the same seed, and another for another", async () => {
    const [a, b, c] = [await cosine.run(), await cosine.run(), await cosine.run({ seed: 4 })];
    expect(a.displacement).toEqual(b.displacement);
    expect(a.displacement).not.toEqual(c.displacement);
  });

  it("moves nothing in no steps", async () => {
    const { displacement, first } = await cosine.run({ steps: 0 });
    expect(displacement.every(({ data }) => (data as Float64Array).every((v) => v === 0))).toBe(true);
    expect(first).toBeUndefined();
  });

  it.each(["float64", "float32"] as const)("moves nothing for L_t alone, in %s", async (dtype) => {
    const loop = await loopFor({ improve: { kind: "none" }, dtype });
    const { displacement, last } = await loop.run({ steps: 12 });
    expect(displacement.every(({ data }) => (data as Float64Array).every((v) => v === 0))).toBe(true);
    expect(last?.preserve).toBe(0);
    await loop.dispose();
  });

  it("works for four tasks", async () => {
    const loop = await loopFor({ tasks: 4 });
    const { first, last } = await loop.run();
    expect(last?.value).toBeLessThan(first?.value ?? 0);
    await loop.dispose();
  });

  it("runs alike on both runtimes, random directions included", async () => {
    const improve = { kind: "sharpness", radius: 0.05 } as const;
    const results: (readonly NdArray[])[] = [];
    for (const runtime of ["javascript", "onnx"] as const) {
      const loop = await loopFor({ improve, dtype: "float32", compileOptions: { runtime } });
      results.push((await loop.run({ steps: 10 })).displacement);
      await loop.dispose();
    }
    const [js, onnx] = results;
    js.forEach((D, i) => {
      const difference = Array.from(D.data as Float32Array, (v, k) => v - Number(onnx[i].data[k]));
      expect(Math.hypot(...difference)).toBeLessThan(2e-2 * norm(D));
    });
  });
});
