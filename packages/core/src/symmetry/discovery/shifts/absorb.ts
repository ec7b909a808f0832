// Where a shift ends in a parameter that is added: the parameter takes the opposite shift.
import { neg } from "../../../graph/ops/arithmetic.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { slice } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { ParameterRef } from "../layout.js";
import { type Axes, reshaped } from "./variation.js";

/** A parameter that takes a shift, and the nodes between it and the sum. */
export interface Absorber {
  readonly parameter: ParameterRef;
  /** From the sum's operand to the parameter: each node, and which of its inputs is next. */
  readonly steps: readonly { readonly node: Tensor; readonly input: number }[];
}

interface Context {
  readonly parameters: ReadonlyMap<Tensor, ParameterRef>;
  userCount(node: Tensor): number;
}

/** The parameter that can take a shift of a tensor which varies along the given axes, if the tensor is one that is only added. */
export function absorberOf(x: Tensor, varies: Axes, context: Context): Absorber | undefined {
  if (context.userCount(x) !== 1) return undefined;
  const parameter = context.parameters.get(x);
  if (parameter) return { parameter, steps: [] };
  const inner = Object.hasOwn(ways, x.op.name) ? ways[x.op.name].axes(x, varies) : undefined;
  for (const [input, operand] of x.inputs.entries()) {
    const found = inner && absorberOf(operand, inner, context);
    if (found) return { ...found, steps: [{ node: x, input }, ...found.steps] };
  }
  return undefined;
}

/** The change of the parameter that changes the sum's operand by `change`. Traced. */
export function changeOf({ steps }: Absorber, change: Tensor): Tensor {
  return steps.reduce((s, { node, input }) => ways[node.op.name].change(node, s, input), change);
}

/** How a shift of a node's result is one of its input. */
interface Way {
  /** Axes of the input along which it must vary for the result to vary along the given ones. */
  axes(node: Tensor, varies: Axes): Axes | undefined;
  /** The change of the input, from that of the result. Traced. */
  change(node: Tensor, s: Tensor, input: number): Tensor;
}

const axesOf = ({ attrs }: Tensor) => attrs.axes as readonly number[];

const sum: Way = { axes: (_, varies) => varies, change: (_, s) => s };

const ways: Readonly<Record<string, Way>> = {
  add: sum,
  sub: { ...sum, change: (_, s, input) => (input === 1 ? neg(s) : s) },
  neg: { ...sum, change: (_, s) => neg(s) },
  broadcast: {
    axes({ rank, shape, inputs: [x] }, varies) {
      const lead = rank - x.rank;
      const isKept = [...varies].every((d) => x.shape[d - lead] === shape[d]);
      return isKept ? new Set([...varies].map((d) => d - lead)) : undefined;
    },
    change({ rank, shape, inputs: [x] }, s) {
      const ends = shape.map((n, d) => (x.shape[d - rank + x.rank] === n ? n : 1));
      return reshape(slice(s, { ends }), x.shape);
    },
  },
  reshape: {
    axes: ({ shape, inputs: [x] }, varies) => reshaped(varies, shape, x.shape),
    change: ({ inputs: [x] }, s) => reshape(s, x.shape),
  },
  transpose: {
    axes: (node, varies) => new Set([...varies].map((d) => axesOf(node)[d])),
    change: (node, s) =>
      transpose(
        s,
        axesOf(node).map((_, d, axes) => axes.indexOf(d)),
      ),
  },
};
