import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { expect, it } from "vitest";
import { addGram } from "../../../src/math/dense.js";
import { createRng } from "../../../src/math/rng.js";
import { geometricMean } from "../../../src/moves/balance/spaces.js";
import { type Matrix, plusDiagonal, product } from "../../../src/symmetry/matrix.js";

const rng = createRng(8);

/** X'X for X of normal numbers, of which column i is multiplied by scale^i. */
function gram(n: number, rows: number, scale = 1): Matrix {
  const x = Float64Array.from({ length: rows * n }, (_, k) => rng.normal() * scale ** (k % n));
  const data = new Float64Array(n * n);
  addGram(data, x, rows, n);
  return { shape: [n, n], data };
}

const identity = (n: number) => plusDiagonal({ shape: [n, n], data: new Float64Array(n * n) }, 1);

it.each([
  [1, 1, 1],
  [6, 1, 1],
  [6, 10, 10],
  [6, 10, 0.1],
  [23, 0.8, 1.2],
])("solves G M+ G = M- with %i rows, whose scales are powers of %f and %f", (n, scale, other) => {
  const [plus, minus] = [gram(n, 2 * n, scale), gram(n, 2 * n, other)];
  const G = geometricMean(plus, minus) as Matrix;
  expect(relativeError(product(G, product(plus, G)), minus)).toBeLessThan(1e-8);
});

it("is the root for M+ = I, and there is none of singular matrices", () => {
  const minus = gram(5, 9);
  const root = geometricMean(identity(5), minus) as Matrix;
  expect(relativeError(product(root, root), minus)).toBeLessThan(1e-8);
  expect(geometricMean(gram(4, 3), gram(4, 8))).toBeUndefined();
  expect(geometricMean(gram(4, 8), gram(4, 3))).toBeUndefined();
  expect(geometricMean(identity(2), { shape: [2, 2], data: new Float64Array(4) })).toBeUndefined();
});
