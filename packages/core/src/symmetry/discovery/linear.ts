// Linear maps of a space of hidden units that cancel: g where a product yields the space, g^-1 where the next
// one sums over it. A union-find with signs (variances) over all axes that only meet linear operations on the
// whole axis.
import { sizeOf } from "../../array.js";
import type { Tensor } from "../../graph/tensor.js";
import { groupBy } from "../../group-by.js";
import type { Atom } from "./atoms.js";
import type {
  BlockedRotation,
  GainPower,
  LinearSpace,
  OrthogonalSpace,
  ParameterAxis,
  ScalingGenerator,
} from "./descriptors.js";
import { combine, type Form } from "./diagonal/elimination.js";
import { numbers } from "./diagonal/field.js";
import { ruleOf } from "./graph/rules.js";
import { turnPairs } from "./graph/turns.js";
import { type Flow, type Layout, variesAlong } from "./layout.js";
import { type ParameterSlot, parameterAxisOf, parameterSlots } from "./parameter-axes.js";

/** A space that a group acts on, and what the group's elements are for each axis of a parameter. */
interface Found {
  readonly size: number;
  readonly copies: number;
  readonly root: Space;
  readonly axes: readonly (ParameterAxis & {
    readonly variance: 1 | -1;
    readonly slot: ParameterSlot;
    /** Slots of the copies in the parameter. */
    readonly copySlots: readonly number[];
  })[];
}

/**
 * How a graph is searched: for any linear maps; for rotations, which gains of normalizations may stand between; for turns with a
 * scale, which commute with those of rotary positions.
 */
type Search = "linear" | "orthogonal" | "turned";

/**
 * Spaces on which any invertible linear map cancels, and those on which only rotations and reflections do: g^-T is g then,
 * so that a space may meet itself in an inner product, as in the length that a normalization divides by. And those on
 * which there would be rotations but for gains, with these; and planes that rotary positions turn, of which the scales are apart.
 */
export function findSpaces(layout: Layout): {
  linear: LinearSpace[];
  orthogonal: OrthogonalSpace[];
  blocked: BlockedRotation[];
  scaled: ScaledPlanes[];
} {
  const slots = parameterSlots(layout);
  const [linear, orthogonal] = [spacesOf(layout, "linear"), spacesOf(layout, "orthogonal")];
  const isLinear = (slot: ParameterSlot) => !spaceOf(layout, linear, slot).broken;
  const isOrthogonal = (slot: ParameterSlot) => !isLinear(slot) && !spaceOf(layout, orthogonal, slot).broken;
  // Of two units with a given sum nothing turns.
  const turns = ({ root, size }: Found) => size > 2 || !root.keepsOnes;
  const roots = new Map(
    slots.map((slot) => [spaceOf(layout, orthogonal, slot).find().root, slot.atom.size] as const),
  );
  const planes = findPlanes(layout, slots);
  return {
    linear: describe(layout, linear, slots.filter(isLinear)).map(({ root, axes, ...found }) => ({
      kind: "linear",
      ...found,
      axes: axes.map(({ slot, copySlots, ...parameterAxis }) => parameterAxis),
    })),
    orthogonal: [
      ...describe(layout, orthogonal, slots.filter(isOrthogonal))
        .filter(turns)
        .map(
          ({ root, axes, ...found }): OrthogonalSpace => ({
            kind: "orthogonal",
            ...found,
            ...(root.keepsOnes ? { keeps: "sum" as const } : {}),
            axes: axes.map(({ variance, slot, copySlots, ...parameterAxis }) => {
              const gains = gainsOf(layout, spaceOf(layout, orthogonal, slot));
              return { ...parameterAxis, ...(gains.length > 0 ? { gains } : {}) };
            }),
          }),
        ),
      ...planes.map(
        ({ root, axes, ...found }): OrthogonalSpace => ({
          kind: "orthogonal",
          ...found,
          keeps: "orientation",
          axes: axes.map(({ variance, slot, copySlots, ...parameterAxis }) => parameterAxis),
        }),
      ),
    ],
    scaled: planes.flatMap(({ copies, axes }) => (copies === 1 ? [] : [scaledPlanes(layout, copies, axes)])),
    blocked: [...roots].flatMap(([{ conflicts, shared, isOtherwiseBroken }, size]) =>
      conflicts.size === 0 || isOtherwiseBroken
        ? []
        : [
            {
              size,
              gains: pathsOf(layout, conflicts),
              ...(shared === undefined ? {} : { shared: pathsOf(layout, shared) }),
            },
          ],
    ),
  };
}

const pathsOf = ({ parameters }: Layout, numbersOf: Iterable<number>): string[] => [
  ...new Set([...numbersOf].map((k) => parameters[k].path)),
];

