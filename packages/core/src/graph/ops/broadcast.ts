import { dtypeOf, isNdArray, requireShape, type Shape } from "../../array.js";
import { DTypeError, ShapeError } from "../../errors.js";
import { Affine, Index } from "../index-expression.js";
import {
  apply,
  formatShape,
  formatType,
  isTensor,
  type Op,
  requireTensor,
  sameShape,
  type Tensor,
} from "../tensor.js";
import { isTracing } from "../tracing.js";
import { lift, type Operand } from "./leaf.js";
import { sum } from "./reduce.js";
import { reshape } from "./reshape.js";

/** Repeats a tensor along axes of size 1 and along new leading axes. The only operation that broadcasts. */
const broadcastOp: Op<{ shape: Shape }> = {
  name: "broadcast",
  infer([x], { shape }) {
    const lead = shape.length - x.rank;
    if (lead < 0 || x.shape.some((n, d) => n !== 1 && n !== shape[lead + d])) {
      throw new ShapeError(
        `broadcastTo: shape ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}. ` +
          "Axes are aligned at the end; each must be equal or 1.",
      );
    }
    return { shape, dtype: x.dtype };
  },
  vjp: (g, { inputs: [x] }) => [sumTo(g, x.shape)],
  js: {
    view: true,
    pull(at, read, { inputs: [x] }) {
      const lead = at.shape.length - x.rank;
      if (x.size === 1) return read(0, Index.flat(x.shape, Affine.zero));
      const axes = at.multi;
      return read(
        0,
        Index.multi(
          x.shape,
          x.shape.map((n, d) => (n === 1 ? Affine.zero : axes[lead + d])),
        ),
      );
    },
  },
  onnx: { emit: (e, [x], _node, { shape }) => e.emit("Expand", [x, e.indices(shape)]) },
  flops: () => 0,
};

/** Sums a tensor down to a shape that broadcasts to its own: the transpose of {@link broadcastTo}. */
function sumTo(g: Tensor, shape: Shape): Tensor {
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((n, d) => (d < lead || (shape[d - lead] === 1 && n !== 1) ? [d] : []));
  return reshape(axes.length > 0 ? sum(g, { axes }) : g, shape);
}

/**
 * Repeats `x` to `shape`, axes aligned at the end as in NumPy.
 *
 * @throws ShapeError when an axis is neither equal nor 1
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  requireTensor("broadcastTo", x);
  requireShape("broadcastTo", shape);
  return sameShape(x.shape, shape) ? x : apply(broadcastOp, [x], { shape });
}

/** The shape that two shapes broadcast to; throws if there is none, with the operation's name. */
export function broadcastShapes(a: Shape, b: Shape, op: string): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, d) => {
    const m = a[d - rank + a.length] ?? 1;
    const n = b[d - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast together: ` +
          `${m} against ${n} at axis ${d - rank} (axes are aligned at the end; each pair must be equal or contain 1).`,
      );
    }
    return m === 1 ? n : m;
  });
}

/**
 * Brings operands to one dtype and shape. Numbers take the dtype of the first tensor, else of the first
 * array.
 *
 * @param other a further operand of the operation that is not broadcast
 * @throws DTypeError if no operand is a tensor and no function is being traced
 */
export function unify(op: string, operands: readonly Operand[], other?: Tensor): Tensor[] {
  const tensor = operands.find(isTensor);
  const like = tensor?.dtype ?? dtypeOfArray(operands) ?? "float32";
  const tensors = operands.map((o) => lift(o, like, op));
  if (tensor === undefined && other === undefined && !isTracing()) throw withoutTensor(op, operands);
  const [first] = tensors;
  for (const t of tensors) {
    if (t.dtype !== first.dtype) {
      throw new DTypeError(
        `${op}: operands must have one dtype; got ${tensors.map(formatType).join(" and ")}. Convert one with cast(x, "${first.dtype}").`,
      );
    }
  }
  const shape = tensors.reduce<Shape>((s, t) => broadcastShapes(s, t.shape, op), []);
  return tensors.map((t) => broadcastTo(t, shape));
}

function dtypeOfArray(operands: readonly Operand[]): Tensor["dtype"] | undefined {
  const array = operands.find(isNdArray);
  return array && dtypeOf(array);
}

/** Throws the error of an operation outside a traced function, whose result would never get a value. */
function withoutTensor(op: string, operands: readonly Operand[]): DTypeError {
  const arrays = operands.filter(isNdArray).length;
  const what =
    arrays === 0 ? "are numbers" : arrays === operands.length ? "are arrays" : "are an array and a number";
  return new DTypeError(
    `${op}: both operands ${what}, and no function is being traced: there is nothing to compute yet. ` +
      `Trace a function and run it: const f = await jit((a, b) => ${op}(a, b), [a, b]); await f(a, b).`,
  );
}
