import fc from "fast-check";
import {
  get,
  type OpRow,
  type Place,
  range,
  seed,
  show,
  tabulate,
  total,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import { expm } from "../../../src/graph/ops/expm.js";
import { matrixInverse, solveLinear } from "../../../src/graph/ops/inverse.js";
import { matrixPinv } from "../../../src/graph/ops/pinv.js";
import type { Tensor } from "../../../src/graph/tensor.js";

/** Numbers as a matrix, and back. */
type Rows = number[][];

const identity = (n: number): Rows => range(n).map((i) => range(n).map((j) => +(i === j)));

const times = (a: Rows, b: Rows): Rows =>
  a.map((row) => range(b[0].length).map((j) => total(row.map((v, k) => v * b[k][j]))));

const turned = (a: Rows): Rows => range(a[0].length).map((j) => a.map((row) => row[j]));

/** The inverse by Cramer's rule, with determinants expanded along a row. */
function cofactorInverse(a: Rows): Rows {
  const minor = (m: Rows, i: number, j: number) =>
    m.filter((_, r) => r !== i).map((row) => row.filter((_, c) => c !== j));
  const determinant = (m: Rows): number =>
    m.length === 0 ? 1 : total(m[0].map((v, j) => (-1) ** j * v * determinant(minor(m, 0, j))));
  const whole = determinant(a);
  return a.map((_, i) => a.map((_, j) => ((-1) ** (i + j) * determinant(minor(a, j, i))) / whole));
}

/** The exponential by forty terms of its series at a / 16, squared four times. */
function seriesExponential(a: Rows): Rows {
  let [sum, term] = [identity(a.length), identity(a.length)];
  for (let k = 1; k <= 40; k++) {
    term = times(
      term,
      a.map((row) => row.map((v) => v / 16 / k)),
    );
    sum = sum.map((row, i) => row.map((v, j) => v + term[i][j]));
  }
  for (let k = 0; k < 4; k++) sum = times(sum, sum);
  return sum;
}

/** Applies a function of matrices to each matrix of stacks of equal leading axes. */
function eachMatrix(f: (...matrices: Rows[]) => Rows, ...stacks: NdArray[]): NdArray {
  const lead = stacks[0].shape.slice(0, -2);
  const at = (place: Place) =>
    f(
      ...stacks.map((x) => {
        const [m, n] = x.shape.slice(-2);
        return range(m).map((i) => range(n).map((j) => get(x, [...place, i, j])));
      }),
    );
  const one = at(lead.map(() => 0));
  return tabulate([...lead, one.length, one[0].length], (place) => {
    const [i, j] = place.slice(-2);
    return at(place.slice(0, -2))[i][j];
  });
}

const stacks = fc.constantFrom<Place>([], [1], [3], [2, 2]);

/** Regular matrices whose pivots are not on the diagonal: a large multiple of a cyclic shift is added. */
function regular(s: number, lead: Place, n: number): NdArray {
  const noise = uniform(s, [...lead, n, n], -1, 1);
  return tabulate(noise.shape, (place) => {
    const [i, j] = place.slice(-2);
    return get(noise, place) + ((i + s) % n === j ? 2.5 : 0);
  });
}

const ofMatrices = (
  name: string,
  apply: (x: Tensor) => Tensor,
  f: (x: Rows) => Rows,
  make: (s: number, lead: Place, n: number) => NdArray,
  options: Partial<OpRow> = {},
): OpRow => ({
  name,
  cases: fc.tuple(stacks, fc.constantFrom(1, 2, 3, 5), seed).map(([lead, n, s]) => ({
    label: `${show([...lead, n, n])} seed ${s}`,
    inputs: [make(s, lead, n)],
    apply,
    reference: (x) => eachMatrix(f, x),
  })),
  ...options,
});

/** Matrices of full rank: rows of a regular one of the larger size. */
const fullRank = (s: number, lead: Place, m: number, n: number): NdArray => {
  const whole = regular(s, lead, Math.max(m, n));
  return tabulate([...lead, m, n], (place) => get(whole, place));
};

const cofactorPinv = (a: Rows): Rows => {
  const back = turned(a);
  return a.length <= back.length
    ? times(back, cofactorInverse(times(a, back)))
    : times(cofactorInverse(times(back, a)), back);
};

export const matrixRows: readonly OpRow[] = [
  ofMatrices("matrixInverse", matrixInverse, cofactorInverse, regular),
  ofMatrices("expm", expm, seriesExponential, (s, lead, n) => uniform(s, [...lead, n, n], -1, 1)),
  ofMatrices("expm of large matrices", expm, seriesExponential, (s, lead, n) =>
    uniform(s, [...lead, n, n], -3, 2 - n / 2),
  ),
  {
    name: "solveLinear",
    cases: fc
      .tuple(stacks, fc.constantFrom(1, 2, 4), fc.constantFrom(1, 3), fc.boolean(), seed)
      .map(([lead, n, k, isShared, s]) => ({
        label: `${show([...lead, n, n])} ${show([n, k])} seed ${s}`,
        inputs: [regular(s, lead, n), uniform(s + 1, isShared ? [n, k] : [...lead, n, k])],
        apply: (a, b) => solveLinear(a, b),
        reference: (a, b) => {
          const right = tabulate([...lead, n, k], (place) => get(b, isShared ? place.slice(-2) : place));
          return eachMatrix((x, y) => times(cofactorInverse(x), y), a, right);
        },
      })),
  },
  {
    name: "matrixPinv",
    cases: fc
      .tuple(stacks, fc.constantFrom(1, 2, 4), fc.constantFrom(1, 3, 4), seed)
      .map(([lead, m, n, s]) => ({
        label: `${show([...lead, m, n])} seed ${s}`,
        inputs: [fullRank(s, lead, m, n)],
        apply: matrixPinv,
        reference: (a) => eachMatrix(cofactorPinv, a),
      })),
  },
];
