import type { DType, NdArray, Shape } from "../../array.js";
import { astype, dtypeOf, isNdArray, requireBools, requireDType, requireSizes } from "../../array.js";
import { DTypeError, describeValue } from "../../errors.js";
import { apply, describe, isFloat, isTensor, type Op, requireTensor, type Tensor } from "../tensor.js";
import { broadcastTo } from "./broadcast.js";

/** A value given when the graph runs. Each call of {@link input} makes a distinct value. */
export const inputOp: Op<{ shape: Shape; dtype: DType }> = {
  name: "input",
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  js: {},
  onnx: {
    emit() {
      throw new Error("An input has no nodes of its own.");
    },
  },
  flops: () => 0,
};

/** A scalar number. Stored as a float64 whatever the dtype, so that a graph can change precision without loss. */
const constantOp: Op<{ value: number; dtype: DType }> = {
  name: "constant",
  infer: (_, { dtype }) => ({ shape: [], dtype }),
  js: { pull: (_at, _read, _node, { value }) => literal(value), view: true, flat: true },
  onnx: { emit: (e, _inputs, _node, { value, dtype }) => e.scalar(value, dtype) },
  flops: () => 0,
};

/** A constant array. */
const arrayOp: Op<{ value: NdArray; dtype: DType }> = {
  name: "array",
  infer: (_, { value, dtype }) => ({ shape: value.shape, dtype }),
  js: {},
  onnx: { emit: (e, _inputs, _node, { value, dtype }) => e.constant(astype(value, dtype)) },
  flops: () => 0,
};

/** A JavaScript literal, also for NaN, infinities and negative numbers inside an expression. */
export function literal(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "Infinity";
  if (value === -Infinity) return "(-Infinity)";
  return value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? "-0" : value})` : String(value);
}

/** A placeholder for a value given when the graph runs. */
export function input(shape: Shape, dtype: DType = "float32"): Tensor {
  requireSizes("input", shape);
  requireDType("input", dtype);
  return apply(inputOp, [], { shape, dtype });
}

/**
 * A constant: a number (a scalar tensor) or an array. Change no array afterwards: graphs may have copied it.
 *
 * @example
 * constant(0.5);                       // float32[]
 * constant(array([[1, 2], [3, 4]]));   // float32[2, 2]
 */
export function constant(value: number | NdArray, dtype?: DType): Tensor {
  if (dtype !== undefined) requireDType("constant", dtype);
  if (dtype === "int64" && typeof value === "number" && !Number.isInteger(value)) {
    throw new DTypeError(`constant: an int64 must be an integer; got ${value}.`);
  }
  if (typeof value === "number") return apply(constantOp, [], { value, dtype: dtype ?? "float32" });
  if (!isNdArray(value)) {
    throw new DTypeError(
      `constant takes a number or an array {shape, data}; got ${describeValue(value)}. Write constant(array([1, 2])), say.`,
    );
  }
  const type = dtype ?? dtypeOf(value);
  // Floats keep their digits: the graph may be computed in another precision.
  const kept = isFloat(type) ? value : astype(value, type);
  // Small ones are compared by value, once: they are not the caller's array, which may change.
  const exact = kept.data.length <= comparedByValue ? { ...kept, data: kept.data.slice() } : kept;
  if (type === "bool") requireBools("constant: the array", exact);
  return apply(arrayOp, [], { value: exact, dtype: type });
}

/** Constants of at most this many elements are compared by value, larger ones by their memory. */
export const comparedByValue = 1024;

/** A tensor of `shape` with every element `value`. */
export function fill(shape: Shape, value: number, dtype: DType = "float32"): Tensor {
  requireSizes("fill", shape);
  if (typeof value !== "number") {
    throw new DTypeError(
      `fill takes a shape and a number; got ${describeValue(value)}. Write fill([2, 3], 0.5), say.`,
    );
  }
  return broadcastTo(constant(value, dtype), shape);
}

/** A tensor of the shape and dtype of `x` with every element `value`. */
export function fillLike(x: Tensor, value: number): Tensor {
  requireTensor("fillLike", x);
  return fill(x.shape, value, x.dtype);
}

/** What an operation accepts as a tensor: also a number, or an array as a constant. */
export type Operand = Tensor | NdArray | number;

/** An operand as a tensor; a number takes the dtype `like`. */
export function lift(value: Operand, like: DType, op: string): Tensor {
  if (isTensor(value)) return value;
  if (typeof value === "number") {
    if (like === "int64" && !Number.isInteger(value)) {
      throw new DTypeError(
        `${op}: an int64 tensor goes with integers; got ${value}. Convert the tensor first: cast(x, "float32").`,
      );
    }
    return constant(value, like);
  }
  if (isNdArray(value)) return constant(value);
  throw new DTypeError(`${op} takes traced tensors, arrays {shape, data} or numbers; got ${describe(value)}`);
}

/** The number that every element of a tensor is known to equal, or undefined. */
export function constantValue(x: Tensor): number | undefined {
  if (x.op === (constantOp as unknown as Op)) return x.attrs.value as number;
  if (x.op.name === "broadcast" || x.op.name === "reshape") return constantValue(x.inputs[0]);
  return undefined;
}
