import { expect, it } from "vitest";
import { addGram, addProduct, cholesky, invertLower } from "../../src/math/dense.js";
import { createRng } from "../../src/math/rng.js";
import { transposed } from "../../src/symmetry/matrix.js";

const rng = createRng(5);
const draw = (length: number) => Float64Array.from({ length }, () => rng.normal());

it.each([
  [1, 1, 1],
  [3, 7, 5],
  [4, 8, 2],
  [5, 70, 6],
  [6, 37, 9],
])("adds products and Gram matrices of [%i, %i, %i] as plain loops do", (m, k, n) => {
  const [a, b, start] = [draw(m * k), draw(k * n), draw(m * n)];
  const product = start.map((v, at) => {
    for (let p = 0; p < k; p++) v += a[Math.floor(at / n) * k + p] * b[p * n + (at % n)];
    return v;
  });
  const sum = start.slice();
  addProduct(sum, a, b, [m, k, n]);
  sum.forEach((v, at) => {
    expect(v).toBeCloseTo(product[at], 10);
  });

  const gram = new Float64Array(n * n).fill(1);
  addGram(gram, b, k, n);
  gram.forEach((v, at) => {
    let expected = 1;
    for (let p = 0; p < k; p++) expected += b[p * n + Math.floor(at / n)] * b[p * n + (at % n)];
    expect(v).toBeCloseTo(expected, 10);
  });
});

it("factors a positive definite matrix, and inverts the factor, by hand", () => {
  // [[4, 2], [2, 5]] = L L' with L = [[2, 0], [1, 2]], whose inverse is [[.5, 0], [-.25, .5]].
  const lower = cholesky(Float64Array.of(4, 2, 2, 5), 2) as Float64Array;
  expect([...lower]).toEqual([2, 0, 1, 2]);
  expect([...invertLower(lower, 2)]).toEqual([0.5, 0, -0.25, 0.5]);
  expect(cholesky(Float64Array.of(1, 1, 1, 1), 2)).toBeUndefined();
  expect(cholesky(Float64Array.of(1, 0, 0, 1e-13), 2, 1e-12)).toBeUndefined();
  expect(cholesky(Float64Array.of(Number.NaN), 1)).toBeUndefined();
});

it.each([3, 8, 9, 19, 45])(
  "factors positive definite matrices of %i rows, and inverts the factors, in blocks",
  (n) => {
    const x = draw(2 * n * n);
    const a = new Float64Array(n * n);
    addGram(a, x, 2 * n, n);
    const lower = cholesky(a, n) as Float64Array;
    const upper = transposed({ shape: [n, n], data: lower }).data;
    // Products leave out what is zero in a triangle.
    const [again, one] = [new Float64Array(n * n), new Float64Array(n * n)];
    addProduct(again, lower, upper, [n, n, n]);
    addProduct(one, lower, invertLower(lower, n), [n, n, n]);
    again.forEach((v, at) => {
      expect(v).toBeCloseTo(a[at], 10);
      expect(one[at]).toBeCloseTo(at % (n + 1) === 0 ? 1 : 0, 10);
    });
  },
);
