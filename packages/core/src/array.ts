import { DTypeError, ShapeError } from "./errors.js";

/** Element types. `int64` is for indices, `bool` for masks; only the floats are differentiable. */
export type DType = "float32" | "float64" | "int64" | "bool";

export type Shape = readonly number[];

export type TypedArray = Float32Array | Float64Array | BigInt64Array | Uint8Array;

/**
 * A dense row-major array as plain data: the only form in which numbers enter and leave the library.
 * The type of `data` tells the element type (Float32Array: float32, Float64Array: float64, BigInt64Array: int64, Uint8Array: bool).
 */
export interface NdArray<D extends TypedArray = TypedArray> {
  readonly shape: Shape;
  readonly data: D;
}

type Nested = number | boolean | readonly Nested[];

/** Number of elements of a shape; 1 for a scalar `[]`. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** Row-major distances of neighbours along each axis. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

/** The element type of an array, from the class of its data. */
export function dtypeOf(a: NdArray): DType {
  const { data } = a;
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Uint8Array) return "bool";
  throw new DTypeError(
    `An array's data must be a Float32Array, Float64Array, BigInt64Array (int64) or Uint8Array (bool); got ${Object.prototype.toString.call(data)}.`,
  );
}

/** A zero-filled typed array of `size` elements. */
export function allocate(dtype: DType, size: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(size);
    case "float64":
      return new Float64Array(size);
    case "int64":
      return new BigInt64Array(size);
    case "bool":
      return new Uint8Array(size);
  }
}

/**
 * Wraps flat row-major data with a shape. Throws {@link ShapeError} when the sizes disagree.
 *
 * @example
 * ndarray(new Float64Array([1, 2, 3, 4]), [2, 2]);
 */
export function ndarray<D extends TypedArray>(data: D, shape: Shape): NdArray<D> {
  if (shape.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(`A shape holds non-negative integers; got [${shape.join(", ")}].`);
  }
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `Shape [${shape.join(", ")}] needs ${sizeOf(shape)} elements; the data has ${data.length}.`,
    );
  }
  return { shape: [...shape], data };
}

/**
 * An array from nested lists of numbers (or one number: a scalar).
 *
 * @param dtype element type; default `float32`
 * @throws ShapeError when the lists are ragged; DTypeError for what is no number
 *
 * @example
 * array([[1, 2], [3, 4]], "float64"); // shape [2, 2]
 */
export function array(values: Nested, dtype: DType = "float32"): NdArray {
  const shape: number[] = [];
  for (let level: Nested = values; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const data = allocate(dtype, sizeOf(shape));
  let at = 0;
  const fill = (level: Nested, depth: number): void => {
    if (Array.isArray(level)) {
      if (level.length !== shape[depth]) {
        throw new ShapeError(
          `Nested lists must be of equal length: at depth ${depth} expected ${shape[depth] ?? "a number"}, got ${level.length}.`,
        );
      }
      for (const item of level) fill(item, depth + 1);
    } else {
      if (depth !== shape.length) {
        throw new ShapeError(
          `Nested lists must be of equal depth: expected ${shape.length}, got a number at depth ${depth}.`,
        );
      }
      if (typeof level !== "number" && typeof level !== "boolean") {
        throw new DTypeError(
          `array takes nested lists of numbers; got ${describe(level)}. A typed array with a shape is ndarray(data, shape).`,
        );
      }
      data[at++] = dtype === "int64" ? BigInt(Number(level)) : Number(level);
    }
  };
  fill(values, 0);
  return { shape, data };
}

const describe = (value: unknown): string =>
  ArrayBuffer.isView(value) ? value.constructor.name : value === null ? "null" : typeof value;

/** An array of `shape` filled with `value`. */
export function full(shape: Shape, value: number, dtype: DType = "float32"): NdArray {
  const data = allocate(dtype, sizeOf(shape));
  if (data instanceof BigInt64Array) data.fill(BigInt(value));
  else data.fill(value);
  return { shape: [...shape], data };
}

/** An array of zeros. */
export function zeros(shape: Shape, dtype: DType = "float32"): NdArray {
  return full(shape, 0, dtype);
}

/** An array of ones. */
export function ones(shape: Shape, dtype: DType = "float32"): NdArray {
  return full(shape, 1, dtype);
}

/** The same values in another element type; the array itself where it already has it. */
export function astype(a: NdArray, dtype: DType): NdArray {
  if (dtypeOf(a) === dtype) return a;
  const data = allocate(dtype, a.data.length);
  if (data instanceof BigInt64Array) {
    for (let i = 0; i < data.length; i++) data[i] = BigInt(Math.trunc(Number(a.data[i])));
  } else if (dtype === "bool") {
    for (let i = 0; i < data.length; i++) data[i] = Number(a.data[i]) !== 0 ? 1 : 0;
  } else {
    for (let i = 0; i < data.length; i++) data[i] = Number(a.data[i]);
  }
  return { shape: a.shape, data };
}

/** The one element of a scalar (or of any array of size 1) as a number. */
export function item(a: NdArray): number {
  if (a.data.length !== 1) {
    throw new ShapeError(`item() takes an array of one element; got shape [${a.shape.join(", ")}].`);
  }
  return Number(a.data[0]);
}

/** An independent copy. */
export function copyArray<A extends NdArray>(a: A): A {
  return { ...a, shape: [...a.shape], data: a.data.slice() } as A;
}

/** Whether a value looks like an {@link NdArray}. */
export function isNdArray(value: unknown): value is NdArray {
  return (
    typeof value === "object" &&
    value !== null &&
    Array.isArray((value as NdArray).shape) &&
    ArrayBuffer.isView((value as NdArray).data)
  );
}
