import { requireShape, type Shape, sizeOf } from "../../array.js";
import { describeValue, OptionError, ShapeError } from "../../errors.js";
import { Index } from "../index-expression.js";
import { int, ints } from "../onnx-rule.js";
import { apply, formatShape, type Op, requireTensor, sameShape, type Tensor } from "../tensor.js";

const reshapeOp: Op<{ shape: Shape }> = {
  name: "reshape",
  infer([x], { shape }) {
    if (sizeOf(shape) !== x.size || shape.some((n) => n < 0 || !Number.isInteger(n))) {
      throw new ShapeError(
        `reshape: shape ${formatShape(x.shape)} has ${x.size} elements, which cannot be arranged as ${formatShape(shape)}.`,
      );
    }
    return { shape, dtype: x.dtype };
  },
  vjp: (g, { inputs: [x] }) => [reshape(g, x.shape)],
  js: { view: true, flat: true, pull: (at, read, { inputs: [x] }) => read(0, at.reshaped(x.shape)) },
  onnx: {
    // Without allowzero a size of 0 stands for that of the operand.
    emit: (e, [x], _node, { shape }) =>
      e.emit("Reshape", [x, e.indices(shape)], shape.includes(0) ? { allowzero: int(1) } : {}),
  },
  flops: () => 0,
};

const transposeOp: Op<{ axes: readonly number[] }> = {
  name: "transpose",
  infer: ([x], { axes }) => ({ shape: axes.map((a) => x.shape[a]), dtype: x.dtype }),
  vjp: (g, _node, { axes }) => [transpose(g, inversePermutation(axes))],
  js: {
    view: true,
    pull(at, read, { inputs: [x] }, { axes }) {
      const multi = at.multi;
      const inverse = inversePermutation(axes);
      return read(
        0,
        Index.multi(
          x.shape,
          inverse.map((d) => multi[d]),
        ),
      );
    },
  },
  onnx: { emit: (e, [x], _node, { axes }) => e.emit("Transpose", [x], { perm: ints(axes) }) },
  flops: () => 0,
};

function inversePermutation(axes: readonly number[]): number[] {
  const inverse = new Array<number>(axes.length);
  axes.forEach((a, d) => {
    inverse[a] = d;
  });
  return inverse;
}

/** Resolves an axis, which may count from the end, to a number >= 0; errors carry the operation's name. */
export function resolveAxis(axis: number, rank: number, op: string): number {
  if (typeof axis !== "number") {
    throw new OptionError(`${op}: an axis must be an integer, such as 0 or -1; got ${describeValue(axis)}.`);
  }
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ShapeError(
      `${op}: axis ${axis} is outside the ${rank} axes of the tensor (${-rank}..${rank - 1}).`,
    );
  }
  return resolved;
}

/**
 * The same elements in row-major order under another shape. One entry may be -1: its size follows from the
 * others.
 *
 * @throws ShapeError when the number of elements differs
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  requireTensor("reshape", x);
  requireShape("reshape", shape);
  const free = shape.indexOf(-1);
  if (free >= 0) {
    const rest = sizeOf(shape.filter((_, d) => d !== free));
    const filled = shape.map((n, d) => (d === free ? x.size / rest : n));
    if (rest === 0 || x.size % rest !== 0 || filled.includes(-1)) {
      throw new ShapeError(`reshape: ${formatShape(x.shape)} does not divide into ${formatShape(shape)}.`);
    }
    return reshape(x, filled);
  }
  return sameShape(shape, x.shape) ? x : apply(reshapeOp, [x], { shape });
}

/** Permutes the axes; default: reverses them. `axes[d]` is the axis of `x` that becomes axis d. */
export function transpose(x: Tensor, order?: readonly number[]): Tensor {
  requireTensor("transpose", x);
  if (order !== undefined && !Array.isArray(order)) {
    throw new OptionError(
      `transpose: axes must be a list that names each axis once; got ${describeValue(order)}. Write transpose(x, [1, 0]).`,
    );
  }
  const axes = order ?? x.shape.map((_, d) => x.rank - 1 - d);
  const resolved = axes.map((a) => resolveAxis(a, x.rank, "transpose"));
  if (new Set(resolved).size !== x.rank || resolved.length !== x.rank) {
    throw new ShapeError(
      `transpose: axes [${axes.join(", ")}] must name each axis of ${formatShape(x.shape)} exactly once.`,
    );
  }
  return resolved.every((a, d) => a === d) ? x : apply(transposeOp, [x], { axes: resolved });
}

/** Inserts an axis of size 1 before `axis`. */
export function expandDims(x: Tensor, axis: number): Tensor {
  requireTensor("expandDims", x);
  const at = resolveAxis(axis, x.rank + 1, "expandDims");
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Joins all axes from `start` on into one. */
export function flattenFrom(x: Tensor, start = 0): Tensor {
  requireTensor("flattenFrom", x);
  const at = start === x.rank ? start : resolveAxis(start, x.rank, "flattenFrom");
  return reshape(x, [...x.shape.slice(0, at), sizeOf(x.shape.slice(at))]);
}
