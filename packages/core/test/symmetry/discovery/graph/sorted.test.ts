import { expectKept, normals, subject } from "isoloss-test-support/symmetry/discovery/support";
import { expect, it } from "vitest";
import { add, mul } from "../../../../src/graph/ops/arithmetic.js";
import { tanh } from "../../../../src/graph/ops/elementary.js";
import { gather } from "../../../../src/graph/ops/gather.js";
import { constant } from "../../../../src/graph/ops/leaf.js";
import { matmul } from "../../../../src/graph/ops/matmul.js";
import { mean } from "../../../../src/graph/ops/reduce.js";
import { reshape } from "../../../../src/graph/ops/reshape.js";
import { argsort } from "../../../../src/graph/ops/sort.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { createRng } from "../../../../src/math/rng.js";

const rng = createRng(3);

const count = (n: number): Tensor =>
  constant({ shape: [n], data: BigInt64Array.from({ length: n }, (_, i) => BigInt(i)) });

/** The rows of a matrix in order, read at offsets i n + j; each row from its own elements, or from those of the first rows alone. */
function sortedRows(x: Tensor, rows = x.shape[0]): Tensor {
  const [, n] = x.shape;
  const places = gather(count(n), argsort(x, { axis: 1 }));
  const offsets = add(mul(reshape(count(rows), [rows, 1]), n), places);
  return gather(reshape(x, [x.size]), offsets);
}

it("Units whose values are sorted may be in another order; not where all read the first one's values", () => {
  const params = { w: normals(rng, [3, 5]), v: normals(rng, [3, 1]) };
  const s = (rows: number) =>
    subject((p, { x }) => mean(mul(tanh(sortedRows(matmul(p.w, x), rows)), p.v)), params, {
      x: normals(rng, [5, 4]),
    });
  expect(s(3).found.permutations.map(({ size }) => size)).toEqual([3]);
  for (const rows of [3, 1]) expectKept(s(rows));
});

it("No shift is multiplied by sorted values", () => {
  const s = subject(
    (p, { x }) => mean(tanh(add(mul(add(x, p.before), sortedRows(p.factor)), p.after))),
    { before: normals(rng, [4]), factor: normals(rng, [3, 4]), after: normals(rng, [3, 4]) },
    { x: normals(rng, [3, 4]) },
  );
  expect(s.found.shifts).toEqual([]);
});
