import { ShapeError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import { forEachPlace, type JavaScriptRule } from "../javascript-rule.js";
import { ints, type OnnxEmitter, text } from "../onnx-rule.js";
import { apply, formatShape, isFloat, type Op, requireTensor, type Tensor, type Type } from "../tensor.js";
import { cast, div, mul, numeric } from "./arithmetic.js";
import { equal } from "./compare.js";
import { gather, requireCount, requireIndices } from "./gather.js";
import { type PoolAttributes, tiles } from "./pool-tiles.js";
import { resolveAxis } from "./reshape.js";

interface Target extends Record<string, unknown> {
  readonly axis: number;
  readonly size: number;
}

function scatteredType(op: string, updates: Tensor, indices: Tensor, { axis, size }: Target): Type {
  numeric(op, updates);
  requireIndices(op, indices);
  const covered = updates.shape.slice(axis, axis + indices.rank);
  if (covered.join() !== indices.shape.join()) {
    throw new ShapeError(
      `${op}: updates ${formatShape(updates.shape)} must have the indices' shape ${formatShape(indices.shape)} from axis ${axis} on.`,
    );
  }
  const shape = [...updates.shape.slice(0, axis), size, ...updates.shape.slice(axis + indices.rank)];
  return { shape, dtype: updates.dtype };
}

/** JavaScript of a scatter: the value of places that nothing is written to, and how an element takes one more. */
function scatterRule(
  start: (node: Tensor) => number,
  join: (element: string, update: string) => string,
): JavaScriptRule<Target> {
  return {
    readsOnce: true,
    kernel(w, node, { axis, size }) {
      const [updates, indices] = node.inputs;
      w.line(`${w.result("")}.fill(${start(node)});`);
      forEachPlace(w, updates.shape, (at) => {
        const place = w.read(1, Index.multi(indices.shape, at.slice(axis, axis + indices.rank)));
        const to = w.fresh("t");
        w.line(`const ${to}=placeOf(${place},${size});`);
        const into = Index.multi(node.shape, [
          ...at.slice(0, axis),
          Affine.variable(to),
          ...at.slice(axis + indices.rank),
        ]);
        const element = w.result(into.flat.toString());
        w.line(`${element}=${join(element, w.read(0, Index.multi(updates.shape, at)))};`);
      });
    },
  };
}

/** ScatterND combines whole slices along the leading axis: the axis is moved there and back. */
function emitScatter(
  e: OnnxEmitter,
  [updates, indices]: readonly string[],
  node: Tensor,
  { axis }: Target,
  { start, reduction }: { readonly start: number; readonly reduction: string },
): string {
  const [u, i] = node.inputs;
  const lead = [...u.shape.keys()].slice(axis, axis + i.rank);
  const others = [...u.shape.keys()].filter((d) => !lead.includes(d));
  const turned = axis === 0 ? updates : e.emit("Transpose", [updates], { perm: ints([...lead, ...others]) });
  const shape = [node.shape[axis], ...node.shape.filter((_, d) => d !== axis)];
  const scattered = e.emit(
    "ScatterND",
    [
      e.emit("Expand", [e.scalar(start, node.dtype), e.indices(shape)]),
      e.emit("Reshape", [indices, e.indices([...i.shape, 1])]),
      turned,
    ],
    { reduction: text(reduction) },
  );
  if (axis === 0) return scattered;
  const back = node.shape.map((_, d) => (d === axis ? 0 : d < axis ? d + 1 : d));
  return e.emit("Transpose", [scattered], { perm: ints(back) });
}

/** The transpose of gather: adds slices into zeros at the given places; repeated places add up. */
const scatterAddOp: Op<Target> = {
  name: "scatterAdd",
  infer: ([updates, indices], target) => scatteredType("scatterAdd", updates, indices, target),
  vjp: (g, { inputs: [, indices] }, { axis }) => [gather(g, indices, { axis }), undefined],
  js: scatterRule(
    () => 0,
    (element, update) => `${element}+${update}`,
  ),
  onnx: {
    emit(e, inputs, node, target) {
      const pooled = unpooledIndices(node);
      if (pooled && !e.portable) return emitUnpool(e, inputs[0], pooled, node);
      return emitScatter(e, inputs, node, target, { start: 0, reduction: "add" });
    },
  },
  flops: ({ inputs: [updates] }) => updates.size,
};

/** Smaller than all numbers of a type. */
const lowest = ({ dtype }: Tensor): number => (isFloat(dtype) ? -Infinity : Number.MIN_SAFE_INTEGER);

/** The largest of the slices written to each place; ties share the gradient evenly, as those of max do. */
const scatterMaxOp: Op<Target> = {
  name: "scatterMax",
  infer: ([updates, indices], target) => scatteredType("scatterMax", updates, indices, target),
  vjp(g, node, { axis, size }) {
    const [updates, indices] = node.inputs;
    const back = (y: Tensor) => gather(y, indices, { axis });
    const mask = cast(equal(updates, back(node)), updates.dtype);
    const ties = back(scatterAdd(mask, indices, { axis, size }));
    return [mul(mask, div(back(g), ties)), undefined];
  },
  js: scatterRule(lowest, (element, update) => `Math.max(${element},${update})`),
  onnx: {
    emit: (e, inputs, node, target) =>
      emitScatter(e, inputs, node, target, { start: lowest(node), reduction: "max" }),
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

export interface ScatterOptions {
  /** Axis of the result to whose places the slices are written; default 0. */
  readonly axis?: number | undefined;
  /** Size of the axis in the result. */
  readonly size: number;
}

/**
 * Adds slices into zeros: the transpose of {@link gather}, so that each is the other's derivative. Indices
 * have the same meaning in both.
 *
 * @param options `axis`, and `size` of the axis in the result
 */
export function scatterAdd(updates: Tensor, indices: Tensor, options: ScatterOptions): Tensor {
  return scatter(scatterAddOp, updates, indices, options);
}

/**
 * The largest of the slices that are written to each place: y[i] = max over k with indices[k] = i of updates[k],
 * -Infinity where there is none (for integers the smallest safe one). Indices have the same meaning as those of
 * {@link gather}. Ties share the gradient evenly.
 *
 * @param updates numbers [..., indices' shape, ...]
 * @param options `axis`, and `size` of the axis in the result
 *
 * @example
 * scatterMax(messages, receivers, { size: 4 }); // [edges, width], int64[edges] -> [nodes, width]
 */
export function scatterMax(updates: Tensor, indices: Tensor, options: ScatterOptions): Tensor {
  return scatter(scatterMaxOp, updates, indices, options);
}

function scatter(op: Op<Target>, updates: Tensor, indices: Tensor, options: ScatterOptions): Tensor {
  for (const operand of [updates, indices]) requireTensor(op.name, operand);
  requireKnown(op.name, options, ["axis", "size"], `${op.name}(updates, indices, { size: 10 })`);
  const { axis = 0, size } = options;
  requireCount(op.name, "size", size);
  const rank = updates.rank - indices.rank + 1;
  if (rank < 1) {
    throw new ShapeError(
      `${op.name}: updates ${formatShape(updates.shape)} must have the axes of the indices ${formatShape(indices.shape)}.`,
    );
  }
  return apply(op, [updates, indices], { axis: resolveAxis(axis, rank, op.name), size });
}