/** The gains between a space's own coordinates and those of a parameter. */
const gainsOf = ({ parameters }: Layout, space: Space): GainPower[] =>
  [...space.gains()].map(([k, power]) => ({ path: parameters[k].path, power }));

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
    const copied = axes.map((parameterAxis, i) => {
      const copySlots = copies.map(({ slots }) => slots[i]);
      return {
        ...parameterAxisOf(layout, parameterAxis, copySlots),
        variance: variance(parameterAxis),
        slot: parameterAxis,
        copySlots,
      };
    });
    return { size, copies: sizeOf(copies.map(({ count }) => count)), root, axes: copied };
  });
}

/** The spaces of two coordinates that rotary positions turn: w -> c R w and w -> R w / c along axes of variance 1 and -1. */
function findPlanes(layout: Layout, slots: readonly ParameterSlot[]): Found[] {
  if (!layout.nodes.some(({ op }) => op === turnPairs)) return [];
  const spaces = spacesOf(layout, "turned");
  const isTurned = (slot: ParameterSlot) => {
    const { root } = spaceOf(layout, spaces, slot).find();
    return root.isTurned && !root.broken;
  };
  return describe(layout, spaces, slots.filter(isTurned));
}

/** Scalings of planes, one number for each. */
export interface ScaledPlanes {
  readonly generator: ScalingGenerator;
  /** For each index of planes, such as that of heads, its slot in each parameter. */
  readonly indices: readonly (readonly (ParameterSlot & { readonly power: number })[])[];
}

function scaledPlanes(layout: Layout, size: number, axes: Found["axes"]): ScaledPlanes {
  const legs = axes.map(({ slot: { parameter }, copySlots, variance: power }) =>
    copySlots.map((slot) => {
      const { atom } = layout.slotsOf(layout.parameters[parameter].tensor)[slot];
      return { parameter, slot, atom, power };
    }),
  );
  const scaled = legs.map((own) => {
    const [last] = own.slice(-1);
    const before = own.slice(0, -1).map(({ slot }) => slot);
    return { ...parameterAxisOf(layout, last, before), power: last.power };
  });
  return {
    generator: { kind: "scaling", size, axes: scaled, exact: true },
    indices: legs[0].map((_, i) => legs.map((own) => own[i])),
  };
}

/** The spaces of all tensors. A sum over two spaces joins them with opposite variance. */
function spacesOf(layout: Layout, search: Search): Map<Tensor, Spaces> {
  const spaces = new Map<Tensor, Spaces>();
  const parameters = new Map(layout.parameters.map((p, k) => [p.tensor, k]));
  for (const node of layout.nodes) {
    spaces.set(
      node,
      node.inputs.length === 0
        ? sourceSpaces(layout, node, { search, isParameter: parameters.has(node) })
        : through(layout, spaces, node, { search, parameters }),
    );
  }
  for (const { tensor } of layout.graph.outputs) for (const s of spaces.get(tensor) ?? []) s?.break();
  return spaces;
}

function sourceSpaces(
  layout: Layout,
  node: Tensor,
  { search, isParameter }: { readonly search: Search; readonly isParameter: boolean },
): Spaces {
  return layout.slotsOf(node).map(({ axis }) => {
    if (isParameter) return new Space(search);
    return variesAlong(node, axis) ? brokenSpace(search) : undefined;
  });
}

function brokenSpace(search: Search): Space {
  const space = new Space(search);
  space.break();
  return space;
}

/** The number of the parameter that a tensor repeats, and which has no axis but the given slot's. */
function gainAlong(
  layout: Layout,
  x: Tensor,
  slot: number | undefined,
  parameters: ReadonlyMap<Tensor, number>,
): number | undefined {
  let gain = x;
  while (gain.op.name === "broadcast" || gain.op.name === "reshape") [gain] = gain.inputs;
  const k = parameters.get(gain);
  const [own, ...others] = layout.slotsOf(gain);
  if (k === undefined || slot === undefined || layout.parameters[k].part !== undefined) return undefined;
  return own?.atom === layout.slotsOf(x)[slot].atom && others.length === 0 ? k : undefined;
}

/**
 * The spaces of a node's result, from those of its inputs. Marks the spaces that the operation does not keep
 * as broken.
 */
