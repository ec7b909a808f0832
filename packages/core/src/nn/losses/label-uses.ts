import type { Tensor } from "../../graph/tensor.js";

/** How a loss uses labels: constraints on their values, which a graph does not check. */
export interface LabelUse {
  /** Classes 0..classes - 1. */
  readonly classes: number;
  /** Label that marks elements without a label. */
  readonly ignoreIndex?: number | undefined;
  /** bool: true for the elements that count. */
  readonly mask?: Tensor | undefined;
}

const uses = new WeakMap<Tensor, LabelUse[]>();

/** Records that a loss uses a traced tensor as labels. */
export function noteLabels(labels: Tensor, use: LabelUse): void {
  let source = labels;
  // A reshape has the same numbers.
  while (source.op.name === "reshape") [source] = source.inputs;
  const known = uses.get(source);
  if (known) known.push(use);
  else uses.set(source, [use]);
}

/** The uses of a tensor as labels in the losses traced so far. */
export const labelUses = (labels: Tensor): readonly LabelUse[] => uses.get(labels) ?? [];
