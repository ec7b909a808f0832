import fc from "fast-check";
import {
  distinct,
  forEachPlace,
  get,
  getBroadcast,
  integers,
  type OpRow,
  type Place,
  range,
  seed,
  shapeOf,
  show,
  tabulate,
  tied,
  total,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { prod } from "../../../src/graph/ops/prod.js";
import { argmax, max, mean, min, type ReduceOptions, sum, variance } from "../../../src/graph/ops/reduce.js";
import { logSoftmax, softmax } from "../../../src/graph/ops/softmax.js";
import type { Tensor } from "../../../src/graph/tensor.js";

/** A random choice of axes, some of them counted from the end; undefined for all. */
const someAxes = (rank: number): fc.Arbitrary<number[] | number | undefined> =>
  fc.oneof(
    fc.constant(undefined),
    ...(rank === 0
      ? []
      : [
          fc.integer({ min: -rank, max: rank - 1 }),
          fc
            .tuple(fc.shuffledSubarray(range(rank)), fc.boolean())
            .map(([axes, fromEnd]) => axes.map((a) => (fromEnd ? a - rank : a))),
        ]),
  );

interface Reduced {
  readonly shape: number[];
  readonly options: ReduceOptions;
  readonly seed: number;
}

const reductions = (minRank = 0): fc.Arbitrary<Reduced> =>
  shapeOf(minRank, 4).chain((shape) =>
    fc
      .record({ axes: someAxes(shape.length), keepDims: fc.boolean(), seed })
      .map(({ axes, keepDims, seed }) => ({
        shape,
        options: axes === undefined ? { keepDims } : { axes, keepDims },
        seed,
      })),
  );

/** All values that meet in one element of the result. */
function reduceBy(
  x: NdArray,
  { axes, keepDims = false }: ReduceOptions,
  join: (values: number[]) => number,
): NdArray {
  const rank = x.shape.length;
  const listed = axes === undefined ? range(rank) : typeof axes === "number" ? [axes] : axes;
  const reduced = new Set(listed.map((a) => (a + rank) % rank));
  const groups = new Map<string, number[]>();
  const keep = (at: Place) => at.flatMap((i, d) => (reduced.has(d) ? (keepDims ? [0] : []) : [i]));
  forEachPlace(x.shape, (at) => {
    const key = keep(at).join();
    groups.set(key, [...(groups.get(key) ?? []), get(x, at)]);
  });
  const shape = x.shape.flatMap((n, d) => (reduced.has(d) ? (keepDims ? [1] : []) : [n]));
  return tabulate(shape, (at) => join(groups.get(at.join()) as number[]));
}

function reduction(
  name: string,
  f: (x: Tensor, options: ReduceOptions) => Tensor,
  join: (values: number[]) => number,
  domain: (seed: number, shape: Place) => NdArray = uniform,
): OpRow {
  return {
    name,
    cases: reductions().map(({ shape, options, seed }) => ({
      label: `${show(shape)} ${JSON.stringify(options)} seed ${seed}`,
      inputs: [domain(seed, shape)],
      apply: (x) => f(x, options),
      reference: (x) => reduceBy(x, options, join),
    })),
  };
}

const average = (values: readonly number[]): number => total(values) / values.length;

const spread = (values: readonly number[], correction: number): number => {
  const m = average(values);
  return total(values.map((v) => (v - m) ** 2)) / (values.length - correction);
};

const apart = (seed: number, shape: Place): NdArray => distinct(seed, shape)[0];

const correctedVariance: OpRow = {
  name: "variance with correction 1",
  cases: fc.tuple(shapeOf(1, 3), seed).map(([shape, s]) => {
    const wide = [...shape.slice(0, -1), shape[shape.length - 1] + 1];
    return {
      label: `${show(wide)} seed ${s}`,
      inputs: [uniform(s, wide)],
      apply: (x) => variance(x, { axes: -1, correction: 1 }),
      reference: (x) => reduceBy(x, { axes: -1 }, (v) => spread(v, 1)),
    };
  }),
};

const integerSum: OpRow = {
  name: "sum of integers",
  differentiable: false,
  cases: reductions().map(({ shape, options, seed }) => ({
    label: `${show(shape)} ${JSON.stringify(options)}`,
    inputs: [integers(seed, shape, 9)],
    apply: (x) => sum(x, options),
    reference: (x) => {
      const sums = reduceBy(x, options, total);
      return tabulate(sums.shape, (at) => get(sums, at), "int64");
    },
  })),
};

const integerExtremum = (
  name: string,
  f: (x: Tensor, options: ReduceOptions) => Tensor,
  join: (values: number[]) => number,
): OpRow => ({
  name: `${name} of integers`,
  differentiable: false,
  cases: reductions().map(({ shape, options, seed }) => ({
    label: `${show(shape)} ${JSON.stringify(options)}`,
    inputs: [integers(seed, shape, 9)],
    apply: (x) => f(x, options),
    reference: (x) => {
      const reduced = reduceBy(x, options, join);
      return tabulate(reduced.shape, (at) => get(reduced, at), "int64");
    },
  })),
});

const multiplied = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);

