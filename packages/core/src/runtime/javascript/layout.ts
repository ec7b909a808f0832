import { topologicalOrder } from "../../graph/graph.js";
import { inputOp } from "../../graph/ops/leaf.js";
import type { Op, Tensor } from "../../graph/tensor.js";

/**
 * Where generated code keeps a node's elements: recomputed at each read (`inline`), in one variable for each
 * element (`local`), or in a typed array (`buffer`).
 */
export type Placement = "inline" | "local" | "buffer";

/** Tensors of at most this many elements may be kept in variables. */
const localSize = 8;

/** Maximum depth of fused expressions: engines parse and optimize expressions up to a depth. */
const fusedDepth = 64;

/** Depth that a change of shape adds: reading through it repeats each index for every axis. */
const reshapeDepth = 24;

interface Use {
  /** How often each element is read; 2 means several times. */
  reads: number;
  /** Whether it is read at an index that is known only at run time. */
  indexed: boolean;
  /** Whether it must be addressable as a whole. */
  addressed: boolean;
  /** Depth of the node in the expressions of its readers. */
  depth: number;
}

export const isInput = (x: Tensor): boolean => x.op === (inputOp as unknown as Op);
export const isArray = (x: Tensor): boolean => x.op.name === "array";

/** Whether a node is computed element by element, by its `pull` rule. */
export function isPulled(node: Tensor): boolean {
  const { pull, kernel, unroll } = node.op.js;
  return pull !== undefined && (kernel === undefined || (unroll?.(node, node.attrs) ?? false));
}

/**
 * Decides the placement of every node: element-wise results that are read once are fused into their readers,
 * tiny results are kept in variables, the others in arrays.
 *
 * @param stored tensors that must exist as a whole at the end (outputs)
 * @param options `variables`: whether variables may be used (a program too long for one function has none)
 */
export function placeNodes(
  roots: readonly Tensor[],
  stored: ReadonlySet<Tensor>,
  { variables = true }: { variables?: boolean | undefined } = {},
): { order: Tensor[]; placement: Map<Tensor, Placement> } {
  const order = topologicalOrder(roots);
  const uses = new Map<Tensor, Use>(
    order.map((n) => [n, { reads: 0, indexed: false, addressed: false, depth: 0 }]),
  );
  const placement = new Map<Tensor, Placement>();
  for (const node of [...order].reverse()) {
    const use = uses.get(node) as Use;
    const where = placeNode(node, use, stored.has(node), variables);
    placement.set(node, where);
    const { readsOnce, view, flat } = node.op.js;
    const pulled = isPulled(node);
    node.inputs.forEach((x, k) => {
      const mine = uses.get(x) as Use;
      const repeats = x.size < node.size ? 2 : readsOnce || view || flat ? 1 : 2;
      if (where === "inline")
        mine.depth = Math.max(mine.depth, use.depth + (node.op.name === "reshape" ? reshapeDepth : 1));
      mine.reads += where === "inline" ? Math.max(use.reads, 1) * repeats : repeats;
      const loops = where === "buffer" && (node.size > 1 || !pulled);
      mine.indexed ||= x.size > 1 && (loops || !pulled || (where === "inline" && use.indexed));
      mine.addressed ||= (where === "inline" && use.addressed) || isAddressing(node, k);
    });
  }
  return { order, placement };
}

function placeNode(node: Tensor, use: Use, isStored: boolean, variables: boolean): Placement {
  if (isInput(node) || isArray(node) || !isPulled(node)) return "buffer";
  const isShallow = use.depth < fusedDepth;
  if (!isStored && isShallow && (node.op.js.view || use.reads <= 1) && !use.addressed) return "inline";
  const tiny = node.size <= localSize && node.size > 0;
  return variables && tiny && !use.indexed && !use.addressed ? "local" : "buffer";
}

/** Operations that read an input at places computed from data. */
function isAddressing(node: Tensor, k: number): boolean {
  return (
    node.op.js.wholes === true || (k === 0 && (node.op.name === "gather" || node.op.name === "poolTake"))
  );
}
