// Means along an axis: where they are subtracted, and where they are zero.
import { constantValue } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import { matmulLinks, reshapeGroups } from "./links.js";

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
  const from = (k: number, d: number | undefined): boolean =>
    d !== undefined && isCenteredSum(x.inputs[k], d, isCentered);
  const [input] = x.inputs;
  switch (x.op.name) {
    case "add":
    case "sub":
      return from(0, axis) && from(1, axis);
    case "neg":
    case "alias":
    case "stopGradient":
    case "cast":
      return from(0, axis);
    case "broadcast": {
      const d = axis - (x.rank - input.rank);
      return input.shape[d] === x.shape[axis] && from(0, d);
    }
    case "transpose":
      return from(0, (x.attrs.axes as readonly number[])[axis]);
    case "reshape":
      return from(0, sameAxis(input, x, axis));
    case "slice":
      return input.shape[axis] === x.shape[axis] && from(0, axis);
    case "gather": {
      const [gathered, rows] = [x.attrs.axis as number, x.inputs[1].rank];
      if (axis < gathered) return from(0, axis);
      return axis >= gathered + rows && from(0, axis - rows + 1);
    }
    case "mul":
      return x.inputs.some((other, k) => constantValue(other) !== undefined && from(1 - k, axis));
    case "matmul":
      return (matmulLinks(x).aligned ?? []).some(
        ({ input: k, axes, to }) => axis >= x.rank - 2 && to[0] === axis && from(k, axes[0]),
      );
    default:
      return false;
  }
}

/** The axis of a reshape's input that is an axis of its result, undefined if that is part of another or has parts. */
function sameAxis(x: Tensor, result: Tensor, axis: number): number | undefined {
  const group = reshapeGroups(x.shape, result.shape).find(({ to }) => to.includes(axis));
  const own = group?.axes.filter((d) => x.shape[d] > 1) ?? [];
  const others = group?.to.filter((d) => result.shape[d] > 1) ?? [];
  return own.length === 1 && others.length === 1 ? own[0] : undefined;
}