/** Position of the first largest of a list. */
const firstLargest = (values: readonly number[]): number => values.indexOf(Math.max(...values));

const argmaxRow = (name: string, domain: (seed: number, shape: Place) => NdArray): OpRow => ({
  name,
  differentiable: false,
  cases: shapeOf(1, 4)
    .chain((shape) =>
      fc.tuple(fc.constant(shape), fc.integer({ min: -shape.length, max: shape.length - 1 }), seed),
    )
    .map(([shape, axis, s]) => ({
      label: `${show(shape)} axis ${axis} seed ${s}`,
      inputs: [domain(s, shape)],
      apply: (x) => argmax(x, { axis }),
      reference: (x) => {
        const places = reduceBy(x, { axes: axis }, firstLargest);
        return tabulate(places.shape, (at) => get(places, at), "int64");
      },
    })),
});

export const reduceRows: readonly OpRow[] = [
  reduction("sum", sum, total),
  reduction("mean", mean, average),
  reduction("max", max, (v) => Math.max(...v), apart),
  { ...reduction("max of ties", max, (v) => Math.max(...v), tied), differentiable: "by rule" },
  { ...reduction("min of ties", min, (v) => Math.min(...v), tied), differentiable: "by rule" },
  reduction("min", min, (v) => Math.min(...v), apart),
  reduction("variance", variance, (v) => spread(v, 0)),
  correctedVariance,
  integerSum,
  reduction("prod", prod, multiplied),
  reduction("prod of zeros", prod, multiplied, tied),
  integerExtremum("max", max, (v) => Math.max(...v)),
  integerExtremum("min", min, (v) => Math.min(...v)),
  argmaxRow("argmax", apart),
  argmaxRow("argmax of ties", tied),
];

const inner = fc.constantFrom(1, 2, 3, 5, 11, 12, 13, 17);

const swapped = (shape: Place): number[] => [...shape.slice(0, -2), ...shape.slice(-2).reverse()];

/** Batch axes of two operands that broadcast together, and what they give. */
const batches = fc
  .array(fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom("both", "a", "b")), { maxLength: 2 })
  .chain((axes) => fc.tuple(fc.constant(axes), fc.nat({ max: axes.length }), fc.constantFrom("a", "b")))
  .map(([axes, cut, shorter]) => {
    const of = (who: "a" | "b") =>
      axes.slice(who === shorter ? cut : 0).map(([n, owner]) => (owner === "both" || owner === who ? n : 1));
    return { a: of("a"), b: of("b") };
  });

function product(a: NdArray, b: NdArray, transposeA: boolean, transposeB: boolean): NdArray {
  const flip = (x: NdArray, at: Place, flag: boolean) => getBroadcast(x, flag ? swapped(at) : at);
  const lead = [a, b].map((x) => x.shape.slice(0, -2));
  const rank = Math.max(lead[0].length, lead[1].length);
  const batch = range(rank).map((d) => Math.max(...lead.map((s) => s[d - rank + s.length] ?? 1)));
  const [m, k] = (transposeA ? swapped(a.shape) : a.shape).slice(-2);
  const n = (transposeB ? swapped(b.shape) : b.shape).slice(-1)[0];
  return tabulate([...batch, m, n], (at) => {
    const [i, j] = at.slice(-2);
    const front = at.slice(0, -2);
    return total(
      range(k).map((p) => flip(a, [...front, i, p], transposeA) * flip(b, [...front, p, j], transposeB)),
    );
  });
}

