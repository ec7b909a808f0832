import { type Shape, sizeOf } from "../../array.js";
import { ShapeError } from "../../errors.js";
import { requireFlags, requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import { forEachPlace, type JavaScriptRule } from "../javascript-rule.js";
import { int } from "../onnx-rule.js";
import { apply, formatType, type Op, requireFloat, requireTensor, type Tensor } from "../tensor.js";
import { cast, div, mul, numeric, sub } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { equal } from "./compare.js";
import { reshape, resolveAxis } from "./reshape.js";

export interface Reduction extends Record<string, unknown> {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

export interface ReduceOptions {
  /** Axes to reduce, negative ones counted from the end; default all. */
  readonly axes?: number | readonly number[] | undefined;
  /** Whether to keep reduced axes, with size 1; default false. */
  readonly keepDims?: boolean | undefined;
}

/** Sums of at most this many terms are unrolled. */
const unrolled = 16;

function reducedShape(shape: Shape, { axes, keepDims }: Reduction): Shape {
  return shape.flatMap((n, d) => (axes.includes(d) ? (keepDims ? [1] : []) : [n]));
}

/** The shape with reduced axes kept as 1, whatever keepDims says: it broadcasts back to the input. */
function keptShape(shape: Shape, { axes }: Reduction): Shape {
  return reducedShape(shape, { axes, keepDims: true });
}

/** Index into the input, from an index of the result and the positions along the reduced axes. */
function inputIndex(x: Tensor, at: Index, attrs: Reduction, reduced: readonly Affine[]): Index {
  const kept = at.multi;
  let k = 0;
  let r = 0;
  return Index.multi(
    x.shape,
    x.shape.map((_, d) => {
      if (attrs.axes.includes(d)) {
        if (attrs.keepDims) k++;
        return reduced[r++];
      }
      return kept[k++];
    }),
  );
}

/** JavaScript of a reduction: the initial value `start`, and how the accumulator takes one more element. */
function reductionRule(start: string, join: (a: string, x: string) => string): JavaScriptRule<Reduction> {
  const extents = (x: Tensor, { axes }: Reduction) => axes.map((d) => x.shape[d]);
  return {
    readsOnce: true,
    unroll: ({ inputs: [x] }, attrs) => sizeOf(extents(x, attrs)) <= unrolled,
    pull(at, read, { inputs: [x] }, attrs) {
      const counts = extents(x, attrs);
      const places = Array.from(
        { length: sizeOf(counts) },
        (_, flat) => Index.flat(counts, Affine.of(flat)).multi,
      );
      const terms = places.map((reduced) => read(0, inputIndex(x, at, attrs, reduced)));
      return terms.length === 0 ? start : `(${terms.reduce(join)})`;
    },
    kernel(w, node, attrs) {
      const [x] = node.inputs;
      const counts = extents(x, attrs);
      const outer = node.shape;
      forEachPlace(w, outer, (at) => {
        const accumulator = w.fresh("s");
        w.line(`let ${accumulator}=${start};`);
        const place = Index.multi(outer, at);
        const take = (from: Index) => w.line(`${accumulator}=${join(accumulator, w.read(0, from))};`);
        if (counts.length === x.rank && w.isFlat(0)) w.loop(x.size, (i) => take(Index.flat(x.shape, i)));
        else forEachPlace(w, counts, (reduced) => take(inputIndex(x, place, attrs, reduced)));
        w.store(place, accumulator);
      });
    },
  };
}

const sumOp: Op<Reduction> = {
  name: "sum",
  infer: ([x], attrs) => ({ shape: reducedShape(x.shape, attrs), dtype: numeric("sum", x).dtype }),
  vjp: (g, { inputs: [x] }, attrs) => [broadcastTo(reshape(g, keptShape(x.shape, attrs)), x.shape)],
  js: reductionRule("0", (a, x) => `${a}+${x}`),
  onnx: {
    emit: (e, [x], _node, { axes, keepDims }) =>
      e.emit("ReduceSum", [x, e.indices(axes)], { keepdims: int(keepDims ? 1 : 0) }),
  },
  flops: ({ inputs: [x] }) => x.size,
};

/** The table entry of max or min over axes; ties share the gradient evenly, as PyTorch's amax does. */
function extremum(name: string, onnx: string, start: string): Op<Reduction> {
  return {
    name,
    infer([x], attrs) {
      const { dtype } = numeric(name, x);
      if (attrs.axes.some((d) => x.shape[d] === 0)) {
        throw new ShapeError(`${name}: cannot reduce an axis of size 0 in ${formatType(x)}.`);
      }
      return { shape: reducedShape(x.shape, attrs), dtype };
    },
    vjp(g, node, attrs) {
      const [x] = node.inputs;
      const kept = keptShape(x.shape, attrs);
      const mask = cast(equal(x, reshape(node, kept)), x.dtype);
      const ties = sum(mask, { axes: attrs.axes, keepDims: true });
      return [mul(mask, div(reshape(g, kept), ties))];
    },
    js: reductionRule(start, (a, x) => `Math.${name}(${a},${x})`),
    onnx: {
      emit: (e, [x], _node, { axes, keepDims }) =>
        e.emit(onnx, [x, e.indices(axes)], { keepdims: int(keepDims ? 1 : 0) }),
    },
    flops: ({ inputs: [x] }) => x.size,
  };
}

const maxOp = extremum("max", "ReduceMax", "-Infinity");
const minOp = extremum("min", "ReduceMin", "Infinity");

/** Checks options and fills in the defaults. */
function reduction(op: string, x: Tensor, options: ReduceOptions): Reduction {
  requireTensor(op, x);
  requireKnown(op, options, ["axes", "keepDims"], `${op}(x, { axes: [1] })`);
  return resolveReduction(op, x, options);
}

/** The axes of a reduction in order, checked. */
export function resolveReduction(
  op: string,
  x: Tensor,
  { axes, keepDims = false }: ReduceOptions,
): Reduction {
  requireFlags(op, { keepDims });
  const list = axes === undefined ? x.shape.map((_, d) => d) : Array.isArray(axes) ? axes : [axes as number];
  const resolved = list.map((a) => resolveAxis(a, x.rank, op)).sort((a, b) => a - b);
  if (new Set(resolved).size !== resolved.length) {
    throw new ShapeError(`${op}: axes [${list.join(", ")}] name an axis twice.`);
  }
  return { axes: resolved, keepDims };
}

/** Sum over axes (default all). */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return total(x, reduction("sum", x, options));
}

const total = (x: Tensor, attrs: Reduction): Tensor =>
  attrs.axes.length === 0 ? x : apply(sumOp, [x], attrs);

/** Mean over axes (default all). */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const attrs = reduction("mean", x, options);
  requireFloat("mean", x);
  return mul(total(x, attrs), 1 / sizeOf(attrs.axes.map((d) => x.shape[d])));
}

