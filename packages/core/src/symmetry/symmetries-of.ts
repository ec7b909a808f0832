import { type BatchLoss, type BatchSpec, forAnyBatch } from "../batch.js";
import { inlined } from "../graph/control/body.js";
import type { Graph, Port } from "../graph/graph.js";
import { input } from "../graph/ops/leaf.js";
import { transpose } from "../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { type TensorsOf, trace } from "../graph/trace.js";
import { flatten, namedArrays, unflatten } from "../tree.js";
import { bijection } from "./bijection.js";
import { findBijectionSites } from "./discovery/bijection-sites.js";
import type { BijectionSite, Discovery } from "./discovery/descriptors.js";
import { analyze } from "./discovery/discovery.js";
import type { DiscreteSymmetry } from "./discrete/discrete.js";
import { permutations } from "./discrete/permutations.js";
import { signFlips } from "./discrete/sign-flips.js";
import { generalLinear } from "./general-linear.js";
import { hiddenRule } from "./hidden/hidden-action.js";
import { withOnes } from "./hidden/hidden-layers.js";
import type { HiddenSite } from "./hidden/hidden-site.js";
import { type SiteActionOptions, siteAction } from "./hidden/site-action.js";
import { orthogonal } from "./rotation/orthogonal.js";
import { scaling } from "./scaling.js";
import { shift } from "./shift.js";
import type { Symmetry } from "./symmetry.js";

/**
 * The symmetries of a loss: what was found, and the groups built from it. A group is left out where nothing
 * was found.
 */
export interface Symmetries<P> {
  /** Which axes of which parameters the groups act on, by path. */
  readonly found: Discovery;
  /** Diagonal scalings that hold on all data. */
  readonly scaling?: Symmetry<P> | undefined;
  /** Diagonal scalings that hold up to the small constant of a normalization. */
  readonly nearScaling?: Symmetry<P> | undefined;
  /** GL of the spaces that only linear maps touch, attention heads included. */
  readonly linear?: Symmetry<P> | undefined;
  /** Rotations of the spaces that linear maps and normalizations read, attention heads included. */
  readonly orthogonal?: Symmetry<P> | undefined;
  /** Shifts of biases that other biases undo, or that nothing sees. */
  readonly shifts?: Symmetry<P> | undefined;
  /** Eq. 8 on all units with a bijective activation: exact on its batch. */
  readonly hidden?: Symmetry<P> | undefined;
  readonly permutations?: DiscreteSymmetry<P> | undefined;
  readonly signFlips?: DiscreteSymmetry<P> | undefined;
}

/**
 * Finds the symmetries of a loss from its graph, for any model: layers, a hand-written function or an
 * imported model. A symmetry is a change of the parameters that keeps the loss on all data (eq. 8: on the
 * batch). Each group acts on all layers that have it. Every symmetry found is valid, but not every symmetry
 * is found.
 *
 * @param loss of parameters and batch
 * @param params example parameters: their shapes count
 * @param batch example batch, or its shapes
 * @param options `allowInexact`, for eq. 8: see `hiddenAction`
 * @throws ShapeError, DTypeError when parameters and batch do not fit the loss
 *
 * @example
 * const { scaling, linear } = symmetriesOf(loss, params, { x, y });
 */
export function symmetriesOf<P, B extends BatchSpec = BatchSpec>(
  loss: BatchLoss<P, B>,
  params: P,
  batch: B,
  options: SiteActionOptions = {},
): Symmetries<P> {
  const anyLoss = forAnyBatch(loss);
  const { found } = discover(anyLoss, params, batch);
  const exact = found.scalings.filter((generator) => generator.exact);
  const near = found.scalings.filter((generator) => !generator.exact);
  const sites = found.bijections.map((site, index) => hiddenSite<P>(site, index, anyLoss));
  const some = <T, K extends string, V>(list: readonly T[], key: K, make: (list: readonly T[]) => V) =>
    (list.length > 0 ? { [key]: make(list) } : {}) as { readonly [k in K]?: V };
  return {
    found,
    ...some(exact, "scaling", (list) => scaling<P>(list)),
    ...some(near, "nearScaling", (list) => scaling<P>(list, { name: "scaling before a normalization" })),
    ...some(found.linear, "linear", (list) => generalLinear<P>(list)),
    ...some(found.orthogonal, "orthogonal", (list) => orthogonal<P>(list)),
    ...some(found.shifts, "shifts", (list) => shift<P>(anyLoss, params, batch, list)),
    ...some(sites, "hidden", (list) => ({
      ...siteAction(params, list, hiddenRule, options),
      generators: found.bijections,
    })),
    ...some(found.permutations, "permutations", (list) => permutations(params, list)),
    ...some(found.signs, "signFlips", (list) => signFlips(params, list)),
  };
}

/** The graph of a loss, its parameters named by their paths, and what an analysis of it shows. */
export function discover<P>(
  loss: BatchLoss<P>,
  params: P,
  batch: BatchSpec,
): { readonly graph: Graph; readonly found: Discovery } {
  const graph = namedGraph(loss, params, batch);
  return { graph, found: analyze(graph, Object.keys(namedArrays(params))) };
}

/** The graph of a function of parameters and batch, its parameters named by their paths. */
export function namedGraph<P, R>(
  f: (params: TensorsOf<P>, batch: TensorsOf<BatchSpec>) => R,
  params: P,
  batch: BatchSpec,
): Graph {
  const { graph } = trace(({ params: p, batch: b }) => f(p, b), { params, batch });
  const inputs = graph.inputs.map(
    ({ name, tensor }): Port => ({ name: parameterPath(name) ?? name, tensor }),
  );
  return { inputs, outputs: graph.outputs };
}

/** The path of a parameter from its name in a trace of `params` and `batch`, empty for a single array; undefined for data. */
export const parameterPath = (name: string): string | undefined =>
  name === "params" || name.startsWith("params.") ? name.slice("params.".length) : undefined;

/** A site that finds its values again in each trace of the loss. */
function hiddenSite<P>(site: BijectionSite, index: number, loss: BatchLoss<P>): HiddenSite<P> {
  const { activation, attributes, size, weight, bias, next } = site;
  return {
    activation: bijection(activation, attributes as { slope?: number | undefined }),
    size,
    weight,
    bias,
    next,
    values(params, batch) {
      const given = flatten<Tensor>({ params, batch }, isTensor);
      // The search knows parameters and data by their inputs, and these may be computed here.
      const symbols = given.leaves.map(({ shape, dtype }) => input(shape, dtype));
      const own = unflatten(given.def, symbols) as {
        readonly params: typeof params;
        readonly batch: typeof batch;
      };
      const refs = flatten<Tensor>(own.params, isTensor);
      const graph: Graph = {
        inputs: symbols.map((tensor, k) => ({ name: given.paths[k], tensor })),
        outputs: [{ name: "loss", tensor: loss(own.params, own.batch) }],
      };
      const parameters = refs.leaves.map((tensor, i) => ({ path: refs.paths[i], tensor }));
      const found = findBijectionSites(graph, parameters)[index];
      const ports = [found.input, found.preActivation].map((tensor, k) => ({ name: `${k}`, tensor }));
      const [h, z] = inlined({ inputs: graph.inputs, outputs: ports }, given.leaves);
      const rows = (x: Tensor) => (found.unitAxis === 1 ? x : transpose(x));
      return { h: withOnes(rows(h), bias !== undefined), z: rows(z) };
    },
  };
}
