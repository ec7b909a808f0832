import fc from "fast-check";
import {
  broadcastingShapes,
  extent,
  get,
  getBroadcast,
  integers,
  type OpRow,
  range,
  seed,
  shapeOf,
  show,
  tabulate,
  total,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import { type NdArray, sizeOf } from "../../../src/array.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { broadcastTo } from "../../../src/graph/ops/broadcast.js";
import { expandDims, flattenFrom, reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { concat, pad, slice } from "../../../src/graph/ops/slice.js";

const reshaped = (x: NdArray, shape: readonly number[]): NdArray => {
  let next = 0;
  return tabulate(shape, () => Number(x.data[next++]));
};

const reshapeRow: OpRow = {
  name: "reshape",
  cases: shapeOf(0, 4)
    .chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.constantFrom([-1], [1, -1, 1], [...shape].reverse(), [shape[0] ?? 1, -1], [...shape, 1]),
        seed,
      ),
    )
    .map(([shape, to, s]) => {
      const full = to.map((n) => (n === -1 ? sizeOf(shape) / sizeOf(to.filter((m) => m !== -1)) : n));
      return {
        label: `${show(shape)} to ${show(to)}`,
        inputs: [uniform(s, shape)],
        apply: (x) => reshape(x, to),
        reference: (x) => reshaped(x, full),
      };
    }),
};

const expandRow: OpRow = {
  name: "expandDims and flattenFrom",
  cases: shapeOf(1, 3)
    .chain((shape) =>
      fc.tuple(fc.constant(shape), fc.nat({ max: shape.length }), fc.nat({ max: shape.length - 1 }), seed),
    )
    .map(([shape, axis, start, s]) => {
      const wide = [...shape.slice(0, axis), 1, ...shape.slice(axis)];
      return {
        label: `${show(shape)} axis ${axis} start ${start}`,
        inputs: [uniform(s, shape)],
        apply: (x) => flattenFrom(expandDims(x, axis), start),
        reference: (x) => reshaped(x, [...wide.slice(0, start), sizeOf(wide.slice(start))]),
      };
    }),
};

const permutations = shapeOf(1, 4).chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    fc.shuffledSubarray(range(shape.length), { minLength: shape.length, maxLength: shape.length }),
    seed,
  ),
);

const transposeRow: OpRow = {
  name: "transpose",
  cases: permutations.map(([shape, axes, s]) => ({
    label: `${show(shape)} axes ${axes} seed ${s}`,
    inputs: [uniform(s, shape)],
    // A product afterwards, so that the elements' order matters to their derivatives.
    apply: (x) => transpose(mul(x, x), axes),
    reference: (x) =>
      tabulate(
        axes.map((a) => shape[a]),
        (at) => {
          const from = new Array<number>(shape.length);
          axes.forEach((a, d) => {
            from[a] = at[d];
          });
          return get(x, from) ** 2;
        },
      ),
  })),
};

const reversalRow: OpRow = {
  name: "transpose without axes",
  cases: fc.tuple(shapeOf(0, 3), seed).map(([shape, s]) => ({
    label: show(shape),
    inputs: [uniform(s, shape)],
    apply: (x) => transpose(x),
    reference: (x) => tabulate([...shape].reverse(), (at) => get(x, [...at].reverse())),
  })),
};

const broadcastRow: OpRow = {
  name: "broadcastTo",
  cases: fc.tuple(broadcastingShapes(2), seed).map(([{ shape, operands }, s]) => ({
    label: `${show(operands[0])} to ${show(shape)}`,
    inputs: [uniform(s, operands[0])],
    apply: (x) => broadcastTo(mul(x, x), shape),
    reference: (x) => tabulate(shape, (at) => getBroadcast(x, at) ** 2),
  })),
};

