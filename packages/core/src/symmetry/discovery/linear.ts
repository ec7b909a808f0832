// Linear maps of a space of hidden units that cancel: g where a product yields the space, g^-1 where the next
// one sums over it. A union-find with signs (variances) over all axes that only meet linear operations on the
// whole axis.
import type { Tensor } from "../../graph/tensor.js";
import type { Atom } from "./atoms.js";
import type { LinearSpace, OrthogonalSpace, ParameterAxis } from "./descriptors.js";
import { ruleOf } from "./graph/rules.js";
import { type Flow, type Layout, variesAlong } from "./layout.js";
import {
  copiedAxisOf,
  groupBy,
  type ParameterSlot,
  parameterAxisOf,
  parameterSlots,
} from "./parameter-axes.js";

/** A space that a group acts on, and what the group's elements are for each axis of a parameter. */
interface Found {
  readonly size: number;
  readonly copies: number;
  readonly axes: readonly (ParameterAxis & {
    readonly variance: 1 | -1;
    readonly copyAxis?: number | undefined;
  })[];
}

/**
 * Spaces on which any invertible linear map cancels, and those on which only rotations and reflections do: g^-T is g then,
 * so that a space may meet itself in an inner product, as in the length that a normalization divides by.
 */
export function findSpaces(layout: Layout): { linear: LinearSpace[]; orthogonal: OrthogonalSpace[] } {
  const slots = parameterSlots(layout);
  const [linear, orthogonal] = [spacesOf(layout, -1), spacesOf(layout, 1)];
  const isLinear = (slot: ParameterSlot) => !spaceOf(layout, linear, slot).broken;
  const isOrthogonal = (slot: ParameterSlot) => !isLinear(slot) && !spaceOf(layout, orthogonal, slot).broken;
  return {
    linear: describe(layout, linear, slots.filter(isLinear)).map((found) => ({ kind: "linear", ...found })),
    orthogonal: describe(layout, orthogonal, slots.filter(isOrthogonal)).map(({ axes, ...found }) => ({
      kind: "orthogonal",
      ...found,
      axes: axes.map(({ variance, ...parameterAxis }) => parameterAxis),
    })),
  };
}

type KnownSpaces = ReadonlyMap<Tensor, Spaces>;

const spaceOf = (layout: Layout, spaces: KnownSpaces, { parameter, slot }: ParameterSlot): Space =>
  spaces.get(layout.parameters[parameter].tensor)?.[slot] as Space;

function describe(layout: Layout, spaces: KnownSpaces, whole: readonly ParameterSlot[]): Found[] {
  const own = (parameterAxis: ParameterSlot) => spaceOf(layout, spaces, parameterAxis).find();
  return [...groupBy(whole, (parameterAxis) => own(parameterAxis).root)].map(([root, axes]) => {
    const { size } = axes[0].atom;
    const first = own(axes[0]).variance;
    const variance = (parameterAxis: ParameterSlot): 1 | -1 =>
      own(parameterAxis).variance === first ? 1 : -1;
    const copies = findCopies(layout, spaces, root, axes);
    if (!copies) {
      const plain = axes.map((parameterAxis) => ({
        ...parameterAxisOf(layout, parameterAxis),
        variance: variance(parameterAxis),
      }));
      return { size, copies: 1, axes: plain };
    }
    const copied = axes.map((parameterAxis, i) => ({
      ...copiedAxisOf(layout, parameterAxis, copies.slots[i]),
      variance: variance(parameterAxis),
    }));
    return { size, copies: copies.count, axes: copied };
  });
}

/**
 * The spaces of all tensors. A sum over two spaces joins them with the given variance: opposite where g is any linear
 * map, and the same where it is orthogonal.
 */
function spacesOf(layout: Layout, contraction: 1 | -1): Map<Tensor, Spaces> {
  const spaces = new Map<Tensor, Spaces>();
  const parameters = new Set(layout.parameters.map((p) => p.tensor));
  for (const node of layout.nodes) {
    spaces.set(
      node,
      node.inputs.length === 0
        ? sourceSpaces(layout, node, parameters.has(node))
        : through(layout, spaces, node, contraction),
    );
  }
  for (const { tensor } of layout.graph.outputs) for (const s of spaces.get(tensor) ?? []) s?.break();
  return spaces;
}

