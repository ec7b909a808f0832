import { describeValue, ShapeError } from "../../errors.js";
import { requireFlags, requireKnown } from "../../options.js";
import { Affine } from "../index-expression.js";
import { forEachLine } from "../javascript-rule.js";
import { int } from "../onnx-rule.js";
import { apply, type Op, requireTensor, type Tensor } from "../tensor.js";
import { numeric } from "./arithmetic.js";
import { resolveAxis } from "./reshape.js";

interface Order extends Record<string, unknown> {
  readonly axis: number;
  readonly count: number;
  readonly descending: boolean;
}

const argsortOp: Op<Order> = {
  name: "argsort",
  infer([x], { axis, count }) {
    numeric("argsort", x);
    return { shape: x.shape.map((n, d) => (d === axis ? count : n)), dtype: "int64" };
  },
  js: {
    kernel(w, node, { axis, count, descending }) {
      const [x] = node.inputs;
      forEachLine(w, node.shape, axis, (place) => {
        const [order, a, b] = [w.fresh("o"), w.fresh("a"), w.fresh("b")];
        const read = (k: string) => w.read(0, place(Affine.variable(k), x.shape));
        const [later, earlier] = descending ? [read(b), read(a)] : [read(a), read(b)];
        w.line(`const ${order}=Array.from({length:${x.shape[axis]}},(_,k)=>k);`);
        // NaN is larger than all numbers; the positions themselves decide between equal elements.
        w.line(
          `${order}.sort((${a},${b})=>${later}-${earlier}||(${later}!==${later})-(${earlier}!==${earlier})||${a}-${b});`,
        );
        w.loop(count, (k) => w.store(place(k), `${order}[${k}]`));
      });
    },
  },
  onnx: {
    emit: (e, [x], _node, { axis, count, descending }) =>
      e.emitAll(
        "TopK",
        [x, e.indices([count])],
        { axis: int(axis), largest: int(+descending) },
        { results: 2 },
      )[1],
  },
  flops: ({ inputs: [x] }, { axis }) => x.size * Math.ceil(Math.log2(Math.max(x.shape[axis], 2))),
};

export interface ArgsortOptions {
  /** Default the last. */
  readonly axis?: number | undefined;
  /** Whether the largest element is the first; default false. */
  readonly descending?: boolean | undefined;
  /** How many of the first positions to return; default all. */
  readonly count?: number | undefined;
}

/**
 * Positions, int64, at which the elements along an axis are in order: x[y[0]] <= x[y[1]] <= ... Equal elements keep
 * their order. NaN is larger than all numbers, as in PyTorch, but not in ONNX Runtime. Not differentiable; the sorted
 * values, which are, are gathered at these positions.
 *
 * @throws DTypeError for bools; ShapeError for a count that the axis does not have
 *
 * @example
 * const best = argsort(logits, { descending: true, count: 5 }); // the classes of the five largest logits of each row
 */
export function argsort(x: Tensor, options: ArgsortOptions = {}): Tensor {
  requireTensor("argsort", x);
  requireKnown("argsort", options, ["axis", "descending", "count"], "argsort(x, { axis: 1 })");
  const { descending = false } = options;
  requireFlags("argsort", { descending });
  const axis = resolveAxis(options.axis ?? -1, x.rank, "argsort");
  const count = options.count ?? x.shape[axis];
  if (!(Number.isInteger(count) && count >= 0 && count <= x.shape[axis])) {
    throw new ShapeError(
      `argsort: count must be an integer from 0 to the axis' size ${x.shape[axis]}; got ${describeValue(count)}.`,
    );
  }
  return apply(argsortOp, [x], { axis, count, descending });
}