function through(
  layout: Layout,
  known: ReadonlyMap<Tensor, Spaces>,
  node: Tensor,
  { search, parameters }: { readonly search: Search; readonly parameters: ReadonlyMap<Tensor, number> },
): Spaces {
  const flow = layout.flowOf(node);
  const { how, inputs } = ruleOf(node).linear(node);
  const spaceAt = (k: number, slot: number) => known.get(node.inputs[k])?.[slot];
  const isGoing = flow.to.map((slots) => slots.map((to) => to !== undefined));

  /** The slot of the coordinates of planes that the node turns, in its first input and in its result. */
  const plane =
    search === "turned" && node.op === turnPairs
      ? layout.slotsOf(node).findIndex(({ axis }) => axis === node.attrs.axis)
      : -1;
  if (plane >= 0) isGoing[0][plane] = true;

  for (const [[k, i], [l, j]] of flow.contracted) {
    const [a, b] = [spaceAt(k, i), spaceAt(l, j)];
    isGoing[k][i] = true;
    isGoing[l][j] = true;
    if (a && b && inputs.includes(k) && inputs.includes(l)) {
      const [weight] = [k, l].flatMap((input) => parameters.get(storedOf(node.inputs[input])) ?? []);
      a.join(b, -1, weight);
    } else {
      a?.break();
      b?.break();
    }
  }
  // A space that ends here, for example in a sum, or that an operation does not keep, is broken.
  const isSum = search === "orthogonal" && node.op.name === "sum";
  node.inputs.forEach((_, k) => {
    isGoing[k].forEach((going, slot) => {
      if (going && inputs.includes(k)) return;
      if (isSum) spaceAt(k, slot)?.keepOnes();
      else spaceAt(k, slot)?.break();
    });
  });
  return layout.slotsOf(node).map((_, to) => {
    if (flow.repeated.has(to)) return undefined;
    if (to === plane) {
      const turned = spaceAt(0, plane) ?? brokenSpace(search);
      turned.find().root.isTurned = true;
      return turned;
    }
    const sources = node.inputs.flatMap((_, k) => {
      const slot = flow.to[k].indexOf(to);
      return slot < 0 ? [] : [{ k, space: spaceAt(k, slot) }];
    });
    // An axis without a source: its elements may be anything.
    if (sources.length === 0) return brokenSpace(search);
    const varying = sources.flatMap(({ k, space }) => (space ? [{ k, space }] : []));
    if (varying.length === 0) return undefined;
    if (search === "orthogonal" && node.op.name === "mul" && varying.length === 2) {
      const found = varying.flatMap(({ k, space }) => {
        const gain = gainAlong(layout, node.inputs[k], flow.to[k].indexOf(to), parameters);
        return gain === undefined ? [] : [{ gain, own: space, space: varying.find((v) => v.k !== k)?.space }];
      });
      if (found.length === 1) {
        const [{ gain, own, space }] = found;
        own.break();
        return space?.times(gain);
      }
    }
    const [{ space }, ...others] = varying;
    for (const other of others) space.join(other.space, 1);
    const members =
      how === "together" ? inputs.filter((k) => !layout.isZero(node.inputs[k])) : [varying[0].k];
    const isLinear = varying.every(({ k }) => members.includes(k));
    if (!isLinear) space.break();
    else if (varying.length < members.length) {
      // Something that is the same for all units is added.
      if (search === "orthogonal") space.keepOnes();
      else space.break();
    }
    return space;
  });
}

/** What a tensor has the numbers of, in another order. */
const storedOf = (x: Tensor): Tensor =>
  ["transpose", "reshape", "broadcast", "cast"].includes(x.op.name) ? storedOf(x.inputs[0]) : x;

/** An index each of whose values may have a group element of its own. */
interface Copies {
  readonly count: number;
  /** Where the index is in the parameters of the given axes. */
  readonly slots: readonly number[];
}

/**
 * Finds the indices that accompany a space through the whole graph, such as that of attention heads. Every
 * tensor with the space must have the index once, every operation must keep the two together, and a product
 * that sums over the space must multiply equal values of the index. Those that come first in one parameter come first in all.
 */
