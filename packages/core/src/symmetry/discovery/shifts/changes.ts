import { topologicalOrder } from "../../../graph/graph.js";
import { neg } from "../../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import { fill } from "../../../graph/ops/leaf.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { sliceAlong } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import { taken } from "../cuts.js";
import { sameNodes, withInputs } from "../graph/rewrite.js";
import type { ParameterRef } from "../layout.js";
import { changeOf } from "./absorb.js";
import { isSum, type ShiftSite } from "./find.js";
import { contractedAxis, isAverage } from "./signal.js";
import type { Axes } from "./variation.js";

/** The change of one parameter or part. */
export interface Change {
  readonly parameter: ParameterRef;
  readonly by: Tensor;
}

/**
 * The changes of all parameters that a shift by T moves, linear in T. Traced.
 *
 * @param parts the parameters of the graph in which the shift was found
 * @param whole the parameters by path
 */
export function changesOf(
  { generator, giver, signals, ends }: ShiftSite,
  T: Tensor,
  parts: readonly ParameterRef[],
  whole: ReadonlyMap<string, Tensor>,
): Change[] {
  const made = new Map<Tensor, Tensor>();
  for (const { tensor, path, part } of parts) {
    made.set(tensor, taken(whole.get(path) as Tensor, part));
  }
  const { shape } = giver.tensor;
  const along = shape.map((n, d) => (generator.along.includes(d) ? n : 1));
  const given = broadcastTo(reshape(T, along), shape);
  const shifts = new Map<Tensor, Tensor>([[giver.tensor, given]]);
  const shiftOf = (x: Tensor): Tensor => shifts.get(x) as Tensor;
  // In the graph's order, as the walk has gone: each after its inputs.
  for (const [node, { isData }] of signals) {
    if (isData || shifts.has(node)) continue;
    const inputs = node.inputs.map((x) => {
      if (signals.has(x)) return shiftOf(x);
      return isSum(node) ? fill(x.shape, 0, x.dtype) : undefined;
    });
    const k = inputs.findIndex((x) => x !== undefined);
    const shift = inputs[k] as Tensor;
    const repeated = firstOnly(node, k, { shift, varies: signals.get(node.inputs[k])?.varies });
    shifts.set(
      node,
      repeated ??
        withInputs(
          node,
          inputs.map((x, j) => x ?? copied(node.inputs[j], made)),
        ),
    );
  }
  const changes = ends.map(({ node, input, absorber }): Change => {
    const shift = shiftOf(node.inputs[input]);
    return {
      parameter: absorber.parameter,
      by: changeOf(absorber, node.op.name === "add" ? neg(shift) : shift),
    };
  });
  return [{ parameter: giver, by: given }, ...changes];
}

/** The shift of an average, or of rows by number, of values that are all shifted alike: that of any of them, here the first. */
function firstOnly(
  node: Tensor,
  k: number,
  { shift, varies }: { readonly shift: Tensor; readonly varies: Axes | undefined },
): Tensor | undefined {
  if (isAverage(node, k)) {
    const axis = contractedAxis(node, k);
    return varies?.has(axis) ? undefined : broadcastTo(sliceAlong(shift, axis, 0, 1), node.shape);
  }
  const axis = node.attrs.axis as number;
  if (node.op.name !== "gather" || varies?.has(axis)) return undefined;
  const rows = node.inputs[1].shape.map(() => 1);
  const shape = [...shift.shape.slice(0, axis), ...rows, ...shift.shape.slice(axis + 1)];
  return broadcastTo(reshape(sliceAlong(shift, axis, 0, 1), shape), node.shape);
}

/** A tensor with the parameters of the searched graph replaced. */
function copied(root: Tensor, made: Map<Tensor, Tensor>): Tensor {
  for (const x of topologicalOrder([root], (y) => made.has(y))) {
    const inputs = x.inputs.map((y) => made.get(y) as Tensor);
    made.set(x, sameNodes(inputs, x.inputs) ? x : withInputs(x, inputs));
  }
  return made.get(root) as Tensor;
}
