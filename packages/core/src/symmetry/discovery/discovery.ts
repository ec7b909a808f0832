import { OptionError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { isFloat } from "../../graph/tensor.js";
import { findBijectionSites } from "./bijection-sites.js";
import type { Discovery, ParameterAxis, PermutationSpace } from "./descriptors.js";
import { findScalings, findSigns } from "./diagonal/scalings.js";
import { prepare } from "./graph/prepare.js";
import { type Layout, layOut } from "./layout.js";
import { findSpaces } from "./linear.js";
import { mergeParts } from "./merge.js";
import { groupBy, parameterAxisOf, parameterSlots } from "./parameter-axes.js";
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
