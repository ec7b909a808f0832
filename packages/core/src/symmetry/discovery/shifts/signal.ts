// A shift of a parameter as it goes through a graph: what is added to each value.
import { sizeOf } from "../../../array.js";
import { constantValue } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import { matmulLinks } from "../graph/links.js";
import { isAnalyzedOnly } from "../graph/rewrite.js";
import { ruleOf } from "../graph/rules.js";
import { type Axes, carried, type Variations } from "./variation.js";

/** What is added to a tensor when the parameter is shifted: linear in the shift. */
export interface Signal {
  /** Equal for signals that are multiples of one another along the same axes. */
  readonly base: object;
  readonly factor: number;
  /** Axes of the tensor along which the signal may vary. */
  readonly varies: Axes;
  /** Whether it is not computed from parameters alone. */
  readonly isData: boolean;
}

/** `gone`: the node's result does not change; `broken`: it changes in another way. */
export type Passed = Signal | "gone" | "broken";

/** The signal of a node's result, from those of its inputs. */
export function passed(
  node: Tensor,
  signalOf: (x: Tensor) => Signal | undefined,
  variations: Variations,
): Passed {
  const signals = node.inputs.map(signalOf);
  const reached = [...signals.keys()].filter((k) => signals[k] !== undefined);
  const [k] = reached;
  const own = signals[k] as Signal;
  const { name } = node.op;
  if (name === "add" || name === "sub") return combined(node, signals);
  if (name === "softmax" || name === "logSoftmax") {
    return own.varies.has(node.attrs.axis as number) ? "broken" : "gone";
  }
  if (reached.length > 1 && name !== "concat") return "broken";
  if (isAverage(node, k) && !own.varies.has(contractedAxis(node, k))) {
    return { ...own, varies: carried(node, withOnly(node, k, own.varies)) };
  }
  if (name === "where" || !ruleOf(node).linear(node).inputs.includes(k)) return "broken";
  const scaled = multiple(node, k, own);
  if (scaled) return scaled;
  const others = node.inputs.filter((_, j) => signals[j] === undefined);
  const varies = carried(
    node,
    node.inputs.map((x, j) => signals[j]?.varies ?? (name === "concat" ? undefined : variations.axes(x))),
  );
  const isData =
    isAnalyzedOnly(node) ||
    reached.some((j) => signals[j]?.isData) ||
    (name !== "concat" && others.some((x) => variations.isData(x)));
  return { base: {}, factor: 1, varies, isData };
}

/** The signal of a sum or difference. */
function combined({ op }: Tensor, signals: readonly (Signal | undefined)[]): Passed {
  const terms = signals.flatMap((s, k) =>
    s ? [op.name === "sub" && k === 1 ? { ...s, factor: -s.factor } : s] : [],
  );
  const [a, b] = terms;
  if (!b) return a;
  const isSame =
    a.base === b.base && a.varies.size === b.varies.size && [...a.varies].every((d) => b.varies.has(d));
  if (!isSame) {
    return {
      base: {},
      factor: 1,
      varies: new Set([...a.varies, ...b.varies]),
      isData: a.isData || b.isData,
    };
  }
  const factor = a.factor + b.factor;
  return Math.abs(factor) < 1e-12 * Math.abs(a.factor) ? "gone" : { ...a, factor };
}

const withOnly = ({ inputs }: Tensor, k: number, axes: Axes): (Axes | undefined)[] =>
  inputs.map((_, j) => (j === k ? axes : undefined));

/** The signal of a node whose result's signal is a multiple of that of input k, along the same axes in order. */
function multiple(node: Tensor, k: number, own: Signal): Signal | undefined {
  const [x] = node.inputs;
  const varies = carried(node, withOnly(node, k, own.varies));
  const same = (factor = 1): Signal => ({ ...own, factor: own.factor * factor, varies });
  switch (node.op.name) {
    case "neg":
      return same(-1);
    case "broadcast":
    case "cast":
    case "alias":
    case "stopGradient":
      return same();
    case "mul":
    case "div": {
      const value = constantValue(node.inputs[1 - k]);
      if (value === undefined) return undefined;
      return same(node.op.name === "mul" ? value : 1 / value);
    }
    case "sum": {
      const axes = node.attrs.axes as readonly number[];
      return axes.some((d) => own.varies.has(d)) ? undefined : same(sizeOf(axes.map((d) => x.shape[d])));
    }
    case "slice":
      return [...own.varies].some((d) => x.shape[d] !== node.shape[d]) ? undefined : same();
    case "reshape":
    case "transpose":
      return own.varies.size <= 1 && varies.size <= 1 ? same() : undefined;
    case "gather":
      return k === 0 && !own.varies.has(node.attrs.axis as number) ? same() : undefined;
    default:
      return undefined;
  }
}

/** Whether a product averages input k with weights that sum to one. */
export function isAverage(node: Tensor, k: number): boolean {
  if (node.op.name !== "matmul" || node.attrs[k === 0 ? "transposeA" : "transposeB"]) return false;
  const weights = node.inputs[1 - k];
  return weights.op.name === "softmax" && weights.attrs.axis === contractedAxis(node, 1 - k);
}

/** The axis of input k of a matrix product that is summed over. */
export function contractedAxis(node: Tensor, k: number): number {
  const [pair] = matmulLinks(node).contracted ?? [];
  return pair[k].axes[0];
}
