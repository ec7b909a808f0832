import { type DType, requireDType } from "../../array.js";
import { DTypeError, describeValue, ShapeError } from "../../errors.js";
import { requireFlags, requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import { forEachLine } from "../javascript-rule.js";
import { int, onnxType } from "../onnx-rule.js";
import { apply, bytesOf, formatType, isFloat, type Op, requireTensor, type Tensor } from "../tensor.js";
import { numeric } from "./arithmetic.js";
import { resolveAxis } from "./reshape.js";
import { scatterAdd } from "./scatter.js";

/** x[..., indices, ...]: whole slices of x along an axis. */
const gatherOp: Op<{ axis: number }> = {
  name: "gather",
  infer([x, indices], { axis }) {
    requireIndices("gather", indices);
    return {
      shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)],
      dtype: x.dtype,
    };
  },
  vjp: (g, { inputs: [x, indices] }, { axis }) => [
    isFloat(x.dtype) ? scatterAdd(g, indices, { axis, size: x.shape[axis] }) : undefined,
    undefined,
  ],
  js: {
    pull(at, read, { inputs: [x, indices] }, { axis }) {
      const axes = at.multi;
      const place = read(1, Index.multi(indices.shape, axes.slice(axis, axis + indices.rank)));
      const picked = Affine.variable(`placeOf(${place},${x.shape[axis]})`);
      const rest = axes.slice(axis + indices.rank);
      return read(0, Index.multi(x.shape, [...axes.slice(0, axis), picked, ...rest]));
    },
  },
  onnx: { emit: (e, inputs, _node, { axis }) => e.emit("Gather", inputs, { axis: int(axis) }) },
  flops: () => 0,
  // Only the gathered slices of the table are read.
  bytes: (node) => 2 * bytesOf(node) + bytesOf(node.inputs[1]),
};

/** Throws unless indices are int64; the message names the operation. */
export function requireIndices(op: string, indices: Tensor): void {
  if (indices.dtype !== "int64") {
    throw new DTypeError(`${op}: indices must be int64; got ${formatType(indices)}.`);
  }
}

/**
 * Slices of `x` along an axis of size n at the given indices; in the result the indices' shape replaces the
 * axis. A negative index counts from the end, as in NumPy; one outside -n..n-1 is an error when the graph
 * runs.
 *
 * @example
 * gather(table, tokens); // [vocabulary, width], int64[batch, length] -> [batch, length, width]
 */
export function gather(x: Tensor, indices: Tensor, options: { axis?: number | undefined } = {}): Tensor {
  requireTensor("gather", x);
  requireKnown("gather", options, ["axis"], "gather(x, indices, { axis: 1 })");
  return apply(gatherOp, [x, indices], { axis: resolveAxis(options.axis ?? 0, x.rank, "gather") });
}

/** Throws unless `value` is an integer >= 0; the message names the operation and what it is. */
export function requireCount(op: string, what: string, value: unknown): void {
  if (Number.isInteger(value) && (value as number) >= 0) return;
  throw new ShapeError(`${op}: ${what} must be an integer >= 0; got ${describeValue(value)}.`);
}

const oneHotOp: Op<{ depth: number; dtype: DType }> = {
  name: "oneHot",
  infer([indices], { depth, dtype }) {
    requireIndices("oneHot", indices);
    return { shape: [...indices.shape, depth], dtype };
  },
  js: {
    readsOnce: false,
    pull(at, read, { inputs: [indices] }) {
      const axes = at.multi;
      const place = read(0, Index.multi(indices.shape, axes.slice(0, -1)));
      return `(${place}===${axes[axes.length - 1]}?1:0)`;
    },
  },
  onnx: {
    emit(e, [indices], node, { depth, dtype }) {
      // Not ONNX's OneHot: it counts negative indices from the end, whereas here they give zeros.
      const classes = e.indices([...Array(depth).keys()]);
      const column = e.emit("Unsqueeze", [indices, e.indices([node.rank - 1])]);
      const hit = e.emit("Equal", [column, classes]);
      return dtype === "bool" ? hit : e.emit("Cast", [hit], { to: int(onnxType[dtype]) });
    },
  },
};

/** 1 at the index along a new last axis of size `depth`, else 0; an index out of range gives only zeros. */
export function oneHot(indices: Tensor, depth: number, dtype: DType = "float32"): Tensor {
  requireCount("oneHot", "depth", depth);
  requireDType("oneHot", dtype);
  return apply(oneHotOp, [indices], { depth, dtype });
}

interface CumsumAttributes extends Record<string, unknown> {
  readonly axis: number;
  readonly exclusive: boolean;
  readonly reverse: boolean;
}

const cumsumOp: Op<CumsumAttributes> = {
  name: "cumsum",
  infer: ([x]) => numeric("cumsum", x),
  vjp: (g, _node, { axis, exclusive, reverse }) => [cumsum(g, { axis, exclusive, reverse: !reverse })],
  js: {
    readsOnce: true,
    kernel(w, node, { axis, exclusive, reverse }) {
      forEachLine(w, node.shape, axis, (along) => {
        const total = w.fresh("s");
        w.line(`let ${total}=0;`);
        w.loop(node.shape[axis], (i) => {
          const place = along(reverse ? i.times(-1).plus(node.shape[axis] - 1) : i);
          if (exclusive) w.store(place, total);
          w.line(`${total}+=${w.read(0, place)};`);
          if (!exclusive) w.store(place, total);
        });
      });
    },
  },
  onnx: {
    emit: (e, [x], _node, { axis, exclusive, reverse }) =>
      e.emit("CumSum", [x, e.constant({ shape: [], data: new BigInt64Array([BigInt(axis)]) })], {
        exclusive: int(+exclusive),
        reverse: int(+reverse),
      }),
  },
};

/** Running sum along an axis; `exclusive`: without the element itself; `reverse`: from the end. */
export function cumsum(
  x: Tensor,
  options: { axis?: number | undefined; exclusive?: boolean | undefined; reverse?: boolean | undefined } = {},
): Tensor {
  requireTensor("cumsum", x);
  requireKnown("cumsum", options, ["axis", "exclusive", "reverse"], "cumsum(x, { axis: 1 })");
  const { axis = -1, exclusive = false, reverse = false } = options;
  requireFlags("cumsum", { exclusive, reverse });
  return apply(cumsumOp, [x], { axis: resolveAxis(axis, x.rank, "cumsum"), exclusive, reverse });
}
