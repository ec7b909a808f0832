// Linear maps of a space of hidden units that cancel: g where a product yields the space, g^-1 where the next
// one sums over it. A union-find with signs (variances) over all axes that only meet linear operations on the
// whole axis.
import type { Tensor } from "../../graph/tensor.js";
import { findCopies } from "./copies.js";
import type { LinearSpace, OrthogonalSpace, ParameterAxis } from "./descriptors.js";
import { ruleOf } from "./graph/rules.js";
import { type Layout, variesAlong } from "./layout.js";
import {
  copiedAxisOf,
  groupBy,
  type ParameterSlot,
  parameterAxisOf,
  parameterSlots,
} from "./parameter-axes.js";
import { Space, type Spaces } from "./space.js";

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
