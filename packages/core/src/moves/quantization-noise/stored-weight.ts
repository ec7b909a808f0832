// Weights as an operation reads them, which may be a parameter in another shape or order.
import { type NdArray, sizeOf, stridesOf } from "../../array.js";
import type { Tensor } from "../../graph/tensor.js";

/** An operand that holds the elements of one parameter, each once. */
export interface StoredWeight {
  readonly path: string;
  /** For each element of the operand, row-major, its number in the parameter; undefined where they are the same. */
  readonly order?: Int32Array | undefined;
}

/** The parameter whose elements an operand holds, if it is one behind reshapes and transposes. */
export function storedWeight(
  operand: Tensor,
  pathOf: (tensor: Tensor) => string | undefined,
): StoredWeight | undefined {
  const path = pathOf(operand);
  if (path !== undefined) return { path };
  const [x] = operand.inputs;
  if (x === undefined || x.size !== operand.size) return undefined;
  const { name } = operand.op;
  if (name === "transpose") {
    const inner = storedWeight(x, pathOf);
    return inner && { path: inner.path, order: transposed(x, operand, inner.order) };
  }
  const isSame = name === "reshape" || name === "broadcast" || name === "alias";
  return isSame ? storedWeight(x, pathOf) : undefined;
}

function transposed(x: Tensor, { shape, attrs }: Tensor, inner: Int32Array | undefined): Int32Array {
  const axes = attrs.axes as readonly number[];
  const from = stridesOf(x.shape);
  const strides = axes.map((axis) => from[axis]);
  const order = new Int32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let k = 0, at = 0; k < order.length; k++) {
    order[k] = inner === undefined ? at : inner[at];
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < shape[d]) break;
      at -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return order;
}

/** The elements of a parameter in the order of the operand, in float64. */
export function readWeight({ data }: NdArray, { order }: StoredWeight): Float64Array {
  const stored = data as Float64Array;
  const values = new Float64Array(stored.length);
  for (let k = 0; k < values.length; k++) values[k] = stored[order === undefined ? k : order[k]];
  return values;
}

/** The parameter with the elements of an operand in its place. */
export function writeWeight(like: NdArray, { order }: StoredWeight, values: Float64Array): NdArray {
  const data = like.data.slice() as Float64Array;
  for (let k = 0; k < values.length; k++) data[order === undefined ? k : order[k]] = values[k];
  return { shape: like.shape, data };
}
