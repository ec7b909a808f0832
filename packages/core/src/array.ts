import { DTypeError, describeValue, ShapeError } from "./errors.js";

/** Element types. `int64` is for indices, `bool` for masks; only the floats are differentiable. */
export type DType = "float32" | "float64" | "int64" | "bool";

export type Shape = readonly number[];

/** The data of an array by its element type. */
export interface DataOf {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly int64: BigInt64Array;
  readonly bool: Uint8Array;
}

export type TypedArray = DataOf[DType];

/** Data of floats of either precision. */
export type FloatArray = Float32Array | Float64Array;

/**
 * A dense row-major array as plain data: the only form in which numbers enter and leave the library.
 * The class of `data` determines the element type (Float32Array: float32, Float64Array: float64,
 * BigInt64Array: int64, Uint8Array: bool, 0 or 1).
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

/** Row-major strides: the distance in `data` between neighbors along each axis. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let d = shape.length - 2; d >= 0; d--) strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

/** The element type of an array, from the class of its data. */
export function dtypeOf(a: NdArray): DType {
  const data: unknown = a?.data;
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Uint8Array) return "bool";
  requireArray("dtypeOf", a);
  throw wrongData("An array's data", data);
}

function wrongData(what: string, data: unknown): DTypeError {
  const write = ArrayBuffer.isView(data) || Array.isArray(data) ? " Write Float32Array.from(data), say." : "";
  return new DTypeError(
    `${what} must be a Float32Array, Float64Array, BigInt64Array (int64) or Uint8Array (bool); got ${describeValue(data)}.${write}`,
  );
}

/** Throws unless `value` is an array. */
export function requireArray(op: string, value: unknown): asserts value is NdArray {
  if (isNdArray(value)) return;
  throw new DTypeError(
    `${op} takes an array {shape, data}; got ${describeValue(value)}. Make one with array([1, 2, 3]), say.`,
  );
}

/** Throws if a byte of bools is neither 0 nor 1: it would be true for some operations and false for others. */
export function requireBools(what: string, { data }: NdArray): void {
  const wrong = data instanceof Uint8Array ? data.find((x) => x > 1) : undefined;
  if (wrong === undefined) return;
  throw new DTypeError(
    `${what} holds bools, bytes of 0 or 1; got ${wrong}. Write Uint8Array.from(data, (x) => (x === 0 ? 0 : 1)).`,
  );
}

const dtypes: readonly unknown[] = ["float32", "float64", "int64", "bool"] satisfies DType[];

/** Throws unless `dtype` is an element type. */
export function requireDType(op: string, dtype: unknown): asserts dtype is DType {
  if (!dtypes.includes(dtype)) {
    throw new DTypeError(
      `${op}: the dtype must be one of ${dtypes.join(", ")}; got ${describeValue(dtype)}.`,
    );
  }
}

/** Throws unless `shape` is a list. */
export function requireShape(op: string, shape: unknown): asserts shape is Shape {
  if (!Array.isArray(shape)) {
    throw new ShapeError(
      `${op}: a shape is a list of integers >= 0, such as [2, 3] ([] for a scalar); got ${describeValue(shape)}.`,
    );
  }
}

/** Throws unless `shape` is a list of integers >= 0. */
export function requireSizes(op: string, shape: unknown): asserts shape is Shape {
  requireShape(op, shape);
  if (shape.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(`${op}: a shape holds integers >= 0; got ${describeValue(shape)}.`);
  }
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
  if (Array.isArray(data) && ArrayBuffer.isView(shape)) {
    throw new DTypeError(
      `ndarray takes the data first, then the shape; got ${describeValue(data)} and ${describeValue(shape)}. ` +
        `Write ndarray(data, ${describeValue(data)}).`,
    );
  }
  if (Array.isArray(data)) {
    throw new DTypeError(
      "ndarray takes a typed array and its shape; got a list. Write array([[1, 2], [3, 4]]) for nested lists, or " +
        "ndarray(Float32Array.from(list), shape).",
    );
  }
  if (!isData(data)) throw wrongData("ndarray: the data", data);
  requireSizes("ndarray", shape);
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
 * @throws ShapeError when the lists are ragged; DTypeError when an entry is not a number, or none that the type holds
 *
 * @example
 * array([[1, 2], [3, 4]], "float64"); // shape [2, 2]
 */
export function array<D extends DType = "float32">(values: Nested, dtype?: D): NdArray<DataOf[D]>;
export function array(values: Nested, dtype: DType = "float32"): NdArray {
  requireDType("array", dtype);
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
          `array takes nested lists of equal length: at depth ${depth} expected ${depth < shape.length ? `${shape[depth]} entries` : "a number"}, got ${level.length}: ` +
            `${describeValue(level)}. Pad the shorter lists, or make an array of each.`,
        );
      }
      for (const item of level) fill(item, depth + 1);
    } else {
      if (depth !== shape.length) {
        throw new ShapeError(
          `array takes nested lists of equal depth: at depth ${depth} expected a list of ${shape[depth]}, got ${describeValue(level)}.`,
        );
      }
      if (typeof level !== "number" && typeof level !== "boolean") {
        throw new DTypeError(
          `array takes nested lists of numbers; got ${describeValue(level)}. ${adviceFor(level)}`,
        );
      }
      const number = dtype === "bool" ? +(Number(level) !== 0) : Number(level);
      data[at++] = dtype === "int64" ? toInt64("array", number) : number;
    }
  };
  fill(values, 0);
  return { shape, data };
}

