import { type DType, type Shape, sizeOf } from "../array.js";
import { DTypeError, ShapeError } from "../errors.js";
import type { JavaScriptRule } from "./javascript-rule.js";
import type { OnnxRule } from "./onnx-rule.js";

/** What is known about a value before it is computed. */
export interface Type {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Attributes of an operation: all that is not a tensor (axes, strides, ...). Plain data, compared by value. */
export type Attributes = Readonly<Record<string, unknown>>;

/** An operation without some of its results. */
export interface KeptResults {
  readonly node: Tensor;
  /** Which of the results are there, in order. */
  readonly kept: readonly number[];
}

/**
 * One operation: its types, its derivative and its code. How symmetries pass through it stands in `symmetry/discovery/graph/rules.ts`.
 * Its derivative is written in operations of the same table, so derivatives of any order exist.
 */
export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /**
   * The result's type, or a list of types for an operation of several results, which `resultsOf` takes apart;
   * throws ShapeError or DTypeError when the inputs do not fit.
   */
  infer(inputs: readonly Tensor[], attrs: A): Type | readonly Type[];
  /**
   * Vector-Jacobian product: given the cotangent of the result, the cotangent of each input
   * (undefined: the result does not depend on it differentiably). Absent: not differentiable, gradient zero.
   */
  vjp?(cotangent: Tensor, node: Tensor, attrs: A): readonly (Tensor | undefined)[];
  /**
   * As `vjp`, for an operation of several results: undefined stands for a cotangent of zero.
   *
   * @param isNeeded whether the cotangent of an input is used
   */
  vjps?(
    cotangents: readonly (Tensor | undefined)[],
    node: Tensor,
    attrs: A,
    isNeeded: (k: number) => boolean,
  ): readonly (Tensor | undefined)[];
  /** The same operation without those of its several results that it can leave out. */
  keepResults?(node: Tensor, isUsed: (result: number) => boolean, attrs: A): KeptResults;
  readonly js: JavaScriptRule<A>;
  readonly onnx: OnnxRule<A>;
  /** Floating-point operations to compute the result; default: one per element. */
  flops?(node: Tensor, attrs: A): number;
  /** Bytes read and written to compute the result; default: all inputs and the result. */
  bytes?(node: Tensor, attrs: A): number;
  /** Operations that are run, one after the other; default: one. */
  nodes?(node: Tensor, attrs: A): number;
}

/** Indices into arrays are integers of 32 bits in places of both runtimes. */
const mostElements = 2 ** 31 - 1;

let tensorCount = 0;

/** The serial number of the next tensor: tensors made later have this one or a larger one. */
export const nextSerial = (): number => tensorCount;

/**
 * A value of a traced computation: an immutable node of an expression graph.
 * Made by calling operations (`add`, `matmul`, ...). It holds no numbers.
 */
export class Tensor implements Type {
  readonly size: number;
  /** Number of tensors that were made before. */
  readonly serial = tensorCount++;

  constructor(
    readonly op: Op,
    readonly inputs: readonly Tensor[],
    readonly attrs: Attributes,
    readonly shape: Shape,
    readonly dtype: DType,
    /** Types of the results of an operation that has several; its own type then says nothing. */
    readonly results?: readonly Type[],
  ) {
    this.size = sizeOf(shape);
  }

  get rank(): number {
    return this.shape.length;
  }

  toString(): string {
    return `${this.op.name}: ${formatType(this)}`;
  }

  /** Throws: JavaScript's operators would turn a tensor into NaN or a string. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    throw new DTypeError(
      "A tensor was given to one of JavaScript's operators, such as + or <; write add(a, b), mul(a, b), less(a, b).",
    );
  }
}

/** A named value: an input or an output of a graph. */
export interface Port {
  readonly name: string;
  readonly tensor: Tensor;
}

/** A traced computation: named inputs, named outputs, and the expression graph between them. */
export interface Graph {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** Applies an operation: checks the inputs and creates the node. */
export function apply<A extends Attributes>(op: Op<A>, inputs: readonly Tensor[], attrs: A): Tensor {
  for (const x of inputs) requireTensor(op.name, x);
  const type = op.infer(inputs, attrs);
  if ("length" in type) return new Tensor(op as unknown as Op, inputs, attrs, [0], "bool", type);
  const { shape, dtype } = type;
  if (!shape.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ShapeError(`${op.name}: a shape holds integers >= 0; got ${formatShape(shape)}.`);
  }
  // Without axes of size zero, as in NumPy: loops over the others would be too long, too.
  const size = sizeOf(shape.map((n) => Math.max(n, 1)));
  if (size > mostElements) {
    throw new ShapeError(
      `${op.name}: ${formatShape(shape)} has ${size} elements; an array has ${mostElements} at most.`,
    );
  }
  return new Tensor(op as unknown as Op, inputs, attrs, shape, dtype);
}

/** Size of a value in bytes. */
export function bytesOf({ shape, dtype }: Type): number {
  return sizeOf(shape) * { float32: 4, float64: 8, int64: 8, bool: 1 }[dtype];
}

/** Whether a value is a traced tensor. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}

/** Throws unless `x` is a traced tensor; the message names the operation and says what came instead. */
export function requireTensor(op: string, x: unknown): asserts x is Tensor {
  if (!isTensor(x)) throw new DTypeError(`${op} takes traced tensors; got ${describe(x)}`);
}

/** Describes a value passed instead of a tensor, and what to do. */
export function describe(value: unknown): string {
  if (value === undefined)
    return "undefined: does the batch, or the tree of parameters, have an entry of that name?";
  if (typeof value !== "object" || value === null) {
    return `${value === null ? "null" : typeof value}. Inside a traced function write sum(mul(a, b)), say, for Math and operators.`;
  }
  if ("shape" in value && "data" in value)
    return "an array: pass it as an argument of the traced function, or make it a constant(...).";
  if (Array.isArray(value)) return "a list: pass its tensors one by one.";
  const keys = Object.keys(value).join(", ");
  return `an object with ${keys || "no entries"}: take it apart first (params.weight, or model.apply(params, x).output, say).`;
}

/** `float32[2, 3]` */
export function formatType({ shape, dtype }: Type): string {
  return `${dtype}[${shape.join(", ")}]`;
}

/** `[2, 3]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64";
}

/** Throws unless `x` is a float tensor; the message names the operation. */
export function requireFloat(op: string, x: Tensor): void {
  requireTensor(op, x);
  if (!isFloat(x.dtype)) {
    throw new DTypeError(`${op} takes floats; got ${formatType(x)}. Convert with cast(x, "float32").`);
  }
}

/** The type of an operand, which must hold floats; the message names the operation. */
export function floatType(op: string, x: Tensor): Type {
  requireFloat(op, x);
  return { shape: x.shape, dtype: x.dtype };
}
