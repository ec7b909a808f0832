import type { Tensor } from "../../graph/tensor.js";

/** How a loss takes labels: what must hold of their numbers, which a graph does not check. */
export interface LabelUse {
  /** Classes 0..classes - 1. */
  readonly classes: number;
  /** Label of elements that have none. */
  readonly ignoreIndex?: number | undefined;
  /** bool: which elements count. */
  readonly mask?: Tensor | undefined;
}

const uses = new WeakMap<Tensor, LabelUse[]>();

/** Notes that a loss takes a traced tensor for labels. */
export function noteLabels(labels: Tensor, use: LabelUse): void {
  let source = labels;
  // The same numbers in another shape.
  while (source.op.name === "reshape") [source] = source.inputs;
  const known = uses.get(source);
  if (known) known.push(use);
  else uses.set(source, [use]);
}

/** The uses of a tensor as labels, by the losses traced so far. */
export const labelUses = (labels: Tensor): readonly LabelUse[] => uses.get(labels) ?? [];
