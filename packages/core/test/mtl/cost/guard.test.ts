import { describe, expect, it } from "vitest";
import { array, type NdArray, zeros } from "../../../src/array.js";
import type { Batch } from "../../../src/batch.js";
import { ShapeError } from "../../../src/errors.js";
import { stackedBatches } from "../../../src/mtl/cost/adapter/inner-loop.js";
import { anchorsOf, guardBatches } from "../../../src/mtl/cost/attempt.js";
import { approvalOf, driftGuardOf, driftOf, meanOf, objectionTo } from "../../../src/mtl/cost/drift-guard.js";

const of = (...values: number[]) => Float64Array.from(values);
const numbers = ({ data }: NdArray): number[] => Array.from<number | bigint, number>(data, Number);

describe("the guard on drift", () => {
  it("judges the task that moves most, in its own size or in its units", () => {
    // By hand: the first task moves by 0.5, 25 % of 2; the second by 0.6, 15 % of 4.
    const drift = driftOf(of(2, 4), of(2.5, 3.4));
    expect(drift.worstRelative).toBeCloseTo(0.25, 14);
    expect(drift.worst).toBeCloseTo(0.6, 14);
    expect(objectionTo(drift, driftGuardOf({ drift: 0.26 }))).toBeUndefined();
    expect(objectionTo(drift, driftGuardOf({ drift: 0.24 }))).toBe(
      "the loss of task 0 moves most, by 0.250 of its size, more than 0.24",
    );
    expect(objectionTo(drift, driftGuardOf({ drift: 0.61, kind: "absolute" }))).toBeUndefined();
    expect(objectionTo(drift, driftGuardOf({ drift: 0.59, kind: "absolute" }))).toBe(
      "the loss of task 1 moves most, by 0.600, more than 0.59",
    );
  });

  it("says of an accepted move what was judged", () => {
    const drift = driftOf(of(2, 4), of(2.5, 3.4));
    expect(approvalOf(drift, driftGuardOf({ drift: 0.5 }))).toBe(
      "the loss of task 0 moves most, by 0.250 of its size, within 0.5",
    );
    expect(approvalOf(drift, driftGuardOf({ drift: 0.6, judge: "mean", kind: "absolute" }))).toBe(
      "on the mean over the tasks the losses move by 0.550, within 0.6",
    );
    expect(approvalOf(drift, false)).toContain("no guard");
  });

  it("takes the mean absolute move where it is asked to, as L_t does", () => {
    const drift = driftOf(of(2, 4), of(2.3, 3.7));
    expect(drift.mean).toBeCloseTo(0.3, 14);
    expect(drift.meanRelative).toBeCloseTo(0.1, 14);
    expect(drift.relative[0]).toBeCloseTo(0.15, 14);
    expect(drift.relative[1]).toBeCloseTo(0.075, 14);
    expect(objectionTo(drift, driftGuardOf({ drift: 0.11, judge: "mean" }))).toBeUndefined();
    expect(objectionTo(drift, driftGuardOf({ drift: 0.09, judge: "mean" }))).toContain(
      "move by 0.100 of their size, more than 0.09",
    );
    expect(objectionTo(drift, driftGuardOf({ drift: 0.29, kind: "absolute", judge: "mean" }))).toContain(
      "move by 0.300, more",
    );
  });

  it("takes no loss that is not finite, whatever its options", () => {
    const drift = driftOf(of(2, 4), of(2, Number.NaN));
    for (const guard of [false, driftGuardOf({ drift: 1e9 })] as const) {
      expect(objectionTo(drift, guard)).toBe("the loss of task 1 is NaN at the new point");
    }
    expect(objectionTo(driftOf(of(2, 4), of(9, 9)), false)).toBeUndefined();
  });

  it("fills in 5 % of every task's loss on 1000 examples and three halvings", () => {
    expect(driftGuardOf({})).toEqual({
      drift: 0.05,
      judge: "worst",
      kind: "relative",
      samples: 1000,
      halvings: 3,
    });
    expect(() => driftGuardOf({ drift: -1 })).toThrow("drift must be a finite number >= 0");
    expect(() => driftGuardOf({ judge: "median" as never })).toThrow("judge must be one of worst, mean");
  });

  it("averages losses over batches", () => {
    expect([...meanOf([of(1, 5), of(3, 7)])]).toEqual([2, 6]);
  });
});

describe("examples of a teleport", () => {
  const rows = (from: number, count: number): Batch => ({
    x: array(
      Array.from({ length: count }, (_, i) => [from + i, -from - i]),
      "float32",
    ),
    y: array(
      Array.from({ length: count }, (_, i) => from + i),
      "int64",
    ),
  });
  const asked: [number, string | number | undefined][] = [];
  const source = {
    batch: rows(0, 4),
    stepsPerEpoch: 3,
    sample: async (count: number, label?: string | number) => {
      asked.push([count, label]);
      return rows(10, count);
    },
    batches: () => ({
      async *[Symbol.asyncIterator]() {
        for (const from of [10, 14, 18]) yield rows(from, 4);
      },
    }),
  };

  it("freezes losses on the step's batch and further ones", async () => {
    const [first, ...others] = [...((await anchorsOf(source, 3)) as Iterable<Batch>)];
    expect(first).toBe(source.batch);
    expect(others.map(({ y }) => y.shape[0])).toEqual([4, 4]);
    expect(await anchorsOf(source, 1)).toEqual([source.batch]);
  });

  // As the authors' program does: github.com/zzpustc/COST, commit 28172e7, methods/teleportation.py, lines 78-83 and 165.
  it("leaves the batches of an epoch where they are, to be read one after another", async () => {
    const batches = await anchorsOf(source, "loader");
    for (const _ of ["once", "again"]) {
      const read: number[][] = [];
      for await (const { y } of batches) read.push(numbers(y as NdArray));
      expect(read).toEqual([
        [10, 11, 12, 13],
        [14, 15, 16, 17],
        [18, 19, 20, 21],
      ]);
    }
  });

  it("judges on whole batches of examples with labels of their own", async () => {
    asked.length = 0;
    expect(await guardBatches(source, 10)).toHaveLength(3);
    expect(new Set(asked.map(([, label]) => label)).size).toBe(3);
    expect(await guardBatches(source, 1000)).toHaveLength(source.stepsPerEpoch);
    expect(await guardBatches(source, 0)).toEqual([source.batch]);
  });

  it("has only the function where there are no data", async () => {
    const none = { ...source, batch: {}, stepsPerEpoch: Infinity };
    for (const batches of [anchorsOf(none, 4), anchorsOf(none, "loader"), guardBatches(none, 1000)]) {
      expect(await batches).toEqual([{}]);
    }
  });

  it("stacks batches of equal names, types and shapes only", () => {
    const { x, y } = stackedBatches([rows(0, 2), rows(5, 2)]);
    expect(x.shape).toEqual([2, 2, 2]);
    expect(numbers(y)).toEqual([0, 1, 5, 6]);
    const { x: only } = rows(0, 2);
    const refused = (...batches: Batch[]) => expect(() => stackedBatches(batches));
    refused(rows(0, 2), rows(0, 3)).toThrow('"x" is float32 [2, 2] in one and float32 [3, 2] in another');
    refused({ x: only }, rows(0, 2)).toThrow('"y" is missing in one and');
    refused({ x: zeros([2, 2], "float32") }, { x: zeros([2, 2], "float64") }).toThrow(
      '"x" is float32 [2, 2] in one and float64 [2, 2] in another',
    );
    refused({ x: zeros([2], "int64") }, { x: zeros([2], "float32") }).toThrow(ShapeError);
  });
});