function sourceSpaces(layout: Layout, node: Tensor, isParameter: boolean): Spaces {
  return layout.slotsOf(node).map(({ axis }) => {
    if (isParameter) return new Space();
    return variesAlong(node, axis) ? brokenSpace() : undefined;
  });
}

function brokenSpace(): Space {
  const space = new Space();
  space.break();
  return space;
}

/**
 * The spaces of a node's result, from those of its inputs. Marks the spaces that the operation does not keep
 * as broken.
 */
function through(
  layout: Layout,
  known: ReadonlyMap<Tensor, Spaces>,
  node: Tensor,
  contraction: 1 | -1,
): Spaces {
  const flow = layout.flowOf(node);
  const { how, inputs } = ruleOf(node).linear(node);
  const spaceAt = (k: number, slot: number) => known.get(node.inputs[k])?.[slot];
  const isGoing = flow.to.map((slots) => slots.map((to) => to !== undefined));

  for (const [[k, i], [l, j]] of flow.contracted) {
    const [a, b] = [spaceAt(k, i), spaceAt(l, j)];
    isGoing[k][i] = true;
    isGoing[l][j] = true;
    if (a && b && inputs.includes(k) && inputs.includes(l)) a.join(b, contraction);
    else {
      a?.break();
      b?.break();
    }
  }
  // A space that ends here, for example in a sum, or that an operation does not keep, is broken.
  node.inputs.forEach((_, k) => {
    isGoing[k].forEach((going, slot) => {
      if (!going || !inputs.includes(k)) spaceAt(k, slot)?.break();
    });
  });
  return layout.slotsOf(node).map((_, to) => {
    if (flow.repeated.has(to)) return undefined;
    const sources = node.inputs.flatMap((_, k) => {
      const slot = flow.to[k].indexOf(to);
      return slot < 0 ? [] : [{ k, space: spaceAt(k, slot) }];
    });
    // An axis without a source: its elements may be anything.
    if (sources.length === 0) return brokenSpace();
    const varying = sources.flatMap(({ k, space }) => (space ? [{ k, space }] : []));
    if (varying.length === 0) return undefined;
    const [{ space }, ...others] = varying;
    for (const other of others) space.join(other.space, 1);
    const members =
      how === "together" ? inputs.filter((k) => !layout.isZero(node.inputs[k])) : [varying[0].k];
    const isKept = varying.length === members.length && varying.every(({ k }) => members.includes(k));
    if (!isKept) space.break();
    return space;
  });
}

/** An index each of whose values may have a group element of its own. */
interface Copies {
  readonly count: number;
  /** Where the index is in the parameters of the given axes. */
  readonly slots: readonly number[];
}

/**
 * Finds an index that accompanies a space through the whole graph, such as that of attention heads. Every
 * tensor with the space must have the index once, every operation must keep the two together, and a product
 * that sums over the space must multiply equal values of the index.
 */
function findCopies(
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

/** A slot of a tensor as a space that a group may act on. */
class Space {
  private parent: Space = this;
  /** Variance relative to the parent. */
  private sign: 1 | -1 = 1;
  private isBroken = false;

  find(): { root: Space; variance: 1 | -1 } {
    if (this.parent === this) return { root: this, variance: 1 };
    const above = this.parent.find();
    this.parent = above.root;
    this.sign = this.sign === above.variance ? 1 : -1;
    return { root: above.root, variance: this.sign };
  }

  /**
   * Merges the space with that of another slot, of the same or the opposite variance. A space that is
   * opposite to itself is broken.
   */
  join(other: Space, variance: 1 | -1): void {
    const [a, b] = [this.find(), other.find()];
    const relative = a.variance === b.variance ? variance : (-variance as 1 | -1);
    if (a.root === b.root) {
      if (relative === -1) a.root.isBroken = true;
      return;
    }
    b.root.parent = a.root;
    b.root.sign = relative;
    a.root.isBroken ||= b.root.isBroken;
  }

  break(): void {
    this.find().root.isBroken = true;
  }

  get broken(): boolean {
    return this.find().root.isBroken;
  }
}

/** The space of each slot; undefined for slots along which the tensor does not vary. */
type Spaces = readonly (Space | undefined)[];
