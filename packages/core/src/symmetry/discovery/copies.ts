import type { Tensor } from "../../graph/tensor.js";
import type { Atom } from "./atoms.js";
import type { Flow, Layout } from "./layout.js";
import type { ParameterSlot } from "./parameter-axes.js";
import type { Space, Spaces } from "./space.js";

/** An index each of whose values may have a group element of its own. */
export interface Copies {
  readonly count: number;
  /** Where the index is in the parameters of the given axes. */
  readonly slots: readonly number[];
}

/**
 * Finds an index that accompanies a space through the whole graph, such as that of attention heads. Every
 * tensor with the space must have the index once, every operation must keep the two together, and a product
 * that sums over the space must multiply equal values of the index.
 */
export function findCopies(
  layout: Layout,
  spaces: ReadonlyMap<Tensor, Spaces>,
  space: Space,
  axes: readonly ParameterSlot[],
): Copies | undefined {
  const carriers = new Map<Tensor, number>();
  for (const [tensor, own] of spaces) {
    const places = own.flatMap((s, i) => (s?.find().root === space ? [i] : []));
    if (places.length > 1) return undefined;
    if (places.length === 1) carriers.set(tensor, places[0]);
  }
  const first = layout.slotsOf(layout.parameters[axes[0].parameter].tensor);
  const candidates = first.map(({ atom }) => atom).filter((atom) => atom !== axes[0].atom);
  const index = candidates.find((atom) => isAlongside(layout, carriers, atom));
  if (!index) return undefined;
  const slots = axes.map(
    ({ parameter }) => slotOf(layout, layout.parameters[parameter].tensor, index) as number,
  );
  return { count: index.size, slots };
}

/** The slot of a tensor that has an index, if there is exactly one. */
function slotOf(layout: Layout, tensor: Tensor, index: Atom): number | undefined {
  const places = layout.slotsOf(tensor).flatMap(({ atom }, i) => (atom === index ? [i] : []));
  return places.length === 1 ? places[0] : undefined;
}

function isAlongside(layout: Layout, carriers: ReadonlyMap<Tensor, number>, index: Atom): boolean {
  const places = new Map([...carriers.keys()].map((tensor) => [tensor, slotOf(layout, tensor, index)]));
  if ([...places.values()].includes(undefined)) return false;
  return layout.nodes.every((node) => {
    const flow = layout.flowOf(node);
    const place = (k: number) => places.get(node.inputs[k]) as number;
    const goesAlong = node.inputs.every((x, k) => {
      const slot = carriers.get(x);
      return (
        slot === undefined || flow.to[k][slot] === undefined || flow.to[k][place(k)] === places.get(node)
      );
    });
    return (
      goesAlong &&
      flow.contracted.every(
        ([[k, i], [l, j]]) =>
          carriers.get(node.inputs[k]) !== i ||
          carriers.get(node.inputs[l]) !== j ||
          meets(flow, [k, place(k)], [l, place(l)]),
      )
    );
  });
}

/** Whether two slots of a node's inputs are multiplied element by element. */
function meets(
  { to, contracted }: Flow,
  [k, i]: readonly [number, number],
  [l, j]: readonly [number, number],
): boolean {
  if (to[k][i] !== undefined) return to[k][i] === to[l][j];
  return contracted.some(([a, b]) => a[0] === k && a[1] === i && b[0] === l && b[1] === j);
}
