// The spans of layers' inputs as a part of a program: found there, where rounding leaves no doubt about their ranks, or by the
// host.
import { add, cast, div, mul, sub } from "../../../graph/ops/arithmetic.js";
import { greater, lessEqual, where } from "../../../graph/ops/compare.js";
import { abs, sqrt } from "../../../graph/ops/elementary.js";
import { identity } from "../../../graph/ops/elimination.js";
import { matrixInverse } from "../../../graph/ops/inverse.js";
import { constant, fillLike } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { max, sum } from "../../../graph/ops/reduce.js";
import { expandDims } from "../../../graph/ops/reshape.js";
import type { Tensor } from "../../../graph/tensor.js";
import { all } from "../guard-graph.js";
import { isWide } from "./input-space.js";
import type { LinearMap } from "./layer-inputs.js";
import type { Spans } from "./walk-graph.js";

/** Largest error of an inverse: a projection by it that is applied twice has the square of that. */
const accurate = 1e-8;

/**
 * With H the inputs and K = HH' for maps with fewer samples than inputs, x - x H' K^+ H is the part of x outside their span.
 * The inputs of other maps span all but the columns that are zero, as those of units that are never active, if the other
 * columns are independent. It is certain where rows and columns are zero or independent: where the inverse of K, or of
 * K = H'H, without them and of rows or columns of length 1, has no more than a small error.
 *
 * @param formOf a map's inputs in the program
 */
export function tracedSpans(
  maps: readonly LinearMap[],
  formOf: (inputs: Tensor) => Tensor,
  dtype: "float32" | "float64",
): Spans {
  const found = maps.map((map) => {
    const h = cast(formOf(map.inputs), "float64");
    if (!isWide(map)) {
      const { lengths, isCertain } = inverted(matmul(h, h, { transposeA: true }));
      return { outside: (x: Tensor) => where(greater(lengths, 0), 0, x), isCertain };
    }
    const { inverse, lengths, isCertain } = inverted(matmul(h, h, { transposeB: true }));
    const rows = div(h, expandDims(where(greater(lengths, 0), lengths, 1), 1));
    const dual = matmul(inverse, rows);
    return {
      outside: (x: Tensor) => sub(x, matmul(matmul(x, rows, { transposeB: true }), dual)),
      isCertain,
    };
  });
  return {
    outside: found.map(({ outside }) => outside),
    isCertain: all(...found.map(({ isCertain }) => isCertain)),
    scale: constant(1, dtype),
  };
}

/** Spans that the host found, by their bases. */
export const givenSpans = (open: readonly LinearMap[], bases: readonly Tensor[], scale: Tensor): Spans => ({
  outside: open.map((map, i) => (x) => {
    const along = matmul(matmul(x, bases[i], { transposeB: true }), bases[i]);
    return isWide(map) ? sub(x, along) : along;
  }),
  isCertain: constant(1, "bool"),
  scale,
});

/** The inverse of the inner products of vectors, each divided by its length where it is not zero. */
function inverted(gram: Tensor) {
  const I = identity(gram.shape[0], "float64");
  const lengths = sqrt(sum(mul(gram, I), { axes: [1] }));
  const isZero = where(greater(lengths, 0), 0, fillLike(lengths, 1));
  const scale = add(lengths, isZero);
  const scaled = add(
    div(gram, mul(expandDims(scale, 0), expandDims(scale, 1))),
    mul(I, expandDims(isZero, 1)),
  );
  const inverse = matrixInverse(scaled);
  const error = max(abs(sub(matmul(scaled, inverse), I)));
  return { inverse, lengths, isCertain: lessEqual(error, accurate) };
}
