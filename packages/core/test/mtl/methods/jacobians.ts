import type { NdArray } from "../../../src/array.js";
import { createRng, type Rng } from "../../../src/math/rng.js";
import type { Combination, MultiTaskMethod, TaskInput } from "../../../src/mtl/method.js";

export type Rows = readonly (readonly number[])[];
type F64 = NdArray<Float64Array>;

export const jacobianOf = (rows: Rows): F64 => ({
  shape: [rows.length, rows[0].length],
  data: Float64Array.from(rows.flat()),
});

/** G = J J', by a plain loop. */
export function gramianOf(rows: Rows): F64 {
  const K = rows.length;
  const data = new Float64Array(K * K);
  for (let i = 0; i < K; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let p = 0; p < rows[i].length; p++) sum += rows[i][p] * rows[j][p];
      data[i * K + j] = data[j * K + i] = sum;
    }
  }
  return { shape: [K, K], data };
}

/** J' w. */
export function directionOf(rows: Rows, w: ArrayLike<number>): number[] {
  const d = new Array<number>(rows[0].length).fill(0);
  rows.forEach((row, k) => {
    for (let p = 0; p < d.length; p++) d[p] += w[k] * row[p];
  });
  return d;
}

/** The arrays of a Jacobian that many methods are given: computed for each of them, they would take the time of the test. */
const arrays = new WeakMap<Rows, { readonly gramian: F64; readonly jacobian: F64 }>();

function arraysOf(rows: Rows) {
  const known = arrays.get(rows) ?? { gramian: gramianOf(rows), jacobian: jacobianOf(rows) };
  arrays.set(rows, known);
  return known;
}

/** A step with everything that methods of gradients need. */
export function inputOf(rows: Rows, more: Partial<TaskInput> = {}): TaskInput {
  const { gramian, jacobian } = arraysOf(rows);
  return {
    losses: new Float64Array(rows.length).fill(1),
    gramian,
    jacobian,
    descended: new Float64Array(rows.length).fill(0.5),
    // With eta = -1, of losses that are linear.
    ahead: gramian,
    step: 0,
    epoch: 0,
    rng: createRng(0),
    ...more,
  };
}

/** The same, with as many samples as the method takes. */
export function inputFor<S>(
  { samplesPerStep = 1 }: MultiTaskMethod<S>,
  rows: Rows,
  more: Partial<TaskInput> = {},
): TaskInput {
  return inputOf(rows, { samples: new Array(samplesPerStep).fill(arraysOf(rows).jacobian), ...more });
}

/** The first step of a method, with d computed from the weights where it gives those. */
export function firstStep<S>(
  method: MultiTaskMethod<S>,
  rows: Rows,
  more: Partial<TaskInput> = {},
): Combination<S> & { d: number[]; w: number[] } {
  const combination = method.combine(inputFor(method, rows, more), method.init(rows.length));
  const { weights, direction } = combination;
  const d = direction ? [...direction] : directionOf(rows, weights ?? []);
  return { ...combination, d, w: [...(weights ?? [])] };
}

export const norm = (v: readonly number[]): number => Math.hypot(...v);

export const inner = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, p) => sum + x * b[p], 0);

/** Random numbers whose shuffles are what a test says: the identity if nothing. */
export function shufflesBy(
  order: (values: { [i: number]: unknown; length: number }) => void = () => {},
): Rng {
  const rng = createRng(0);
  return {
    ...rng,
    shuffle(values) {
      order(values);
      return values;
    },
  };
}
