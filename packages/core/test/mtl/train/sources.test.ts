import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import type { Batch } from "../../../src/batch.js";
import { batches } from "../../../src/data/batches.js";
import { shuffled } from "../../../src/data/streams/shuffled.js";
import { streamOf } from "../../../src/data/streams/stream-of.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { prepareSources } from "../../../src/mtl/train/sources.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { sgd } from "../../../src/optim/sgd.js";

const counted = (n: number, from = 0) =>
  ndarray(
    Float64Array.from({ length: n }, (_, i) => from + i),
    [n],
  );
const values = (a: { readonly data: ArrayLike<number | bigint> }) => Array.from(a.data, Number);

describe("batches of a run", () => {
  it("are one draw without examples, where a run has no data", async () => {
    const sources = await prepareSources({}, { seed: 5, dtype: "float64" });
    const drawn: Batch[] = [];
    for await (const batch of sources.batches(0, "all")) {
      drawn.push(batch);
      if (drawn.length > 1) break;
    }
    expect(drawn).toEqual([{}]);
    await sources.dispose();
  });

  it("are those of the data's own order for the seed, epoch by epoch", async () => {
    const sources = await prepareSources({ x: counted(10) }, { batchSize: 4, seed: 5, dtype: "float64" });
    expect(sources.stepsPerEpoch).toBe(2);
    const order = [0, 1, 2].flatMap((epoch) => batches(10, 4, { seed: 5, epoch }));
    for (const [step, rows] of order.entries()) {
      expect(values((await sources.batchOf(step)).x)).toEqual([...rows]);
    }
    // Any step may be asked for again, as after a restore.
    expect(values((await sources.batchOf(1)).x)).toEqual([...order[1]]);
  });

  it("of further streams are other orders of the same examples", async () => {
    const sources = await prepareSources({ x: counted(12) }, { batchSize: 4, seed: 5, dtype: "float64" });
    const passes: number[][] = [];
    for (const sample of [0, 1, 2]) {
      const steps = await Promise.all([0, 1, 2].map((step) => sources.batchOf(step, sample)));
      passes.push(steps.flatMap(({ x }) => values(x)));
    }
    for (const pass of passes) expect(pass.slice().sort((a, b) => a - b)).toEqual(values(counted(12)));
    expect(new Set(passes.map(String)).size).toBe(3);
  });

  it("take a batch of every source; shorter ones start anew in another order", async () => {
    const sources = await prepareSources([{ a: counted(8) }, { b: counted(4, 100) }], {
      batchSize: 2,
      seed: 0,
      dtype: "float64",
    });
    expect(sources.stepsPerEpoch).toBe(4);
    const b = await Promise.all([0, 1, 2, 3].map(async (step) => values((await sources.batchOf(step)).b)));
    for (const pass of [b.slice(0, 2), b.slice(2)]) {
      expect(pass.flat().sort((x, y) => x - y)).toEqual([100, 101, 102, 103]);
    }
    expect(Object.keys(await sources.batchOf(0))).toEqual(["a", "b"]);
  });

  describe("of a draw that is as long as an epoch", () => {
    const streamed = (x: ReturnType<typeof counted>) => shuffled(streamOf({ x }, { size: 3 }), { buffer: 4 });
    const read = async (batches: AsyncIterable<Batch>) => {
      const all: number[][][] = [];
      for await (const batch of batches) all.push(Object.values(batch).map(values));
      return all;
    };
    const options = { batchSize: 4, seed: 5, dtype: "float64" } as const;

    it.each([
      ["arrays", { x: counted(21) }],
      ["a stream", streamed(counted(21))],
    ])("have the bits of the whole draw whenever they are read: %s", async (_, data) => {
      const [sources, whole] = [await prepareSources(data, options), await prepareSources(data, options)];
      for (const step of [3, 4]) {
        const drawn = values((await whole.sample(20, step, "all")).x);
        const batches = sources.batches(step, "all");
        const expected = [0, 4, 8, 12, 16].map((at) => [drawn.slice(at, at + 4)]);
        expect(await read(batches)).toEqual(expected);
        // Ended early, and again from the first one on.
        for await (const { x } of batches) if (values(x).join() === drawn.slice(4, 8).join()) break;
        expect(await read(batches)).toEqual(expected);
        // Further draws go on after it.
        expect(await sources.sample(6, step, "more")).toEqual(await whole.sample(6, step, "more"));
        expect(await read(batches)).toEqual(expected);
      }
      await Promise.all([sources.dispose(), whole.dispose()]);
    });

    it("begin again in a source that has fewer", async () => {
      const sources = await prepareSources([{ a: counted(8) }, { b: counted(5, 100) }], {
        ...options,
        batchSize: 2,
      });
      const drawn = await sources.sample(8, 0, "all");
      const [a, b] = [values(drawn.a), values(drawn.b)];
      expect(await read(sources.batches(0, "all"))).toEqual(
        [0, 2, 4, 6].map((at) => [a.slice(at, at + 2), b.slice(at % 4, (at % 4) + 2)]),
      );
    });
  });

  it("are in the precision of the run, but integers stay", async () => {
    const labels = ndarray(BigInt64Array.of(1n, 2n), [2]);
    const { batchOf } = await prepareSources({ x: counted(2), labels }, { seed: 0, dtype: "float32" });
    expect((await batchOf(0)).x.data).toBeInstanceOf(Float32Array);
    expect((await batchOf(0)).labels.data).toBeInstanceOf(BigInt64Array);
  });

  it("are nothing, without an end of an epoch, for a function", async () => {
    const sources = await prepareSources({}, { seed: 0, dtype: "float64" });
    expect(await sources.batchOf(7)).toEqual({});
    expect(sources.stepsPerEpoch).toBe(Infinity);
  });

  it("need arrays of examples under names that differ", async () => {
    const make = (data: object) =>
      expect(prepareSources(data as never, { seed: 0, dtype: "float64" })).rejects;
    await make([{ a: counted(2) }, { a: counted(3) }]).toThrow('Two sources of data have an array "a"');
    await make({ a: [1, 2] }).toThrow('"a" is not one');
    await make(counted(2)).toThrow("a record of arrays");
    await make({ a: { shape: [], data: Float64Array.of(1) } }).toThrow("first axis of examples");
    await make({ a: counted(0) }).toThrow("at least one");
  });
});

it("tasks with inputs of their own train together", async () => {
  const params = { shared: { w: ndarray(Float64Array.of(1), [1]) } };
  const trainer = await createMultiTaskTrainer({
    losses: ({ shared: { w } }, { a, b }) => [mean(mul(w, a)), mean(mul(w, b))],
    params,
    data: [{ a: counted(8) }, { b: counted(4, 100) }],
    method: linearScalarization(),
    optimizer: sgd(),
    learningRate: 0,
    batchSize: 2,
  });
  await trainer.run({ steps: 4 });
  const [a, b] = trainer.history.losses.map((l) => l.reduce((x, y) => x + y, 0) / 4);
  expect([a, b]).toEqual([3.5, 101.5]);
});
