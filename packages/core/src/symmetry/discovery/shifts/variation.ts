import { constantValue } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import { reshapeGroups } from "../graph/links.js";
import { isAnalyzedOnly } from "../graph/rewrite.js";
import { ruleOf } from "../graph/rules.js";
import { variesAlong } from "../layout.js";

export type Axes = ReadonlySet<number>;

/** All axes of a tensor along which it can vary. */
export const allAxes = ({ shape }: Tensor): Axes => new Set(shape.flatMap((n, d) => (n > 1 ? [d] : [])));

/** Axes of `to` that a reshape makes of some axes of `from`. */
export const reshaped = (axes: Axes, from: readonly number[], to: readonly number[]): Axes =>
  new Set(
    reshapeGroups(from, to).flatMap((group) =>
      group.axes.some((d) => axes.has(d)) ? group.to.filter((d) => to[d] > 1) : [],
    ),
  );

/** Axes along which a node's result may vary where its inputs vary along the given ones. */
export function carried(node: Tensor, inputs: readonly (Axes | undefined)[]): Axes {
  const { aligned = [], repeated = [], views } = ruleOf(node).links(node);
  const varying = inputs.map((axes, k) =>
    axes && views ? reshaped(axes, node.inputs[k].shape, views.inputs[k]) : axes,
  );
  const result = views?.result ?? node.shape;
  const found = new Set<number>();
  const named = new Set<number>(repeated);
  for (const { input, axes, to } of aligned) {
    for (const d of to) named.add(d);
    if (axes.some((d) => varying[input]?.has(d))) for (const d of to) found.add(d);
  }
  // Elements that an operation mixes or moves vary, unless it moves equal ones.
  const isMoving = node.op.name === "slice" || isUnpadded(node);
  result.forEach((n, d) => {
    if (n > 1 && !named.has(d) && !(isMoving && !varying[0]?.has(d))) found.add(d);
  });
  const own = views ? reshaped(found, result, node.shape) : found;
  return new Set([...own].filter((d) => node.shape[d] > 1));
}

/** A convolution maps an image that is the same everywhere to one that is, unless it pads it. */
const isUnpadded = ({ op, attrs }: Tensor): boolean =>
  op.name === "conv2d" && (attrs.padding as readonly number[]).every((n) => n === 0);

/** What is computed from parameters alone, and along which axes tensors may vary. */
export class Variations {
  private readonly data = new Map<Tensor, boolean>();
  private readonly known = new Map<Tensor, Axes>();

  constructor(nodes: readonly Tensor[], parameters: ReadonlySet<Tensor>) {
    for (const node of nodes) {
      const isSource = node.inputs.length === 0;
      const isConstant = node.op.name === "array" || constantValue(node) !== undefined;
      const isData = isSource
        ? !parameters.has(node) && !isConstant
        : isAnalyzedOnly(node) || node.inputs.some((x) => this.isData(x));
      this.data.set(node, isData);
      this.known.set(node, isData ? allAxes(node) : this.of(node));
    }
  }

  /** Whether a tensor is not computed from parameters alone. */
  isData(node: Tensor): boolean {
    return this.data.get(node) === true;
  }

  axes(node: Tensor): Axes {
    return this.known.get(node) ?? allAxes(node);
  }

  private of(node: Tensor): Axes {
    if (constantValue(node) !== undefined) return new Set();
    if (node.op.name === "array") return new Set([...allAxes(node)].filter((d) => variesAlong(node, d)));
    if (node.inputs.length === 0) return allAxes(node);
    return carried(
      node,
      node.inputs.map((x) => this.axes(x)),
    );
  }
}
