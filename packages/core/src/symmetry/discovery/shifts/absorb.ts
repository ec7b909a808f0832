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
  const inputs = { add: [0, 1], sub: [0, 1] }[x.op.name] ?? [0];
  for (const input of inputs) {
    const inner = x.inputs[input] && axesBefore(x, varies);
    const found = inner && absorberOf(x.inputs[input], inner, context);
    if (found) return { ...found, steps: [{ node: x, input }, ...found.steps] };
  }
  return undefined;
}

/** Axes of a node's input along which it must vary for the result to vary along the given ones. */
function axesBefore(node: Tensor, varies: Axes): Axes | undefined {
  const [x] = node.inputs;
  switch (node.op.name) {
    case "add":
    case "sub":
    case "neg":
      return varies;
    case "broadcast": {
      const lead = node.rank - x.rank;
      const isKept = [...varies].every((d) => x.shape[d - lead] === node.shape[d]);
      return isKept ? new Set([...varies].map((d) => d - lead)) : undefined;
    }
    case "reshape":
      return reshaped(varies, node.shape, x.shape);
    case "transpose":
      return new Set([...varies].map((d) => (node.attrs.axes as readonly number[])[d]));
    default:
      return undefined;
  }
}

/** The change of the parameter that changes the sum's operand by `change`. Traced. */
export function changeOf({ steps }: Absorber, change: Tensor): Tensor {
  return steps.reduce((s, { node, input }) => before(node, input, s), change);
}

function before(node: Tensor, input: number, s: Tensor): Tensor {
  const [x] = node.inputs;
  switch (node.op.name) {
    case "neg":
      return neg(s);
    case "sub":
      return input === 1 ? neg(s) : s;
    case "broadcast": {
      const lead = node.rank - x.rank;
      const ends = node.shape.map((n, d) => (x.shape[d - lead] === n ? n : 1));
      return reshape(slice(s, { ends }), x.shape);
    }
    case "reshape":
      return reshape(s, x.shape);
    case "transpose": {
      const axes = node.attrs.axes as readonly number[];
      return transpose(
        s,
        axes.map((_, d) => axes.indexOf(d)),
      );
    }
    default:
      return s;
  }
}
