// Files with smaller linear spaces, run by ONNX Runtime as they are written.

import { int, openFileSession } from "isoloss/internal";
import { compareModels, reduceRank } from "isoloss-onnx";
import { Builder, smallNetwork } from "isoloss-test-support/model-file/builder";
import { describe, expect, it } from "vitest";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../src/import/from-onnx.js";

/** Two linear layers of 8 units between, of which the first uses `rank`, and a relu before another. */
function linearPair(rank: number): Uint8Array {
  const b = new Builder({ seed: 7 });
  const narrow = b.product("x", 6, rank, { bias: false });
  const h = b.product(narrow, rank, 8, { bias: false });
  return b.bytes(["batch", 6], b.linear(b.node("Relu", [b.product(h, 8, 5, { bias: false })]), 5, 3));
}

const shapes = (bytes: Uint8Array) => Object.values(fromOnnx(bytes).params).map(({ shape }) => shape.join());

describe("linear spaces of a file", () => {
  it("lose unused rank, and the model computes the same", async () => {
    const before = linearPair(3);
    const { bytes, groups } = await reduceRank(before);
    expect(groups.map(({ size, rank, reason }) => [size, rank, reason])).toEqual([
      [3, 3, undefined],
      [8, 3, undefined],
    ]);
    expect(shapes(bytes)).toEqual(["6,3", "3,3", "3,5", "3,5", "3"]);
    expect((await compareModels(before, bytes)).largest).toBeLessThan(1e-5);
    const session = await openFileSession(bytes);
    const x = { shape: [2, 6], data: new Float32Array(12).fill(0.5) };
    expect((await session.run({ x })).y.shape).toEqual([2, 3]);
    await session.dispose();
  });

  it("are reduced to a rank, with the error of their product", async () => {
    const before = linearPair(3);
    const { bytes, groups } = await reduceRank(before, { rank: 2 });
    expect(groups.map(({ rank }) => rank)).toEqual([2, 2]);
    expect(groups[0].error).toBeGreaterThan(0);
    expect(shapes(bytes)).toEqual(["6,2", "2,2", "2,5", "3,5", "3"]);
  });

  it("are none in a file with activations, which stays as it is", async () => {
    const before = Buffer.from(smallNetwork());
    const { bytes, groups } = await reduceRank(before, { rank: 1 });
    expect(groups.every(({ reason, rank, size }) => reason === undefined && rank === size)).toBe(
      groups.length === 0,
    );
    expect(bytes).toEqual(new Uint8Array(before));
    expect(bytes.buffer).not.toBe(before.buffer);
  });

  it.each(["Split", "Reshape"])(
    "of attention with one product for all stay where a %s fixes them",
    async (op) => {
      const b = new Builder({ seed: 3 });
      const numbers = (...list: number[]) =>
        b.constant("list", { shape: [list.length], data: BigInt64Array.from(list.map(BigInt)) });
      const all = b.product("x", 8, 24, { bias: false });
      const parts = () => {
        if (op === "Split") return b.nodes("Split", [all, numbers(8, 8, 8)], 3, { axis: int(2) });
        const heads = b.node("Reshape", [all, numbers(0, 0, 3, 2, 4)]);
        const turned = b.node("Transpose", [heads], { perm: ints([2, 0, 3, 1, 4]) });
        return [0n, 1n, 2n].map((i) => {
          const index = b.constant("i", { shape: [], data: BigInt64Array.of(i) });
          return b.node("Gather", [turned, index], { axis: int(0) });
        });
      };
      const [q, k, v] = parts();
      const perm = ints(op === "Split" ? [0, 2, 1] : [0, 1, 3, 2]);
      const scores = b.node("Softmax", [b.node("MatMul", [q, b.node("Transpose", [k], { perm })])]);
      const mixed = b.node("MatMul", [scores, v]);
      const swapped = () => b.node("Transpose", [mixed], { perm: ints([0, 2, 1, 3]) });
      const joined = op === "Split" ? mixed : b.node("Reshape", [swapped(), numbers(0, 0, 8)]);
      const before = b.bytes(["batch", 4, 8], b.product(joined, 8, 8, { bias: false }));
      const { bytes, groups } = await reduceRank(before, { rank: 2 });
      expect(bytes).toEqual(before);
      expect(groups).toHaveLength(2);
      for (const { reason } of groups) {
        expect(reason).toMatch(
          new RegExp(`^the file fixes the number of its units: .*${op} "${op.toLowerCase()}\\d+"`),
        );
      }
    },
  );

  it("are refused for bad options", async () => {
    await expect(reduceRank(linearPair(3), { rank: 0 })).rejects.toThrow("rank must be an integer >= 1");
    await expect(reduceRank(Uint8Array.of(1))).rejects.toThrow("Invalid field number");
  });
});
