import { specialFunctions } from "../math/special.js";
import { Affine, Index } from "./index-expression.js";
import { constantValue, fill } from "./ops/leaf.js";
import type { Tensor } from "./tensor.js";

/** Operations whose result is zero when one of the listed operands is. */
const zeroWith: Readonly<Record<string, readonly number[]>> = {
  mul: [0, 1],
  div: [0],
  matmul: [0, 1],
  conv2d: [0, 1],
  conv2dInputGradient: [0, 1],
  conv2dWeightGradient: [0, 1],
  poolPut: [0],
  poolTake: [0],
  gather: [0],
  scatterAdd: [0],
  cumsum: [0],
};

/** Operations that only move elements: a constant stays the same constant. */
const moves = new Set(["reshape", "transpose", "slice"]);

/** The constant that a node equals, if it follows from the inputs; else undefined. */
export function foldConstant(node: Tensor): Tensor | undefined {
  const { op, inputs, shape, dtype } = node;
  if (inputs.length === 0) return undefined;
  // ONNX Runtime's kernels fail on some empty arrays, or return what was in memory.
  const isEmpty = node.size === 0 && node.results === undefined;
  if (isEmpty) return constantValue(node) === undefined ? fill(shape, 0, dtype) : undefined;
  const values = inputs.map(constantValue);
  const isKnown = !values.includes(undefined);
  // The mean of nothing, 0 times 1 / 0, stays NaN.
  if (isKnown && op.js.flat && op.js.readsOnce) return fill(shape, evaluate(node, values as number[]), dtype);
  const isZero = (x: Tensor) => constantValue(x) === 0 || (x.size === 0 && op.name !== "gather");
  if (zeroWith[op.name]?.some((k) => isZero(inputs[k]))) return fill(shape, 0, dtype);
  if (!isKnown) return undefined;
  if (moves.has(op.name)) return fill(shape, values[0] as number, dtype);
  if (op.name === "broadcast" && inputs[0].op.name !== "constant")
    return fill(shape, values[0] as number, dtype);
  if (op.name === "place" && values[0] === node.attrs.value) return fill(shape, values[0] as number, dtype);
  if (op.name === "concat" && values.every((v) => v === values[0]))
    return fill(shape, values[0] as number, dtype);
  return op.name === "sum"
    ? fill(shape, ((values[0] as number) * inputs[0].size) / node.size, dtype)
    : undefined;
}

/** Computes one element of an element-wise operation with the code of the JavaScript runtime. */
function evaluate(node: Tensor, values: readonly number[]): number {
  const names = values.map((_, k) => `x${k}`);
  const at = Index.flat(node.shape, Affine.zero);
  const code = node.op.js.pull?.(at, (k) => names[k], node, node.attrs);
  const compute = new Function(...Object.keys(specialFunctions), ...names, `return ${code};`);
  return Number(compute(...Object.values(specialFunctions), ...values));
}
