import type { DType, Shape } from "../../array.js";
import { requireDType } from "../../array.js";
import { describeValue } from "../../describe.js";
import { DTypeError, ShapeError } from "../../errors.js";
import { requireFlags, requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import { int, ints, type OnnxEmitter, text } from "../onnx-rule.js";
import {
  apply,
  bytesOf,
  formatShape,
  formatType,
  isFloat,
  type Op,
  requireTensor,
  type Tensor,
} from "../tensor.js";
import { type PoolAttributes, tiles } from "./pool-tiles.js";
import { resolveAxis } from "./reshape.js";

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

/** The transpose of gather: adds slices into zeros at the given places; repeated places add up. */
const scatterAddOp: Op<{ axis: number; size: number }> = {
  name: "scatterAdd",
  infer([updates, indices], { axis, size }) {
    requireIndices("scatterAdd", indices);
    const covered = updates.shape.slice(axis, axis + indices.rank);
    if (covered.join() !== indices.shape.join()) {
      throw new ShapeError(
        `scatterAdd: updates ${formatShape(updates.shape)} must have the indices' shape ${formatShape(indices.shape)} from axis ${axis} on.`,
      );
    }
    const shape = [...updates.shape.slice(0, axis), size, ...updates.shape.slice(axis + indices.rank)];
    return { shape, dtype: updates.dtype };
  },
  vjp: (g, { inputs: [, indices] }, { axis }) => [gather(g, indices, { axis }), undefined],
  js: {
    readsOnce: true,
    kernel(w, node, { axis, size }) {
      const [updates, indices] = node.inputs;
      w.line(`${w.result("")}.fill(0);`);
      const nest = (at: Affine[]): void => {
        if (at.length < updates.rank) {
          w.loop(updates.shape[at.length], (i) => nest([...at, i]));
          return;
        }
        const place = w.read(1, Index.multi(indices.shape, at.slice(axis, axis + indices.rank)));
        const target = Affine.variable(`placeOf(${place},${size})`);
        const into = Index.multi(node.shape, [
          ...at.slice(0, axis),
          target,
          ...at.slice(axis + indices.rank),
        ]);
        w.line(`${w.result(into.flat.toString())}+=${w.read(0, Index.multi(updates.shape, at))};`);
      };
      nest([]);
    },
  },
  onnx: {
    emit(e, [updates, indices], node, { axis }) {
      const [u, i] = node.inputs;
      const pooled = unpooledIndices(node);
      if (pooled && !e.portable) return emitUnpool(e, updates, pooled, node);
      // ScatterND adds whole slices along the leading axis: move the axis there and back.
      const lead = [...u.shape.keys()].slice(axis, axis + i.rank);
      const others = [...u.shape.keys()].filter((d) => !lead.includes(d));
      const turned =
        axis === 0 ? updates : e.emit("Transpose", [updates], { perm: ints([...lead, ...others]) });
      const shape = [node.shape[axis], ...node.shape.filter((_, d) => d !== axis)];
      const added = e.emit(
        "ScatterND",
        [
          e.emit("Expand", [e.scalar(0, node.dtype), e.indices(shape)]),
          e.emit("Reshape", [indices, e.indices([...i.shape, 1])]),
          turned,
        ],
        { reduction: text("add") },
      );
      if (axis === 0) return added;
      const back = node.shape.map((_, d) => (d === axis ? 0 : d < axis ? d + 1 : d));
      return e.emit("Transpose", [added], { perm: ints(back) });
    },
  },
  flops: ({ inputs: [updates] }) => updates.size,
};

/**
 * The node of a max pooling's indices, if a scatter writes to them and the pooling's windows tile the image.
 * The indices are then distinct, and ONNX has an operator for that case.
 */
function unpooledIndices({ inputs: [updates, indices], dtype, size }: Tensor): Tensor | undefined {
  const [pooled] = indices.inputs;
  const isPooling = indices.op.name === "reshape" && pooled.op.name === "maxPoolIndices2d";
  if (!isPooling || updates.rank !== 1 || dtype !== "float32" || pooled.inputs[0].size !== size)
    return undefined;
  return tiles(pooled.inputs[0].shape, pooled.attrs as unknown as PoolAttributes) ? pooled : undefined;
}

function emitUnpool(e: OnnxEmitter, updates: string, indices: Tensor, node: Tensor): string {
  const { kernel, stride } = indices.attrs as unknown as PoolAttributes;
  const image = e.emit(
    "MaxUnpool",
    [
      e.emit("Reshape", [updates, e.indices(indices.shape)]),
      e.value(indices),
      e.indices(indices.inputs[0].shape),
    ],
    { kernel_shape: ints(kernel), strides: ints(stride) },
  );
  return e.emit("Reshape", [image, e.indices(node.shape)]);
}

function requireIndices(op: string, indices: Tensor): void {
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

/**
 * Adds slices into zeros: the transpose of {@link gather}, so that each is the other's derivative. Indices
 * have the same meaning in both.
 *
 * @param options `size` of the axis in the result
 */
export function scatterAdd(
  updates: Tensor,
  indices: Tensor,
  options: { axis?: number | undefined; size: number },
): Tensor {
  for (const operand of [updates, indices]) requireTensor("scatterAdd", operand);
  requireKnown("scatterAdd", options, ["axis", "size"], "scatterAdd(updates, indices, { size: 10 })");
  const { axis = 0, size } = options;
  requireCount("scatterAdd", "size", size);
  const rank = updates.rank - indices.rank + 1;
  if (rank < 1) {
    throw new ShapeError(
      `scatterAdd: updates ${formatShape(updates.shape)} must have the axes of the indices ${formatShape(indices.shape)}.`,
    );
  }
  return apply(scatterAddOp, [updates, indices], { axis: resolveAxis(axis, rank, "scatterAdd"), size });
}

function requireCount(op: string, what: string, value: unknown): void {
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
      return dtype === "bool"
        ? hit
        : e.emit("Cast", [hit], { to: int(dtype === "float32" ? 1 : dtype === "float64" ? 11 : 7) });
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
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  vjp: (g, _node, { axis, exclusive, reverse }) => [cumsum(g, { axis, exclusive, reverse: !reverse })],
  js: {
    readsOnce: true,
    kernel(w, node, { axis, exclusive, reverse }) {
      const outer: Shape = node.shape.map((n, d) => (d === axis ? 1 : n));
      const nest = (at: Affine[]): void => {
        if (at.length < node.rank) {
          w.loop(outer[at.length], (i) => nest([...at, i]));
          return;
        }
        const total = w.fresh("s");
        w.line(`let ${total}=0;`);
        w.loop(node.shape[axis], (i) => {
          const k = reverse ? i.times(-1).plus(node.shape[axis] - 1) : i;
          const place = Index.multi(
            node.shape,
            at.map((a, d) => (d === axis ? k : a)),
          );
          if (exclusive) w.store(place, total);
          w.line(`${total}+=${w.read(0, place)};`);
          if (!exclusive) w.store(place, total);
        });
      };
      nest([]);
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
