// Means along an axis: where they are subtracted, and where they are zero.
import { constantValue } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import { ruleOf } from "./rules.js";

/** x - mean(x) along an axis. */
export interface Centering {
  readonly x: Tensor;
  readonly axis: number;
}

/** The centering whose result a node is, if any. */
export function matchCentering(node: Tensor): Centering | undefined {
  const [x, subtracted] = node.inputs;
  if (node.op.name !== "sub" || subtracted.op.name !== "broadcast") return undefined;
  const [mean] = subtracted.inputs;
  if (mean.op.name !== "mul") return undefined;
  const k = mean.inputs.findIndex(({ op }) => op.name === "sum");
  const total = mean.inputs[k];
  if (total?.inputs[0] !== x || total.rank !== x.rank) return undefined;
  const axes = total.attrs.axes as readonly number[];
  const share = constantValue(mean.inputs[1 - k]);
  const isMean = share !== undefined && Math.abs(share * x.shape[axes[0]] - 1) < 1e-6;
  return axes.length === 1 && isMean ? { x, axis: axes[0] } : undefined;
}

/**
 * Whether a tensor's mean along an axis is zero because that of all parameters is that write into it: sums of
 * products with them. `isCentered` tells for a parameter; undefined for any other tensor.
 */
export function isCenteredSum(
  x: Tensor,
  axis: number,
  isCentered: (x: Tensor, axis: number) => boolean | undefined,
): boolean {
  const known = isCentered(x, axis);
  if (known !== undefined) return known;
  const from = (k: number): boolean => {
    const own = axisBehind(x, k, axis);
    return own !== undefined && isCenteredSum(x.inputs[k], own, isCentered);
  };
  switch (x.op.name) {
    case "add":
    case "sub":
      return from(0) && from(1);
    case "mul":
      return x.inputs.some((other, k) => constantValue(other) !== undefined && from(1 - k));
    case "matmul":
      return axis >= x.rank - 2 && (from(0) || from(1));
    default:
      return moving.has(x.op.name) && from(0);
  }
}

/** Operations that have the elements of their first input, or their negatives, at other places. */
const moving = new Set("neg alias stopGradient cast broadcast transpose reshape slice gather".split(" "));

/** The axis of an input that is an axis of the result, undefined if that is part of another or has parts. */
function axisBehind(result: Tensor, k: number, axis: number): number | undefined {
  const { aligned = [] } = ruleOf(result).links(result);
  const link = aligned.find(({ input, to }) => input === k && to.includes(axis));
  const longer = (axes: readonly number[], { shape }: Tensor) =>
    axes.length === 1 ? axes : axes.filter((d) => shape[d] > 1);
  const own = link ? longer(link.axes, result.inputs[k]) : [];
  return own.length === 1 && longer(link?.to ?? [], result).length === 1 ? own[0] : undefined;
}
