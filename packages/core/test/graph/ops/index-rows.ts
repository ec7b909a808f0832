import fc from "fast-check";
import {
  forEachPlace,
  get,
  integers,
  type OpRow,
  offsetOf,
  type Place,
  range,
  seed,
  shapeOf,
  show,
  tabulate,
  total,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { cumsum, gather, oneHot } from "../../../src/graph/ops/gather.js";
import { randomUniform } from "../../../src/graph/ops/random.js";
import { transpose } from "../../../src/graph/ops/reshape.js";
import { scatterAdd } from "../../../src/graph/ops/scatter.js";
import { pad, slice } from "../../../src/graph/ops/slice.js";

const indexed = shapeOf(1, 3, 60).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axis: fc.nat({ max: shape.length - 1 }),
    indexShape: shapeOf(0, 2, 12),
    seed,
  }),
);

/** The result's shape: the indices' axes in the axis' place. */
const picked = (shape: Place, axis: number, indexShape: Place): number[] => [
  ...shape.slice(0, axis),
  ...indexShape,
  ...shape.slice(axis + 1),
];

/** The place in x of an element of the gathered tensor; x has n slices along the axis. */
const source = (at: Place, axis: number, n: number, indices: NdArray): Place => [
  ...at.slice(0, axis),
  (get(indices, at.slice(axis, axis + indices.shape.length)) + n) % n,
  ...at.slice(axis + indices.shape.length),
];

/** Indices in -n..n-1. */
const signedIntegers = (s: number, shape: Place, n: number): NdArray => {
  const drawn = integers(s, shape, 2 * n);
  return tabulate(shape, (at) => get(drawn, at) - n, "int64");
};

const gatherRow: OpRow = {
  name: "gather",
  cases: indexed
    .chain((c) => fc.tuple(fc.constant(c), fc.boolean()))
    .map(([{ shape, axis, indexShape, seed }, fromEnd]) => ({
      label: `${show(shape)} at ${show(indexShape)} axis ${axis} seed ${seed}`,
      inputs: [uniform(seed, shape), signedIntegers(seed + 1, indexShape, shape[axis])],
      apply: (x, i) => gather(mul(x, x), i, { axis: fromEnd ? axis - shape.length : axis }),
      reference: (x, i) =>
        tabulate(picked(shape, axis, indexShape), (at) => get(x, source(at, axis, shape[axis], i)) ** 2),
    })),
};

const integerGather: OpRow = {
  name: "gather of integers",
  differentiable: false,
  cases: indexed.map(({ shape, axis, indexShape, seed }) => ({
    label: `${show(shape)} at ${show(indexShape)} axis ${axis}`,
    inputs: [integers(seed, shape, 100), signedIntegers(seed + 1, indexShape, shape[axis])],
    apply: (x, i) => gather(x, i, { axis }),
    reference: (x, i) =>
      tabulate(picked(shape, axis, indexShape), (at) => get(x, source(at, axis, shape[axis], i)), "int64"),
  })),
};

const scatterRow: OpRow = {
  name: "scatterAdd",
  cases: indexed.map(({ shape, axis, indexShape, seed }) => {
    const updates = picked(shape, axis, indexShape);
    return {
      label: `${show(updates)} at ${show(indexShape)} axis ${axis} of ${shape[axis]} seed ${seed}`,
      inputs: [uniform(seed, updates), signedIntegers(seed + 1, indexShape, shape[axis])],
      apply: (u, i) => scatterAdd(mul(u, u), i, { axis, size: shape[axis] }),
      reference: (u, i) => {
        const sums = tabulate(shape, () => 0);
        forEachPlace(updates, (at) => {
          const to = source(at, axis, shape[axis], i);
          sums.data[offsetOf(shape, to)] = get(sums, to) + get(u, at) ** 2;
        });
        return sums;
      },
    };
  }),
};

const oneHotRow: OpRow = {
  name: "oneHot",
  differentiable: false,
  cases: fc.tuple(shapeOf(0, 2, 20), fc.constantFrom(1, 2, 5), seed).map(([shape, depth, s]) => ({
    label: `${show(shape)} depth ${depth} seed ${s}`,
    // Also -1 and depth, which mark nothing.
    inputs: [
      tabulate(
        shape,
        (
          (drawn) => (at: Place) =>
            get(drawn, at) - 1
        )(integers(s, shape, depth + 2)),
        "int64",
      ),
    ],
    apply: (i) => oneHot(i, depth, "float64"),
    reference: (i) => tabulate([...shape, depth], (at) => +(get(i, at.slice(0, -1)) === at[at.length - 1])),
  })),
};