function findCopies(
  layout: Layout,
  spaces: ReadonlyMap<Tensor, Spaces>,
  space: Space,
  axes: readonly ParameterSlot[],
): Copies[] {
  const carriers = new Map<Tensor, number>();
  for (const [tensor, own] of spaces) {
    const places = own.flatMap((s, i) => (s?.find().root === space ? [i] : []));
    if (places.length > 1) return [];
    if (places.length === 1) carriers.set(tensor, places[0]);
  }
  const first = layout.slotsOf(layout.parameters[axes[0].parameter].tensor);
  const candidates = first.map(({ atom }) => atom).filter((atom) => atom !== axes[0].atom);
  const found: Copies[] = [];
  for (const index of candidates.filter((atom) => isAlongside(layout, carriers, atom))) {
    const slots = axes.map(
      ({ parameter }) => slotOf(layout, layout.parameters[parameter].tensor, index) as number,
    );
    const last = found.at(-1);
    if (slots.every((slot, i) => last === undefined || slot > last.slots[i])) {
      found.push({ count: index.size, slots });
    }
  }
  return found;
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

/**
 * A slot of a tensor as a space that a group may act on: by D g^v D^-1, where g is the map of the root, v the variance, g^-1
 * short for the inverse transpose, and D the diagonal matrix of a product of powers of gains. Where the search is for rotations,
 * g = F R F^-1 with a rotation R, and inner products with itself show F, another such matrix.
 */
class Space {
  private parent: Space = this;
  /** Variance and gains relative to the parent: powers by the number of the parameter. */
  private sign: 1 | -1 = 1;
  private label: Form<number> = new Map();
  /** Of a root: F^2, if it is known. */
  private frame: Form<number> | undefined;
  private isBroken = false;
  /** Of a root: gains for which two places would have to turn otherwise, ... */
  readonly conflicts = new Set<number>();
  /** ... and weights that several places read, where these alone join the two; undefined where something else does. */
  shared: Set<number> | undefined = new Set<number>();
  /** Of a root: whether the sum over the units must stay. */
  keepsOnes = false;
  /** Of a root: whether its units are coordinates of planes that rotary positions turn. */
  isTurned = false;

  constructor(private readonly search: Search) {}

  find(): { root: Space; variance: 1 | -1; label: Form<number> } {
    if (this.parent === this) return { root: this, variance: 1, label: new Map() };
    const above = this.parent.find();
    this.parent = above.root;
    this.label = plus(this.label, above.label, this.sign);
    this.sign = this.sign === above.variance ? 1 : -1;
    return { root: above.root, variance: this.sign, label: this.label };
  }

  /** Merges the space with that of another slot, of the same or the opposite variance, where a weight is read. */
  join(other: Space, variance: 1 | -1, weight?: number): void {
    const [a, b] = [this.find(), other.find()];
    const relative = a.variance * b.variance * variance;
    if (a.root === b.root) {
      const rest = plus(times(b.label, variance), a.label, -1);
      if (relative === 1) a.root.require(rest, weight);
      else if (this.search !== "orthogonal") a.root.isBroken = true;
      else a.root.see(times(rest, a.variance), weight);
      return;
    }
    b.root.parent = a.root;
    b.root.sign = relative as 1 | -1;
    b.root.label = times(plus(times(a.label, variance), b.label, -1), b.variance);
    a.root.isBroken ||= b.root.isBroken;
    a.root.keepsOnes ||= b.root.keepsOnes;
    a.root.isTurned ||= b.root.isTurned;
    for (const gain of b.root.conflicts) a.root.conflicts.add(gain);
    a.root.shared = a.root.shared && b.root.shared && new Set([...a.root.shared, ...b.root.shared]);
    if (b.root.frame) a.root.see(times(plus(b.root.frame, b.root.label, -2), b.root.sign));
  }

  /** The space of its elements times a gain. */
  times(gain: number): Space {
    const product = new Space(this.search);
    product.parent = this;
    product.label = new Map([[gain, 1]]);
    return product;
  }

  /** The sum over the units, or the same number added to all, must stay. */
  keepOnes(): void {
    this.join(this, -1);
    this.find().root.keepsOnes = true;
  }

  private see(frame: Form<number>, weight?: number): void {
    // Of a root of gains, such as in a weighted length, the sign is not known.
    this.require(new Map([...frame].filter(([, power]) => power % 2 !== 0)), weight);
    if (this.frame) this.require(plus(frame, this.frame, -1), weight);
    else this.frame = frame;
  }

  private require(none: Form<number>, weight?: number): void {
    if (none.size === 0) return;
    for (const gain of none.keys()) this.conflicts.add(gain);
    if (weight === undefined) this.shared = undefined;
    else this.shared?.add(weight);
  }

  break(): void {
    this.find().root.isBroken = true;
  }

  /** Gains by which a rotation of the space is conjugated. */
  gains(): Form<number> {
    const { root, variance, label } = this.find();
    return plus(label, root.frame ?? new Map(), variance / 2);
  }

  get broken(): boolean {
    const { root } = this.find();
    return root.isBroken || root.conflicts.size > 0;
  }

  /** Of a root: whether something other than a gain breaks it. */
  get isOtherwiseBroken(): boolean {
    return this.isBroken;
  }
}

const plus = (a: Form<number>, b: Form<number>, factor: number): Form<number> =>
  combine(numbers, a, b, factor);
const times = (a: Form<number>, factor: number): Form<number> => plus(new Map(), a, factor);

/** The space of each slot; undefined for slots along which the tensor does not vary. */
type Spaces = readonly (Space | undefined)[];