const matmulRow = (name: string, transposeA: boolean, transposeB: boolean): OpRow => ({
  name,
  cases: fc
    .record({
      batch: batches,
      m: fc.constantFrom(1, 2, 3, 5),
      n: fc.constantFrom(1, 2, 3, 4, 5, 6, 9),
      k: inner,
      seed,
    })
    .map(({ batch, m, n, k, seed }) => {
      const a = [...batch.a, ...(transposeA ? [k, m] : [m, k])];
      const b = [...batch.b, ...(transposeB ? [n, k] : [k, n])];
      return {
        label: `${show(a)} ${show(b)} seed ${seed}`,
        inputs: [uniform(seed, a), uniform(seed + 1, b)],
        apply: (x, y) => matmul(x, y, { transposeA, transposeB }),
        reference: (x, y) => product(x, y, transposeA, transposeB),
      };
    }),
});

/** A linear layer, which ONNX has one operator for: with biases of every shape that broadcasts, and a factor. */
const layerRow: OpRow = {
  name: "matmul plus a bias",
  cases: fc
    .record({
      m: fc.constantFrom(1, 2, 5),
      n: fc.constantFrom(1, 3, 6),
      k: inner,
      biasKind: fc.constantFrom("row", "column", "matrix", "number"),
      factor: fc.constantFrom(1, -1, 0.1, 2),
      transposeB: fc.boolean(),
      seed,
    })
    .map(({ m, n, k, biasKind, factor, transposeB, seed }) => {
      const b = transposeB ? [n, k] : [k, n];
      const bias = { row: [n], column: [m, 1], matrix: [m, n], number: [] }[biasKind];
      return {
        label: `${show([m, k])} ${show(b)} bias ${show(bias)} times ${factor} seed ${seed}`,
        inputs: [uniform(seed, [m, k]), uniform(seed + 1, b), uniform(seed + 2, bias)],
        apply: (x, y, z) => add(mul(factor, z), matmul(x, y, { transposeB })),
        reference: (x, y, z) => {
          const xy = product(x, y, false, transposeB);
          return tabulate(xy.shape, (at) => get(xy, at) + factor * getBroadcast(z, at));
        },
      };
    }),
};

export const matmulRows: readonly OpRow[] = [
  layerRow,
  matmulRow("matmul", false, false),
  matmulRow("matmul with a transposed", true, false),
  matmulRow("matmul with b transposed", false, true),
  matmulRow("matmul with both transposed", true, true),
  {
    name: "matmul of a tensor with itself",
    cases: fc.tuple(fc.constantFrom(1, 2, 3, 5), seed).map(([n, s]) => ({
      label: `${n} seed ${s}`,
      inputs: [uniform(s, [n, n])],
      apply: (x) => matmul(x, x, { transposeA: true }),
      reference: (x) => product(x, x, true, false),
    })),
  },
];

const alongAxis = (
  name: string,
  f: (x: Tensor, options: { axis: number }) => Tensor,
  value: (x: number, line: number[]) => number,
): OpRow => ({
  name,
  cases: shapeOf(1, 4)
    .chain((shape) =>
      fc.tuple(fc.constant(shape), fc.integer({ min: -shape.length, max: shape.length - 1 }), seed),
    )
    .map(([shape, axis, s]) => ({
      label: `${show(shape)} axis ${axis} seed ${s}`,
      inputs: [uniform(s, shape)],
      apply: (x) => f(x, { axis }),
      reference: (x) =>
        tabulate(shape, (at) => {
          const d = (axis + shape.length) % shape.length;
          const line = range(shape[d]).map((k) =>
            get(
              x,
              at.map((i, e) => (e === d ? k : i)),
            ),
          );
          return value(get(x, at), line);
        }),
    })),
});

export const softmaxRows: readonly OpRow[] = [
  alongAxis("softmax", softmax, (x, line) => Math.exp(x) / total(line.map(Math.exp))),
  alongAxis("logSoftmax", logSoftmax, (x, line) => x - Math.log(total(line.map(Math.exp)))),
];
