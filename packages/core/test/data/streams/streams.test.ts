import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import { batches } from "../../../src/data/batches.js";
import type { DataStream } from "../../../src/data/stream.js";
import { cached } from "../../../src/data/streams/cached.js";
import { collected } from "../../../src/data/streams/collected.js";
import { concatenated } from "../../../src/data/streams/concatenated.js";
import { mapped } from "../../../src/data/streams/mapped.js";
import { shuffled } from "../../../src/data/streams/shuffled.js";
import { streamOf } from "../../../src/data/streams/stream-of.js";

const x = ndarray(
  Float32Array.from({ length: 60 }, (_, i) => i),
  [30, 2],
);
const data = {
  x,
  y: ndarray(
    BigInt64Array.from({ length: 30 }, (_, i) => BigInt(i)),
    [30],
  ),
};

/** The numbers of the examples in order; checks that both arrays belong together. */
async function order(stream: DataStream<typeof data>, seed = 0, epoch = 0): Promise<number[]> {
  const all: number[] = [];
  for await (const part of stream.batches(seed, epoch)) {
    const numbers = Array.from(part.y.data, Number);
    expect(Array.from(part.x.data)).toEqual(numbers.flatMap((n) => [2 * n, 2 * n + 1]));
    all.push(...numbers);
  }
  return all;
}

const inOrder = Array.from({ length: 30 }, (_, i) => i);

describe("a stream of arrays", () => {
  it("may write each part into the same memory", async () => {
    const part = { x: ndarray(new Float32Array(2), [2, 1]) };
    const stream: DataStream<typeof part> = {
      async *batches() {
        for (let i = 0; i < 6; i += 2) {
          part.x.data.set([i, i + 1]);
          yield part;
        }
      },
    };
    expect(Array.from((await collected(stream)).x.data)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("takes no more memory than its examples do, however large they are", async () => {
    // 4096 of them would be more than an array can hold.
    const large = { x: ndarray(new Uint8Array(3 * 2 ** 23).fill(1, 2 ** 24), [3, 2 ** 23]) };
    const stream = streamOf(large, { size: 2 });
    for (const found of [stream, shuffled(stream, { buffer: 1 })]) {
      const { x: all } = await collected(found);
      expect(all.shape).toEqual([3, 2 ** 23]);
      expect([0, 1, 2].map((i) => all.data[(i + 1) * 2 ** 23 - 1])).toEqual([0, 0, 1]);
    }
    const own = await collected(streamOf(data));
    expect(own).toEqual(data);
    expect(own.x.data.buffer).not.toBe(data.x.data.buffer);
  });

  it("has their examples in order, in parts of a size", async () => {
    const sizes: number[] = [];
    for await (const part of streamOf(data, { size: 8 }).batches(3, 4)) sizes.push(part.y.shape[0]);
    expect(sizes).toEqual([8, 8, 8, 6]);
    expect(await order(streamOf(data, { size: 8 }), 3, 4)).toEqual(inOrder);
  });

  it("needs equally many examples", () => {
    const uneven = { x, y: ndarray(new BigInt64Array(29), [29]) };
    expect(() => streamOf(uneven)).toThrow('"x" has 30 and "y" 29');
    expect(() => streamOf(data, { size: 0 })).toThrow("size must be an integer >= 1");
  });
});

describe("a shuffled stream", () => {
  it("has the order of a trainer's arrays when the buffer holds all of it", async () => {
    for (const [seed, epoch] of [
      [0, 0],
      [5, 2],
    ]) {
      // biome-ignore format: a matrix
      const expected = batches(30, 30, { seed, epoch })[0];
      for (const buffer of [30, 100]) {
        const stream = shuffled(streamOf(data, { size: 7 }), { buffer });
        expect(await order(stream, seed, epoch)).toEqual([...expected]);
      }
    }
  });

  it("has each example once, another order in each epoch, and moves none forward by as much as its buffer", async () => {
    const stream = shuffled(streamOf(data, { size: 7 }), { buffer: 10 });
    const [first, second] = [await order(stream, 1, 0), await order(stream, 1, 1)];
    expect(first).not.toEqual(second);
    expect(await order(shuffled(streamOf(data, { size: 4 }), { buffer: 10 }), 1, 0)).toEqual(first);
    for (const one of [first, second]) expect([...one].sort((a, b) => a - b)).toEqual(inOrder);
    first.forEach((example, place) => {
      expect(example - place).toBeLessThan(10);
    });
    expect(() => shuffled(stream, { buffer: 0 })).toThrow("buffer must be a number of examples");
    expect(() => shuffled(data as never, { buffer: 3 })).toThrow("Of arrays, streamOf(data) makes one");
  });
});

it("a cached stream is read once, whichever epoch comes first", async () => {
  const read: number[][] = [];
  const stream = cached<typeof data>({
    length: 30,
    batches(seed, epoch) {
      read.push([seed, epoch]);
      return streamOf(data, { size: 8 }).batches(seed, epoch);
    },
  });
  for (const epoch of [3, 0, 1]) expect(await order(stream, 9, epoch)).toEqual(inOrder);
  expect(read).toEqual([[0, 0]]);
});

it("concatenated streams follow one another", async () => {
  const stream = concatenated([streamOf(data), streamOf(data, { size: 4 })]);
  expect(stream.length).toBe(60);
  expect(await order(stream)).toEqual([...inOrder, ...inOrder]);
  const { length: _, ...unknown } = streamOf(data);
  expect(concatenated([streamOf(data), unknown]).length).toBeUndefined();
  expect(() => concatenated([])).toThrow("a list of streams");
});

describe("a mapped stream", () => {
  const doubled = ({ y, ...rest }: typeof data) => ({
    ...rest,
    y: { ...y, data: y.data.map((n) => 2n * n) },
  });

  it("has its parts changed, one change after another", async () => {
    const found: number[] = [];
    for await (const { y } of mapped(streamOf(data, { size: 9 }), [doubled, doubled]).batches(0, 0)) {
      found.push(...Array.from(y.data, Number));
    }
    expect(found).toEqual(inOrder.map((n) => 4 * n));
  });

  it("draws the same for an example however the stream is divided, and something else by seed and epoch", async () => {
    const drawn = async (size: number, seed: number, epoch: number) => {
      const numbers: number[] = [];
      const noted = {
        name: "noted",
        apply<T extends object>(part: T, rngOf: (i: number) => { next(): number }): T {
          const [{ shape }] = Object.values(part) as NdArray[];
          for (let i = 0; i < shape[0]; i++) numbers.push(rngOf(i).next());
          return part;
        },
      };
      for await (const _ of mapped(streamOf(data, { size }), noted).batches(seed, epoch));
      return numbers;
    };
    const first = await drawn(7, 1, 2);
    expect(new Set(first).size).toBe(30);
    expect(await drawn(30, 1, 2)).toEqual(first);
    expect(await drawn(7, 1, 3)).not.toEqual(first);
    expect(await drawn(7, 2, 2)).not.toEqual(first);
  });

  it("keeps the number of examples", async () => {
    const half = ({ x: a, y }: typeof data) => ({
      x: { shape: [1, 2], data: a.data.slice(0, 2) },
      y: { shape: [1], data: y.data.slice(0, 1) },
    });
    await expect(order(mapped(streamOf(data), half))).rejects.toThrow(
      "number of examples of a part, 30; it gave 1",
    );
    expect(() => mapped(streamOf(data), 3 as never)).toThrow("transforms such as randomFlip()");
  });
});
