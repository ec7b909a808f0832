import { sizeOf } from "../../array.js";
import { requireKnown } from "../../options.js";
import { requireTensor, type Tensor } from "../tensor.js";
import { mul } from "./arithmetic.js";
import { fill } from "./leaf.js";
import { type ReduceOptions, resolveReduction } from "./reduce.js";
import { reshape, transpose } from "./reshape.js";
import { concat, slice } from "./slice.js";

/**
 * Product over axes (default all); 1 over an axis of size 0. It is computed in pairs, so that derivatives of any
 * order hold where elements are zero.
 *
 * @example
 * prod(x, { axes: [1] }); // [batch, factors] -> [batch]
 */
export function prod(x: Tensor, options: ReduceOptions = {}): Tensor {
  requireTensor("prod", x);
  requireKnown("prod", options, ["axes", "keepDims"], "prod(x, { axes: [1] })");
  const { axes, keepDims } = resolveReduction("prod", x, options);
  const kept = [...x.shape.keys()].filter((d) => !axes.includes(d));
  const rest = kept.map((d) => x.shape[d]);
  const count = sizeOf(axes.map((d) => x.shape[d]));
  const factors = reshape(transpose(x, [...axes, ...kept]), [count, ...rest]);
  const shape = keepDims ? x.shape.map((n, d) => (axes.includes(d) ? 1 : n)) : rest;
  return reshape(productOf(factors), shape);
}

/** Product along the first axis, of size 1 in the result: neighbors are multiplied until one is left. */
function productOf(x: Tensor): Tensor {
  const [n, ...rest] = x.shape;
  if (n === 0) return fill([1, ...rest], 1, x.dtype);
  if (n === 1) return x;
  const even = n - (n % 2);
  const every = { ends: [even], steps: [2] };
  const pairs = mul(slice(x, every), slice(x, { ...every, starts: [1] }));
  return productOf(n === even ? pairs : concat([pairs, slice(x, { starts: [even] })]));
}
