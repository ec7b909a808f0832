import fc from "fast-check";
import {
  distinct,
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
  tied,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { scatterMax } from "../../../src/graph/ops/scatter.js";
import { argsort } from "../../../src/graph/ops/sort.js";

const at = (place: Place, axis: number, k: number): Place => place.map((i, d) => (d === axis ? k : i));

/** Positions along an axis in the order of the elements; equal ones keep their order. */
function order(x: NdArray, axis: number, descending: boolean, count: number): NdArray {
  const shape = x.shape.map((n, d) => (d === axis ? count : n));
  return tabulate(
    shape,
    (place) => {
      const line = range(x.shape[axis]).map((k) => get(x, at(place, axis, k)));
      const sign = descending ? -1 : 1;
      const rank = (k: number) =>
        line.filter((v, j) => sign * v < sign * line[k] || (v === line[k] && j < k)).length;
      return range(line.length).find((k) => rank(k) === place[axis]) as number;
    },
    "int64",
  );
}

const argsortRow = (name: string, domain: (seed: number, shape: Place) => NdArray): OpRow => ({
  name,
  differentiable: false,
  cases: shapeOf(1, 3)
    .chain((shape) =>
      fc
        .record({ axis: fc.nat({ max: shape.length - 1 }), descending: fc.boolean(), fromEnd: fc.boolean() })
        .chain((options) =>
          fc.record({
            shape: fc.constant(shape),
            options: fc.constant(options),
            count: fc.option(fc.integer({ min: 1, max: shape[options.axis] }), { nil: undefined }),
            seed,
          }),
        ),
    )
    .map(({ shape, options: { axis, descending, fromEnd }, count, seed: s }) => ({
      label: `${show(shape)} axis ${axis} descending ${descending} count ${count} seed ${s}`,
      inputs: [domain(s, shape)],
      apply: (x) => argsort(x, { axis: fromEnd ? axis - shape.length : axis, descending, count }),
      reference: (x) => order(x, axis, descending, count ?? shape[axis]),
    })),
});

/** Slices along an axis that are written to `size` places, some of them repeated. */
const scattered = shapeOf(1, 3)
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.nat({ max: shape.length - 1 }),
      size: fc.constantFrom(1, 2, 4),
      seed,
    }),
  )
  .map((c) => ({ ...c, places: integers(c.seed + 1, [c.shape[c.axis]], c.size) }));

function largest(updates: NdArray, places: NdArray, axis: number, size: number, lowest: number): number[] {
  const shape = updates.shape.map((n, d) => (d === axis ? size : n));
  const values = new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(lowest);
  forEachPlace(updates.shape, (place) => {
    const to = offsetOf(shape, at(place, axis, get(places, [place[axis]])));
    values[to] = Math.max(values[to], get(updates, place));
  });
  return values;
}

const scatterMaxRow: OpRow = {
  name: "scatterMax",
  cases: scattered
    // Each place gets a slice, as difference quotients of infinities are no numbers.
    .map(({ places, shape, axis, size, seed: s }) => {
      const n = Math.max(shape[axis], size);
      const wide = shape.map((m, d) => (d === axis ? n : m));
      const all = tabulate([n], ([k]) => (k < size ? k : get(places, [k])), "int64");
      return { places: all, shape: wide, axis, size, seed: s };
    })
    .map(({ places, shape, axis, size, seed: s }) => ({
      label: `${show(shape)} axis ${axis} to ${size} seed ${s}`,
      inputs: [distinct(s, shape)[0], places],
      apply: (u, i) => scatterMax(mul(u, 3), i, { axis, size }),
      reference: (u, i) => {
        const values = largest(u, i, axis, size, -Infinity);
        const into = u.shape.map((n, d) => (d === axis ? size : n));
        return tabulate(into, (place) => 3 * values[offsetOf(into, place)]);
      },
    })),
};

const integerScatterMax: OpRow = {
  name: "scatterMax of integers",
  differentiable: false,
  cases: scattered.map(({ shape, axis, size, places, seed: s }) => ({
    label: `${show(shape)} axis ${axis} to ${size} seed ${s}`,
    inputs: [integers(s, shape, 9), places],
    apply: (u, i) => scatterMax(u, i, { axis, size }),
    reference: (u, i) => {
      const values = largest(u, i, axis, size, Number.MIN_SAFE_INTEGER);
      const into = u.shape.map((n, d) => (d === axis ? size : n));
      return tabulate(into, (place) => values[offsetOf(into, place)], "int64");
    },
  })),
};

const apart = (s: number, shape: Place): NdArray => distinct(s, shape)[0];

export const orderRows: readonly OpRow[] = [
  argsortRow("argsort", apart),
  argsortRow("argsort of ties", tied),
  argsortRow("argsort of integers", (s, shape) => integers(s, shape, 4)),
  scatterMaxRow,
  integerScatterMax,
];