function toInt64(op: string, x: number): bigint {
  if (Number.isInteger(x) && x >= -(2 ** 63) && x < 2 ** 63) return BigInt(x);
  throw new DTypeError(
    `${op}: int64 holds integers from -2^63 to 2^63 - 1; got ${x}. Round it, or take "float32".`,
  );
}

/** What to write instead of a value that is not a number. */
function adviceFor(value: unknown): string {
  if (typeof value === "string") return "Convert strings first: Number(text).";
  if (typeof value === "bigint") return "Convert it: Number(value).";
  if (isNdArray(value)) return "It is already an array; astype(a, dtype) converts it.";
  return "To give a typed array a shape, write ndarray(data, shape).";
}

const isData = (value: unknown): value is TypedArray =>
  value instanceof Float32Array ||
  value instanceof Float64Array ||
  value instanceof BigInt64Array ||
  value instanceof Uint8Array;

/**
 * An array of `shape` filled with `value`.
 *
 * @throws DTypeError for what is no number, or none that the type holds
 */
export function full<D extends DType = "float32">(shape: Shape, value: number, dtype?: D): NdArray<DataOf[D]>;
export function full(shape: Shape, value: number, dtype: DType = "float32"): NdArray {
  if (typeof value !== "number") {
    throw new DTypeError(
      `full: the value must be a number; got ${describeValue(value)}. Write full([2, 3], 0.5), say.`,
    );
  }
  return filled("full", shape, value, dtype);
}

function filled(op: string, shape: Shape, value: number, dtype: DType): NdArray {
  requireSizes(op, shape);
  requireDType(op, dtype);
  const data = allocate(dtype, sizeOf(shape));
  if (data instanceof BigInt64Array) data.fill(toInt64(op, value));
  else data.fill(dtype === "bool" ? +(value !== 0) : value);
  return { shape: [...shape], data };
}

/** An array of zeros. */
export function zeros<D extends DType = "float32">(shape: Shape, dtype?: D): NdArray<DataOf[D]>;
export function zeros(shape: Shape, dtype: DType = "float32"): NdArray {
  return filled("zeros", shape, 0, dtype);
}

/** An array of ones. */
export function ones<D extends DType = "float32">(shape: Shape, dtype?: D): NdArray<DataOf[D]>;
export function ones(shape: Shape, dtype: DType = "float32"): NdArray {
  return filled("ones", shape, 1, dtype);
}

/**
 * The same values in another element type, fractions cut off for int64; the array itself if it already has that type.
 *
 * @throws DTypeError for values that int64 does not hold
 */
export function astype<D extends DType>(a: NdArray, dtype: D): NdArray<DataOf[D]>;
export function astype(a: NdArray, dtype: DType): NdArray {
  requireArray("astype", a);
  requireDType("astype", dtype);
  if (dtypeOf(a) === dtype) return a;
  const data = allocate(dtype, a.data.length);
  if (data instanceof BigInt64Array) {
    for (let i = 0; i < data.length; i++) data[i] = toInt64("astype", Math.trunc(Number(a.data[i])));
  } else if (dtype === "bool") {
    for (let i = 0; i < data.length; i++) data[i] = Number(a.data[i]) !== 0 ? 1 : 0;
  } else {
    for (let i = 0; i < data.length; i++) data[i] = Number(a.data[i]);
  }
  return { shape: a.shape, data };
}

/** The only element of a scalar (or of any array of size 1) as a number. */
export function item(a: NdArray): number {
  requireArray("item", a);
  if (a.data.length !== 1) {
    throw new ShapeError(`item() takes an array of one element; got shape [${a.shape.join(", ")}].`);
  }
  return Number(a.data[0]);
}

/**
 * The elements in row-major order as a list of numbers, whatever the element type.
 *
 * @throws DTypeError for anything but an array
 *
 * @example
 * numbers(array([[1, 2], [3, 4]], "int64")); // [1, 2, 3, 4]
 */
export function numbers(a: NdArray): number[] {
  requireArray("numbers", a);
  return Array.from<number | bigint, number>(a.data, Number);
}

/** Lists in lists, as deep as an array has axes; a number for a scalar. */
export type NestedNumbers = number | NestedNumbers[];

/**
 * The elements as nested lists of numbers, from which {@link array} makes the same array; a number for a scalar.
 *
 * @throws DTypeError for anything but an array
 *
 * @example
 * nested(ndarray(new Float64Array([1, 2, 3, 4]), [2, 2])); // [[1, 2], [3, 4]]
 */
export function nested(a: NdArray): NestedNumbers {
  requireArray("nested", a);
  let level: NestedNumbers[] = numbers(a);
  for (const [d, size] of [...a.shape.entries()].reverse()) {
    const lists = sizeOf(a.shape.slice(0, d));
    const inner = level;
    level = Array.from({ length: lists }, (_, i) => inner.slice(i * size, (i + 1) * size));
  }
  return level[0];
}

/** An independent copy. */
export function copyArray<A extends NdArray>(a: A): A {
  requireArray("copyArray", a);
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

/** Whether all elements are finite. A loop, as it is several times faster than `every` on millions of elements. */
export function isAllFinite({ data }: NdArray): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(Number(data[i]))) return false;
  return true;
}

/** Lists of numbers one after another, in float64. */
export function concatenated(lists: readonly ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}
