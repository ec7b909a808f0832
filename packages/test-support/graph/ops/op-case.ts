import fc from "fast-check";
import { type NdArray, ndarray, sizeOf, type Tensor } from "isoloss";
import { createRng } from "isoloss/data";

/** One application of an operation: inputs, what is traced, and what must come out. */
export interface OpCase {
  /** What differs from case to case, for a failure's report. */
  readonly label: string;
  /** Floats as float64; a test in float32 rounds them. */
  readonly inputs: readonly NdArray[];
  apply(...inputs: Tensor[]): Tensor;
  /** The result in float64 by plain loops, sharing nothing with the library's kernels. */
  reference(...inputs: NdArray[]): NdArray;
}

/** A row of the table of operations. */
export interface OpRow {
  readonly name: string;
  readonly cases: fc.Arbitrary<OpCase>;
  /**
   * Whether the result has a derivative in the float inputs; `by rule`: one that is set by rule and not by difference
   * quotients, as at a tie. Default true.
   */
  readonly differentiable?: boolean | "by rule";
  /** Relative L2 error allowed in float32; default 1e-5. */
  readonly float32Tolerance?: number;
}

export type Place = readonly number[];

/** An array from a function of the multi-index. */
export function tabulate(
  shape: Place,
  element: (at: Place) => number,
  dtype: "float64" | "int64" | "bool" = "float64",
): NdArray {
  const values: number[] = [];
  forEachPlace(shape, (at) => values.push(element(at)));
  if (dtype === "int64") return ndarray(BigInt64Array.from(values, BigInt), shape);
  return ndarray(dtype === "bool" ? Uint8Array.from(values) : Float64Array.from(values), shape);
}

/** Calls a function for every multi-index of a shape in row-major order. */
export function forEachPlace(shape: Place, visit: (at: Place) => void, prefix: Place = []): void {
  if (prefix.length === shape.length) {
    visit(prefix);
    return;
  }
  for (let i = 0; i < shape[prefix.length]; i++) forEachPlace(shape, visit, [...prefix, i]);
}

/** Row-major offset of a multi-index. */
export const offsetOf = (shape: Place, at: Place): number => at.reduce((sum, i, d) => sum * shape[d] + i, 0);

/** The element at a multi-index. */
export const get = ({ shape, data }: NdArray, at: Place): number => Number(data[offsetOf(shape, at)]);

/** The element that a multi-index of the result meets: axes aligned at the end, axes of size 1 repeated. */
export const getBroadcast = (a: NdArray, at: Place): number =>
  get(
    a,
    a.shape.map((n, d) => (n === 1 ? 0 : at[at.length - a.shape.length + d])),
  );

export const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Independent uniform numbers in [low, high). */
export function uniform(seed: number, shape: Place, low = -2, high = 2): NdArray {
  const rng = createRng(seed);
  return tabulate(shape, () => low + (high - low) * rng.next());
}

/** Numbers of random sign at least 0.1 away from zero. */
export function awayFromZero(seed: number, shape: Place): NdArray {
  const rng = createRng(seed);
  return tabulate(shape, () => (rng.next() < 0.5 ? -1 : 1) * (0.1 + 1.5 * rng.next()));
}

/**
 * Numbers that differ from each other by at least 0.05 and from zero by 0.02, in random order; several arrays differ
 * from each other too.
 */
export function distinct(seed: number, ...shapes: readonly Place[]): NdArray[] {
  const rng = createRng(seed);
  const count = total(shapes.map(sizeOf));
  const half = Math.floor(count / 2);
  const ranks = rng.shuffle(range(count));
  let next = 0;
  return shapes.map((shape) =>
    tabulate(shape, () => 0.1 * (ranks[next++] - half) + 0.02 + 0.05 * rng.next()),
  );
}

/** Small integers as floats: many ties. */
export function tied(seed: number, shape: Place): NdArray {
  const rng = createRng(seed);
  return tabulate(shape, () => rng.int(3) - 1);
}

/** Integers in [0, n). */
export function integers(seed: number, shape: Place, n: number): NdArray {
  const rng = createRng(seed);
  return tabulate(shape, () => rng.int(n), "int64");
}

export function bools(seed: number, shape: Place): NdArray {
  const rng = createRng(seed);
  return tabulate(shape, () => rng.int(2), "bool");
}

/** What most cases start from. */
export const seed = fc.integer({ min: 0, max: 1e6 });

/** Sizes of an axis: one, odd and even ones, few multiples of four. */
export const extent = fc.constantFrom(1, 2, 3, 5, 6, 7, 9);

/** Shapes of at most `maxSize` elements. */
export const shapeOf = (minRank: number, maxRank: number, maxSize = 120): fc.Arbitrary<number[]> =>
  fc.array(extent, { minLength: minRank, maxLength: maxRank }).filter((shape) => sizeOf(shape) <= maxSize);

/** A shape and `count` shapes that broadcast to it together. */
export const broadcastingShapes = (count: number): fc.Arbitrary<{ shape: number[]; operands: number[][] }> =>
  fc
    .tuple(
      shapeOf(0, 4, 60),
      fc.array(fc.tuple(fc.nat({ max: 2 }), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })), {
        minLength: count,
        maxLength: count,
      }),
    )
    .map(([shape, cuts]) => {
      const operands = cuts.map(([drop, ones]) =>
        shape.slice(Math.min(drop, shape.length)).map((n, d) => (ones[d] ? 1 : n)),
      );
      const joined = shape.map((_, d) =>
        Math.max(...operands.map((o) => o[d - shape.length + o.length] ?? 1)),
      );
      const rank = Math.max(0, ...operands.map((o) => o.length));
      return { shape: joined.slice(joined.length - rank), operands };
    });

export const show = (shape: Place): string => `[${shape}]`;