interface Cut {
  readonly n: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

const cut: fc.Arbitrary<Cut> = extent
  .chain((n) =>
    fc.tuple(fc.constant(n), fc.nat({ max: n - 1 }), fc.nat({ max: n - 1 }), fc.constantFrom(1, 1, 2, 3)),
  )
  .map(([n, a, b, step]) => ({ n, start: Math.min(a, b), end: Math.max(a, b) + 1, step }));

const sliceRow: OpRow = {
  name: "slice",
  cases: fc
    .tuple(fc.array(cut, { minLength: 1, maxLength: 3 }), fc.boolean(), seed)
    .map(([cuts, fromEnd, s]) => {
      const shape = cuts.map((c) => c.n);
      const lengths = cuts.map(
        (c) => range(c.n).filter((i) => i >= c.start && i < c.end && (i - c.start) % c.step === 0).length,
      );
      return {
        label: `${JSON.stringify(cuts)} seed ${s}`,
        inputs: [uniform(s, shape)],
        apply: (x) =>
          slice(mul(x, x), {
            starts: cuts.map((c) => (fromEnd ? c.start - c.n : c.start)),
            ends: cuts.map((c) => (fromEnd && c.end < c.n ? c.end - c.n : c.end)),
            steps: cuts.map((c) => c.step),
          }),
        reference: (x) =>
          tabulate(
            lengths,
            (at) =>
              get(
                x,
                at.map((i, d) => cuts[d].start + i * cuts[d].step),
              ) ** 2,
          ),
      };
    }),
};

const padRow = (value: number): OpRow => ({
  name: `pad with ${value}`,
  cases: fc
    .tuple(
      fc.array(fc.tuple(extent, fc.nat({ max: 2 }), fc.nat({ max: 3 })), { minLength: 1, maxLength: 3 }),
      seed,
    )
    .map(([axes, s]) => {
      const shape = axes.map(([n]) => n);
      return {
        label: `${JSON.stringify(axes)} seed ${s}`,
        inputs: [uniform(s, shape)],
        apply: (x) =>
          pad(
            mul(x, x),
            axes.map(([, before, after]) => [before, after] as const),
            value,
          ),
        reference: (x) =>
          tabulate(
            axes.map(([n, before, after]) => n + before + after),
            (at) => {
              const from = at.map((i, d) => i - axes[d][1]);
              return from.every((i, d) => i >= 0 && i < shape[d]) ? get(x, from) ** 2 : value;
            },
          ),
      };
    }),
});

const concatCases = shapeOf(1, 3, 30).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
    lengths: fc.array(extent, { minLength: 1, maxLength: 4 }),
    seed,
  }),
);

const concatRow = (
  name: string,
  make: (seed: number, shape: readonly number[]) => NdArray,
  isFloat: boolean,
): OpRow => ({
  name,
  differentiable: isFloat,
  cases: concatCases.map(({ shape, axis, lengths, seed }) => {
    const d = (axis + shape.length) % shape.length;
    const shapes = lengths.map((n) => shape.map((m, e) => (e === d ? n : m)));
    return {
      label: `${shapes.map(show)} axis ${axis} seed ${seed}`,
      inputs: shapes.map((part, k) => make(seed + k, part)),
      apply: (...xs) => concat(isFloat ? xs.map((x) => mul(x, x)) : xs, { axis }),
      reference: (...xs) =>
        tabulate(
          shape.map((m, e) => (e === d ? total(lengths) : m)),
          (at) => {
            let k = 0;
            let i = at[d];
            while (i >= lengths[k]) i -= lengths[k++];
            return (
              get(
                xs[k],
                at.map((j, e) => (e === d ? i : j)),
              ) ** (isFloat ? 2 : 1)
            );
          },
          isFloat ? "float64" : "int64",
        ),
    };
  }),
});

export const shapeRows: readonly OpRow[] = [
  reshapeRow,
  expandRow,
  transposeRow,
  reversalRow,
  broadcastRow,
  sliceRow,
  padRow(0),
  padRow(-1.5),
  concatRow("concat", uniform, true),
  concatRow("concat of integers", (s, shape) => integers(s, shape, 9), false),
];
