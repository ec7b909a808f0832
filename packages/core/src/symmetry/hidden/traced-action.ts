// Actions on hidden units as traced functions: the host's graphs, in float64 as there, in line.
import type { BatchTensors } from "../../batch.js";
import { inlined } from "../../graph/control/body.js";
import type { Graph } from "../../graph/graph.js";
import { add, cast } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, logicalAnd, where } from "../../graph/ops/compare.js";
import { abs, sqrt, square } from "../../graph/ops/elementary.js";
import { identity } from "../../graph/ops/elimination.js";
import { matrixInverse } from "../../graph/ops/inverse.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { corrected, matrixPinv, pinvParts } from "../../graph/ops/pinv.js";
import { sum } from "../../graph/ops/reduce.js";
import { retype } from "../../graph/retype.js";
import { isFloat, isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf } from "../../graph/trace.js";
import { flatten } from "../../tree.js";
import type { ElementWise } from "../bijection.js";
import { mapTensors } from "../parameter-axes.js";
import type { TracedContext } from "../symmetry.js";
import { type HiddenSite, type SiteRule, traceSiteAct, traceSiteMatrix } from "./hidden-site.js";
import { mostError } from "./inverses.js";

/** The action of a rule on all sites. */
export interface SitesAction<P, S extends ElementWise> {
  readonly rule: SiteRule<S>;
  readonly sites: readonly HiddenSite<P, S>[];
  /** Example parameters. */
  readonly params: P;
  readonly allowInexact: boolean;
}

/** The sites moved one after the other, each with the input that the moved ones below produce. */
export function traceSites<P, S extends ElementWise>(
  { rule, sites, params: example }: SitesAction<P, S>,
  params: TensorsOf<P>,
  T: readonly Tensor[],
  batch: BatchTensors,
): TensorsOf<P> {
  let moved = inFloat64(params);
  sites.forEach((site, m) => {
    const step = cast(T[m], "float64");
    const g = add(identity(site.size, "float64"), step);
    const given = { params: moved, batch: inFloat64(batch), g };
    const { matrix } = valuesIn(traceSiteMatrix(rule, site, example, specsOf(batch)), given);
    const next = valuesIn(traceSiteAct(rule, site, example, specsOf(batch)), {
      ...given,
      back: matrixInverse(g),
      plus: matrixPinv(matrix),
    });
    // The identity moves by nothing, not even by rounding.
    const isMoving = greater(sum(abs(step)), 0);
    moved = mapTensors(moved, (w, path) => {
      const to = next[`moved.${path}`];
      return to ? where(isMoving, to, w) : w;
    });
  });
  const { leaves, paths } = flatten<Tensor>(params, isTensor);
  return mapTensors(moved, (w, path) => cast(w, leaves[paths.indexOf(path)].dtype));
}

/** The pseudo-inverse at each site; certain if it makes the action exact, and Newton's iteration for it converges. */
export function traceSiteContext<P, S extends ElementWise>(
  { rule, sites, params: example, allowInexact }: SitesAction<P, S>,
  params: TensorsOf<P>,
  batch: BatchTensors,
): TracedContext {
  const { dtype } = flatten<Tensor>(params, isTensor).leaves[0];
  const parts = sites.map((site) => {
    const g = identity(site.size, "float64");
    const given = { params: inFloat64(params), batch: inFloat64(batch), g };
    return pinvParts(valuesIn(traceSiteMatrix(rule, site, example, specsOf(batch)), given).matrix);
  });
  const areCertain = parts.map(({ residual, isWide }) =>
    isWide || allowInexact
      ? lessEqual(sqrt(sum(square(residual))), mostError)
      : greater(constant(0, "float64"), 0),
  );
  return {
    context: parts.map((part) => cast(corrected(part), dtype)),
    isCertain: where(areCertain.reduce(logicalAnd), fill([], 1, dtype), 0),
  };
}

const inFloat64 = <Tree>(tree: Tree): Tree =>
  mapTensors(tree, (x) => (isFloat(x.dtype) ? cast(x, "float64") : x));

const specsOf = (batch: BatchTensors) =>
  Object.fromEntries(Object.entries(batch).map(([name, { shape, dtype }]) => [name, spec(shape, dtype)]));

/** The outputs of a graph in float64 by their names, for a tree of the values of its inputs. */
function valuesIn(graph: Graph, given: object): Record<string, Tensor> {
  const { leaves, paths } = flatten<Tensor>(given, isTensor);
  const outputs = inlined(
    retype(graph, "float64"),
    graph.inputs.map(({ name }) => leaves[paths.indexOf(name)]),
  );
  return Object.fromEntries(graph.outputs.map(({ name }, k) => [name, outputs[k]]));
}
