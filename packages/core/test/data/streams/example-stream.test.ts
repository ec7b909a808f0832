import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import {
  type Examples,
  exampleStream,
  keptExamples,
  readEpoch,
} from "../../../src/data/streams/example-stream.js";
import { DataError, ShapeError } from "../../../src/errors.js";
import { permutation } from "../../../src/math/rng.js";

/** Examples that are their numbers, with a list of what was read. */
function counted(length: number): { readonly examples: Examples; readonly reads: (readonly number[])[] } {
  const reads: (readonly number[])[] = [];
  return {
    reads,
    examples: {
      length,
      async read(numbers) {
        reads.push([...numbers]);
        return { x: array(numbers.map((n) => [n, -n])) };
      },
    },
  };
}

describe("exampleStream", () => {
  it("gives all examples in order, or in that of a permutation by seed and epoch", async () => {
    const { examples } = counted(7);
    const inOrder = await readEpoch(exampleStream(examples, { partSize: 3 }));
    expect(Array.from(inOrder.x.data, Number).filter((_, i) => i % 2 === 0)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const shuffled = exampleStream(examples, { partSize: 3, shuffle: true });
    const { x } = await readEpoch(shuffled, 5, 2);
    expect(Array.from(x.data, Number).filter((_, i) => i % 2 === 0)).toEqual([...permutation(7, 5, 2)]);
    expect(x.shape).toEqual([7, 2]);
  });

  it("reads the next part while one is used, and no further", async () => {
    const { examples, reads } = counted(10);
    for await (const _ of exampleStream(examples, { partSize: 2 }).batches(0, 0)) {
      expect(reads).toEqual([
        [0, 1],
        [2, 3],
      ]);
      break;
    }
    expect(reads).toHaveLength(2);
  });

  it("tells a transform which examples it has", async () => {
    const { examples } = counted(3);
    const seen: unknown[] = [];
    const stream = exampleStream(examples, {
      partSize: 2,
      transform: (part, reading) => {
        seen.push(reading);
        return part;
      },
    });
    await readEpoch(stream, 4, 1);
    expect(seen).toEqual([
      { seed: 4, epoch: 1, numbers: [0, 1] },
      { seed: 4, epoch: 1, numbers: [2] },
    ]);
  });

  it("fails where the failing part is asked for, after the parts before it", async () => {
    const failing: Examples = {
      length: 3,
      async read([first]) {
        if (first === 1) throw new DataError("1.npy is damaged.");
        return { x: array([first]) };
      },
    };
    const read: number[] = [];
    const reading = async () => {
      for await (const { x } of exampleStream(failing, { partSize: 1 }).batches(0, 0))
        read.push(Number(x.data[0]));
    };
    await expect(reading()).rejects.toThrow("1.npy is damaged.");
    expect(read).toEqual([0]);
  });

  it("is empty without examples", async () => {
    expect(await readEpoch(exampleStream(counted(0).examples))).toEqual({});
  });

  it("does not put examples of different shapes together", async () => {
    const ragged: Examples = { length: 2, read: async ([n]) => ({ x: array([new Array(n + 1).fill(0)]) }) };
    await expect(readEpoch(exampleStream(ragged, { partSize: 1 }))).rejects.toThrow(ShapeError);
  });
});

describe("keptExamples", () => {
  it("reads each example once, whatever the order and the parts", async () => {
    const { examples, reads } = counted(6);
    const stream = exampleStream(keptExamples(examples), { partSize: 4, shuffle: true });
    const first = await readEpoch(stream, 0, 0);
    expect(await readEpoch(stream, 0, 1)).not.toEqual(first);
    expect(await readEpoch(stream, 0, 0)).toEqual(first);
    expect(reads.flat().sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
