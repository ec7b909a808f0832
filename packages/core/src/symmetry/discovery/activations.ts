import { constantValue } from "../../graph/ops/leaf.js";
import type { Attributes, Tensor } from "../../graph/tensor.js";

/** An element-wise bijection in a graph. */
export interface Activated {
  /** Name in the table of `bijection.ts`. */
  readonly name: string;
  readonly attributes: Attributes;
  /** Tensor that it is applied to. */
  readonly argument: Tensor;
  /** The nodes that it consists of, including the result. */
  readonly nodes: ReadonlySet<Tensor>;
}

/** The bijective activation whose result a node is, if any. */
export function matchActivation(node: Tensor): Activated | undefined {
  const { op, inputs, attrs } = node;
  const single = { name: op.name, attributes: {}, argument: inputs[0], nodes: new Set([node]) };
  switch (op.name) {
    case "tanh":
    case "asinh":
    case "sigmoid":
    case "softplus":
      return single;
    case "leakyRelu":
      return (attrs.slope as number) > 0 ? { ...single, attributes: { slope: attrs.slope } } : undefined;
    case "where":
      return matchElu(node);
    default:
      return undefined;
  }
}

/** where(z >= 0, z, 1 (exp(where(z >= 0, 0, z)) - 1)), as `elu` composes it. */
function matchElu(node: Tensor): Activated | undefined {
  const [above, argument, below] = node.inputs;
  if (above.op.name !== "greaterEqual" || above.inputs[0] !== argument) return undefined;
  if (constantValue(above.inputs[1]) !== 0) return undefined;
  if (below.op.name !== "mul" || constantValue(below.inputs[0]) !== 1) return undefined;
  const shifted = below.inputs[1];
  if (shifted.op.name !== "sub" || constantValue(shifted.inputs[1]) !== 1) return undefined;
  const power = shifted.inputs[0];
  if (power.op.name !== "exp") return undefined;
  const clamped = power.inputs[0];
  const isClamped =
    clamped.op.name === "where" &&
    clamped.inputs[0] === above &&
    constantValue(clamped.inputs[1]) === 0 &&
    clamped.inputs[2] === argument;
  if (!isClamped) return undefined;
  const nodes = new Set([node, above, below, shifted, power, clamped]);
  return { name: "elu", attributes: {}, argument, nodes };
}
