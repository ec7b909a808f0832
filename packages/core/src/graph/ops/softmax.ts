import { DTypeError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import type { Affine, Index } from "../index-expression.js";
import { forEachLine, type KernelWriter } from "../javascript-rule.js";
import { int, type OnnxEmitter } from "../onnx-rule.js";
import { apply, formatType, isFloat, type Op, requireTensor, type Tensor } from "../tensor.js";
import { mul, sub } from "./arithmetic.js";
import { sum } from "./reduce.js";
import { resolveAxis } from "./reshape.js";

/** Loops over all lines along an axis; gives the body the line's largest element and its sum of exp(x - largest). */
function forEachSum(
  w: KernelWriter,
  node: Tensor,
  axis: number,
  body: (place: (k: Affine) => Index, largest: string, total: string) => void,
): void {
  forEachLine(w, node.shape, axis, (place) => {
    const largest = w.fresh("m");
    const total = w.fresh("s");
    w.line(`let ${largest}=-Infinity,${total}=0;`);
    w.loop(node.shape[axis], (k) => w.line(`${largest}=Math.max(${largest},${w.read(0, place(k))});`));
    w.loop(node.shape[axis], (k) => w.line(`${total}+=Math.exp(${w.read(0, place(k))}-${largest});`));
    body(place, largest, total);
  });
}

/** Names of x - largest, of its exponential, and of the sum of that along the axis. */
interface Parts {
  readonly shifted: string;
  readonly exponential: string;
  readonly total: string;
}

function emitParts(e: OnnxEmitter, x: string, axis: number): Parts {
  const axes = e.indices([axis]);
  const shifted = e.emit("Sub", [x, e.emit("ReduceMax", [x, axes], { keepdims: int(1) })]);
  const exponential = e.emit("Exp", [shifted]);
  const total = e.emit("ReduceSum", [exponential, axes], { keepdims: int(1) });
  return { shifted, exponential, total };
}

function line(
  name: string,
  onnx: string,
  compose: (e: OnnxEmitter, parts: Parts) => string,
  vjp: (g: Tensor, y: Tensor, axis: number) => Tensor,
  js: (x: string, largest: string, total: string) => string,
  finish: (total: string) => string,
): Op<{ axis: number }> {
  return {
    name,
    infer([x]) {
      if (!isFloat(x.dtype)) throw new DTypeError(`${name} takes floats; got ${formatType(x)}.`);
      return { shape: x.shape, dtype: x.dtype };
    },
    vjp: (g, node, { axis }) => [vjp(g, node, axis)],
    js: {
      kernel(w, node, { axis }) {
        forEachSum(w, node, axis, (place, largest, total) => {
          w.line(`${total}=${finish(total)};`);
          w.loop(node.shape[axis], (k) => {
            const at = place(k);
            w.store(at, js(w.read(0, at), largest, total));
          });
        });
      },
    },
    onnx: {
      // The runtime transposes any other axis to the end and back; the separate parts, which both forms
      // share, need no transposes.
      emit: (e, [x], node, { axis }) =>
        axis === node.rank - 1 ? e.emit(onnx, [x], { axis: int(axis) }) : compose(e, emitParts(e, x, axis)),
    },
    flops: (node) => 20 * node.size,
  };
}

const softmaxOp = line(
  "softmax",
  "Softmax",
  (e, { exponential, total }) => e.emit("Div", [exponential, total]),
  (g, y, axis) => mul(y, sub(g, sum(mul(g, y), { axes: axis, keepDims: true }))),
  (x, largest, total) => `Math.exp(${x}-${largest})*${total}`,
  (total) => `1/${total}`,
);

const logSoftmaxOp = line(
  "logSoftmax",
  "LogSoftmax",
  (e, { shifted, total }) => e.emit("Sub", [shifted, e.emit("Log", [total])]),
  (g, y, axis) => sub(g, mul(softmax(y.inputs[0], { axis }), sum(g, { axes: axis, keepDims: true }))),
  (x, largest, total) => `${x}-${largest}-${total}`,
  (total) => `Math.log(${total})`,
);

/** exp(x_i) / sum_j exp(x_j) along an axis (default the last). */
export function softmax(x: Tensor, options: { axis?: number | undefined } = {}): Tensor {
  requireTensor("softmax", x);
  requireKnown("softmax", options, ["axis"], "softmax(x, { axis: 1 })");
  return apply(softmaxOp, [x], { axis: resolveAxis(options.axis ?? -1, x.rank, "softmax") });
}

/** x_i - log sum_j exp(x_j) along an axis (default the last), without overflow. */
export function logSoftmax(x: Tensor, options: { axis?: number | undefined } = {}): Tensor {
  requireTensor("logSoftmax", x);
  requireKnown("logSoftmax", options, ["axis"], "logSoftmax(x, { axis: 1 })");
  return apply(logSoftmaxOp, [x], { axis: resolveAxis(options.axis ?? -1, x.rank, "logSoftmax") });
}