/** Largest element over axes (default all); ties share the gradient evenly. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  const attrs = reduction("max", x, options);
  return attrs.axes.length === 0 ? x : apply(maxOp, [x], attrs);
}

/** Smallest element over axes (default all); ties share the gradient evenly. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  const attrs = reduction("min", x, options);
  return attrs.axes.length === 0 ? x : apply(minOp, [x], attrs);
}

/** Variance over axes: mean squared distance from the mean, divided by n (`correction` 0) or n - correction, at least 0. */
export function variance(
  x: Tensor,
  options: ReduceOptions & { correction?: number | undefined } = {},
): Tensor {
  requireTensor("variance", x);
  requireKnown("variance", options, ["axes", "keepDims", "correction"], "variance(x, { axes: [1] })");
  const { axes, correction = 0 } = options;
  const attrs = resolveReduction("variance", x, options);
  const count = sizeOf(attrs.axes.map((d) => x.shape[d]));
  requireFloat("variance", x);
  const centered = sub(x, mean(x, { axes, keepDims: true }));
  return mul(total(mul(centered, centered), attrs), 1 / Math.max(count - correction, 0));
}

const argmaxOp: Op<{ axis: number }> = {
  name: "argmax",
  infer([x], { axis }) {
    numeric("argmax", x);
    if (x.shape[axis] === 0) throw new ShapeError(`argmax: axis ${axis} of ${formatType(x)} is empty.`);
    return { shape: x.shape.filter((_, d) => d !== axis), dtype: "int64" };
  },
  js: {
    kernel(w, node, { axis }) {
      const [x] = node.inputs;
      forEachPlace(w, node.shape, (at) => {
        const read = (k: Affine) =>
          w.read(0, Index.multi(x.shape, [...at.slice(0, axis), k, ...at.slice(axis)]));
        const best = w.fresh("b");
        const place = w.fresh("p");
        w.line(`let ${best}=-Infinity,${place}=0;`);
        // A NaN is not smaller than what is best before it, and nothing is better than it.
        w.loop(x.shape[axis], (k) =>
          w.line(`if(!(${read(k)}<=${best})&&${best}===${best}){${best}=${read(k)};${place}=${k};}`),
        );
        w.store(Index.multi(node.shape, at), place);
      });
    },
  },
  onnx: { emit: (e, [x], _node, { axis }) => e.emit("ArgMax", [x], { axis: int(axis), keepdims: int(0) }) },
  flops: ({ inputs: [x] }) => x.size,
};

/**
 * Position of the largest element along an axis, int64; the first one at a tie. A NaN is the largest, as in PyTorch;
 * ONNX Runtime leaves it out. Not differentiable.
 */
export function argmax(x: Tensor, options: { axis?: number | undefined } = {}): Tensor {
  requireTensor("argmax", x);
  requireKnown("argmax", options, ["axis"], "argmax(x, { axis: 1 })");
  return apply(argmaxOp, [x], { axis: resolveAxis(options.axis ?? -1, x.rank, "argmax") });
}