const cumsumRow: OpRow = {
  name: "cumsum",
  cases: shapeOf(1, 3)
    .chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
        exclusive: fc.boolean(),
        reverse: fc.boolean(),
        seed,
      }),
    )
    .map(({ shape, axis, exclusive, reverse, seed }) => ({
      label: `${show(shape)} axis ${axis} exclusive ${exclusive} reverse ${reverse} seed ${seed}`,
      inputs: [uniform(seed, shape)],
      apply: (x) => cumsum(mul(x, x), { axis, exclusive, reverse }),
      reference: (x) =>
        tabulate(shape, (at) => {
          const d = (axis + shape.length) % shape.length;
          const counts = (k: number) => (reverse ? k > at[d] : k < at[d]) || (!exclusive && k === at[d]);
          return total(
            range(shape[d])
              .filter(counts)
              .map(
                (k) =>
                  get(
                    x,
                    at.map((i, e) => (e === d ? k : i)),
                  ) ** 2,
              ),
          );
        }),
    })),
};

/** x ^= x >>> 16; x *= 0x21f0aaad; x ^= x >>> 15; x *= 0x735a2d97; x ^= x >>> 15, modulo 2^32, in exact integers. */
function mix(x: bigint): bigint {
  const word = (v: bigint) => BigInt.asUintN(32, v);
  let h = word(x);
  h ^= h >> 16n;
  h = word(h * 0x21f0aaadn);
  h ^= h >> 15n;
  h = word(h * 0x735a2d97n);
  return h ^ (h >> 15n);
}

const randomRow: OpRow = {
  name: "randomUniform",
  differentiable: false,
  cases: fc
    .record({
      shape: shapeOf(0, 3),
      stream: fc.nat({ max: 9 }),
      start: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    })
    .map(({ shape, stream, start }) => ({
      label: `${show(shape)} stream ${stream} seed ${start}`,
      inputs: [tabulate([], () => start, "int64")],
      apply: (s) => randomUniform(s, shape, { stream, dtype: "float64" }),
      reference: (s) => {
        const key = mix(BigInt(get(s, [])) + (mix(BigInt(stream)) >> 2n));
        return tabulate(shape, (at) => Number(mix(mix(BigInt(offsetOf(shape, at))) ^ key) >> 8n) * 2 ** -24);
      },
    })),
};

/** Operations that only move or add elements, on integers. */
const integerMoves: OpRow = {
  name: "cumsum, pad, slice and transpose of integers",
  differentiable: false,
  cases: fc.tuple(fc.constantFrom(2, 3, 5), fc.constantFrom(1, 4), seed).map(([m, n, s]) => ({
    label: `${m} ${n} seed ${s}`,
    inputs: [integers(s, [m, n], 9)],
    apply: (x) =>
      transpose(
        slice(
          pad(
            cumsum(x, { axis: 0 }),
            [
              [1, 0],
              [0, 2],
            ],
            5,
          ),
          { starts: [0, 0], steps: [2, 1] },
        ),
      ),
    reference: (x) =>
      tabulate(
        [n + 2, Math.ceil((m + 1) / 2)],
        ([j, i]) => {
          const row = 2 * i - 1;
          return row < 0 || j >= n ? 5 : total(range(row + 1).map((k) => get(x, [k, j])));
        },
        "int64",
      ),
  })),
};

const integerScatter: OpRow = {
  name: "scatterAdd of integers",
  differentiable: false,
  cases: fc.tuple(fc.constantFrom(1, 4, 7), seed).map(([n, s]) => ({
    label: `${n} seed ${s}`,
    inputs: [integers(s, [n], 9), integers(s + 1, [n], 3)],
    apply: (u, i) => scatterAdd(u, i, { size: 3 }),
    reference: (u, i) =>
      tabulate(
        [3],
        ([k]) =>
          total(
            range(n)
              .filter((j) => get(i, [j]) === k)
              .map((j) => get(u, [j])),
          ),
        "int64",
      ),
  })),
};

export const indexRows: readonly OpRow[] = [
  integerMoves,
  integerScatter,
  gatherRow,
  integerGather,
  scatterRow,
  oneHotRow,
  cumsumRow,
  randomRow,
];
