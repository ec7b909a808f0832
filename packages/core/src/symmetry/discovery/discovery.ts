import { type Shape, sizeOf } from "../../array.js";
import { OptionError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { isFloat } from "../../graph/tensor.js";
import { groupBy } from "../../group-by.js";
import { findBijectionSites } from "./bijection-sites.js";
import {
  cutsOf,
  type Discovery,
  lengthOf,
  type ParameterAxis,
  type PermutationSpace,
  partOf,
  partShape,
} from "./descriptors.js";
import { findScalings, findSigns } from "./diagonal/scalings.js";
import { prepare } from "./graph/prepare.js";
import { type Layout, layOut } from "./layout.js";
import { findSpaces } from "./linear.js";
import { parameterAxisOf, parameterSlots } from "./parameter-axes.js";
import { findShifts } from "./shifts/find.js";

/**
 * Finds symmetries of the parameters of any traced computation: changes of the parameters that keep its
 * outputs on all data.
 *
 * Axes are resolved into indices of hidden units by following them through the operations; a rule for each
 * operation says what it does to scaled, flipped, permuted or mixed units (`rules.ts`), and an operation
 * without a rule is assumed to keep nothing. Shifts are followed from each parameter on, until other
 * parameters undo them or nothing sees them. So every symmetry found is valid, but not every symmetry is
 * found: the symmetries of a single function are not, but for shifts that a softmax or a subtracted mean does
 * not see and rotations that a length does not see, and neither are those in which shuffled groups of units
 * are scaled one by one, but for the planes that rotary positions turn. The kinds overlap: a linear space
 * includes scalings, flips and permutations, which are listed, too; spaces are listed as orthogonal only where
 * they are not linear.
 *
 * @param graph as traced, not simplified or differentiated
 * @param parameters names of the inputs that may change; all others, and all that are not floats, are data
 * @returns descriptors: which axes of which parameters are acted on
 * @throws OptionError for an unknown name
 *
 * @example
 * const { graph } = trace((at) => mseLoss(model.apply(at.p, at.x).output, at.y), { p: params, x, y });
 * analyze(graph, Object.keys(namedArrays({ p: params }))).scalings.length; // one for each hidden relu layer
 */
export function analyze(graph: Graph, parameters: readonly string[]): Discovery {
  const inputs = new Map(graph.inputs.map(({ name, tensor }) => [name, tensor]));
  const unknown = parameters.filter((name) => !inputs.has(name));
  if (unknown.length > 0) {
    throw new OptionError(
      `analyze: parameters must be inputs of the graph, ${[...inputs.keys()].join(", ")}; got ${unknown.join(", ")}.`,
    );
  }
  const chosen = new Set(parameters);
  const refs = graph.inputs
    .filter(({ name, tensor }) => chosen.has(name) && isFloat(tensor.dtype))
    .map(({ name, tensor }) => ({ path: name, tensor }));
  const prepared = prepare(graph, refs);
  const layout = layOut(prepared.graph, prepared.parameters);
  const shapes = new Map(refs.map(({ path, tensor }) => [path, tensor.shape]));
  const merged = <L extends ParameterAxis, F extends { readonly axes: readonly L[] }>(found: F): F => ({
    ...found,
    axes: mergeParts(found.axes, shapes),
  });
  /** With what acts on pieces joined; a group that acts on pieces of pieces in part is left out. */
  const whole = <L extends ParameterAxis, F extends { readonly axes: readonly L[] }>(
    found: readonly F[],
  ): F[] => found.map(merged).filter(({ axes }) => axes.every(({ part }) => part?.within === undefined));
  /**
   * What acts on all of an axis or on one part of it, or in each of its periods: `discrete-axes.ts` moves units in blocks that
   * recur along the whole axis, so that signs and orders of a part of each head are left out where heads fill only a part of it.
   */
  const even = <F extends { readonly axes: readonly ParameterAxis[] }>(found: readonly F[]): F[] =>
    found.filter(({ axes }) =>
      axes.every(
        ({ path, part: { axis, period = 0, times = 0 } = { axis: 0 } }) =>
          times === 0 || period * times === shapes.get(path)?.[axis],
      ),
    );
  const { linear, orthogonal, blocked, scaled } = findSpaces(layout);
  return {
    scalings: whole(findScalings(layout, scaled)),
    signs: even(whole(findSigns(layout))),
    permutations: even(whole(findPermutations(layout))),
    linear: whole(linear),
    orthogonal: whole(orthogonal),
    ...(blocked.length > 0 ? { blocked } : {}),
    shifts: findShifts(prepared.graph, prepared.parameters).map(({ generator }) => generator),
    bijections: findBijectionSites(graph, refs),
  };
}

/** Indices of the parameters whose values no operation, data or output distinguishes. */
function findPermutations(layout: Layout): PermutationSpace[] {
  const free = parameterSlots(layout).filter(({ atom }) => !atom.fixed);
  return [...groupBy(free, ({ atom }) => atom)].map(([atom, slots]) => ({
    kind: "permutation",
    size: atom.size,
    axes: slots.map((slot) => parameterAxisOf(layout, slot)),
  }));
}

type Acting = ParameterAxis & {
  readonly power?: number | undefined;
  readonly variance?: 1 | -1 | undefined;
  readonly gains?: readonly unknown[] | undefined;
};

/** Joins axes of adjacent pieces of a parameter on which the group acts alike. */
function mergeParts<L extends Acting>(axes: readonly L[], shapes: ReadonlyMap<string, Shape>): L[] {
  const cutAxes = new Set(axes.flatMap(({ part }) => cutsOf(part).map(({ axis }) => axis)));
  const merged = [...cutAxes].reduce((own, along) => mergeAlong(own, along, shapes), [...axes]);
  // What is whole in each period may be next to another part.
  return merged.length < axes.length ? mergeParts(merged, shapes) : merged;
}

/** Joins axes of pieces that are next to each other along one axis of the parameter. */
function mergeAlong<L extends Acting>(
  axes: readonly L[],
  along: number,
  shapes: ReadonlyMap<string, Shape>,
): L[] {
  const places = axes.map((parameterAxis, order) => ({
    parameterAxis,
    order,
    shape: shapes.get(parameterAxis.path) as Shape,
  }));
  const groups = groupBy(
    places,
    ({ parameterAxis, order, shape }) => alikeKey(parameterAxis, along, shape) ?? `alone ${order}`,
  );
  const cutOf = ({ part }: Acting) => cutsOf(part).find(({ axis }) => axis === along);
  const startOf = (parameterAxis: Acting) => cutOf(parameterAxis)?.start ?? 0;
  return [...groups.values()].flatMap((group) => {
    const runs: L[][] = [];
    for (const { parameterAxis } of [...group].sort(
      (a, b) => startOf(a.parameterAxis) - startOf(b.parameterAxis),
    )) {
      const run = runs.at(-1);
      const last = run && cutOf(run.at(-1) as L);
      if (run && last && startOf(parameterAxis) === last.start + last.count) run.push(parameterAxis);
      else runs.push([parameterAxis]);
    }
    return runs.map((run) => joined(run, along, group[0].shape));
  });
}

/**
 * The axis of the view along which the parameter was cut into parts along one of its own, if there is one and the group
 * does not act along it: all of the cut axis, or of its periods.
 */
function partAxis(
  { part, view, axis, copyAxes = [] }: Acting,
  along: number,
  shape: Shape,
): number | undefined {
  const cuts = cutsOf(part);
  const cut = cuts.find((c) => c.axis === along);
  if (!cut) return undefined;
  const before = sizeOf(partShape(shape, part).slice(0, along));
  const { count, times = 1 } = cut;
  const isCut = (d: number, n: number, outer: number) =>
    view[d] === n && sizeOf(view.slice(0, d)) === outer && d !== axis && !copyAxes.includes(d);
  return [...view.keys()].find((d) => isCut(d, lengthOf(cut), before) || isCut(d, count, before * times));
}

/** A key that is equal for axes that may be joined. */
function alikeKey(parameterAxis: Acting, along: number, shape: Shape): string | undefined {
  const { path, part, view, axis, power, variance, copyAxes, gains } = parameterAxis;
  const at = partAxis(parameterAxis, along, shape);
  if (at === undefined) return undefined;
  const others = view.filter((_, d) => d !== at);
  const otherCuts = cutsOf(part).filter((cut) => cut.axis !== along);
  const { period, times } = cutsOf(part).find((cut) => cut.axis === along) ?? {};
  return JSON.stringify([path, otherCuts, period, times, at, others, axis, power, variance, copyAxes, gains]);
}

function joined<L extends Acting>(run: readonly L[], along: number, shape: Shape): L {
  const [first] = run;
  const at = partAxis(first, along, shape);
  if (run.length === 1 || at === undefined) return first;
  const countOf = ({ part }: L) => cutsOf(part).find(({ axis }) => axis === along)?.count ?? 0;
  const count = run.reduce((sum, one) => sum + countOf(one), 0);
  const { part, ...rest } = first;
  const cuts = cutsOf(part).flatMap((cut) => {
    if (cut.axis !== along) return [cut];
    const { start, period, times } = cut;
    const own =
      count === period ? { axis: along, start, count: lengthOf({ count, times }) } : { ...cut, count };
    return lengthOf(own) === shape[along] ? [] : [own];
  });
  const size = run.reduce((sum, { view }) => sum + view[at], 0);
  const view = first.view.map((n, d) => (d === at ? size : n));
  return { ...rest, ...(cuts.length > 0 ? { part: partOf(cuts) } : {}), view } as unknown as L;
}
