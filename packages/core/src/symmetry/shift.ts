// Shifts of biases: M. Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019,
// section 4.1.3, between linear layers.
import { dtypeOf, isNdArray, type NdArray } from "../array.js";
import type { BatchLoss, BatchSpec } from "../batch.js";
import { mapTree, vjp } from "../graph/autodiff.js";
import type { Graph } from "../graph/graph.js";
import { add, cast, sub } from "../graph/ops/arithmetic.js";
import { sqrt, square } from "../graph/ops/elementary.js";
import { input } from "../graph/ops/leaf.js";
import { isFloat, isTensor, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { groupBy } from "../group-by.js";
import { flatten, mapValues, unflatten } from "../tree.js";
import { defineSymmetry } from "./define-symmetry.js";
import { placed } from "./discovery/cuts.js";
import type { ShiftGenerator } from "./discovery/descriptors.js";
import { prepare } from "./discovery/graph/prepare.js";
import type { ParameterRef } from "./discovery/layout.js";
import { changesOf } from "./discovery/shifts/changes.js";
import { findShifts } from "./discovery/shifts/find.js";
import { mapTensors, sumLike } from "./parameter-axes.js";
import { addition } from "./scaling.js";
import type { Symmetry } from "./symmetry.js";

/**
 * The symmetry of shifts: what is added to one bias is taken from those that read it, behind the weights between them,
 *
 * b_1 <- b_1 + T,  b_2 <- b_2 - W_2 T
 *
 * The group is commutative: elements add up, and -T is the inverse of T.
 *
 * @param generators all shifts that `analyze` finds in the loss's graph
 */
export function shift<P>(
  loss: BatchLoss<P>,
  params: P,
  batch: BatchSpec,
  generators: readonly ShiftGenerator[],
): Symmetry<P> {
  let found: Found | undefined;
  const changesAt = (p: TensorsOf<P>, T: readonly Tensor[]) => {
    found ??= foundIn(loss, params, batch);
    return changesByPath(found, p, T);
  };
  const changes = (p: TensorsOf<P>, T: readonly Tensor[]): TensorsOf<P> => {
    const byPath = changesAt(p, T);
    return mapTensors(p, (w, path) => sumLike(byPath.get(path) ?? [], w));
  };
  return defineSymmetry<P>({
    name: "shift",
    paths: [...new Set(generators.flatMap(({ path, absorbing }) => [path, ...absorbing.map((a) => a.path)]))],
    exact: "everywhere",
    generators,
    algebra: generators.map(({ size }) => [size]),
    bound: { kind: "element", value: 1 },
    derivative: changes,
    trace(p, T) {
      const byPath = changesAt(p, T);
      return mapTensors(p, (w, path) => [w, ...(byPath.get(path) ?? [])].reduce(add));
    },
    ...addition,
    // The Jacobian is I + N with N from weights to biases, so that N^2 = 0 and its inverse transpose is I - N'. With
    // power 2, each weight reaches one element of a bias: then the square of N' g is that of its only term.
    tracePushForward(tree, T, power, p) {
      const root = power === 1 ? tree : mapTensors(tree, sqrt);
      const back = vjp((q: TensorsOf<P>) => changes(q, T), p)[1](root);
      return mapTree<TensorsOf<P>>((g, own) => (power === 1 ? sub(g, own) : add(g, square(own))), tree, back);
    },
  });
}

/** The shifts of a loss's graph, with its parameters. */
interface Found {
  readonly sites: ReturnType<typeof findShifts>;
  readonly parameters: ReturnType<typeof prepare>["parameters"];
}

/** Traces the loss in the types of the example: other calls may have others, and a loss constants of its own. */
function foundIn<P>(loss: BatchLoss<P>, params: P, batch: BatchSpec): Found {
  const { leaves, paths, def } = flatten<NdArray>(params, isNdArray);
  const sources = leaves.map((array) => input(array.shape, dtypeOf(array)));
  // The changes depend on no data: symbols of the example's shapes stand for it.
  const data = mapValues(batch, (x) => input(x.shape, isNdArray(x) ? dtypeOf(x) : x.dtype));
  const traced: Graph = {
    inputs: [],
    outputs: [{ name: "loss", tensor: loss(unflatten(def, sources) as TensorsOf<P>, data) }],
  };
  const { graph, parameters } = prepare(
    traced,
    sources.flatMap((tensor, i): ParameterRef[] =>
      isFloat(tensor.dtype) ? [{ path: paths[i], tensor }] : [],
    ),
  );
  return { sites: findShifts(graph, parameters), parameters };
}

/** The changes of parameters by path, in the shapes of these. */
function changesByPath<P>(
  { sites, parameters }: Found,
  params: TensorsOf<P>,
  T: readonly Tensor[],
): Map<string, Tensor[]> {
  const { leaves, paths } = flatten<Tensor>(params, isTensor);
  const whole = new Map(leaves.map((tensor, i) => [paths[i], tensor]));
  const changes = sites.flatMap((site, i) => changesOf(site, T[i], parameters, whole));
  return new Map(
    [...groupBy(changes, ({ parameter }) => parameter.path)].map(([path, own]) => {
      const to = whole.get(path) as Tensor;
      return [path, own.map(({ parameter, by }) => inWhole(cast(by, to.dtype), parameter, to))];
    }),
  );
}

/** The change of a part, as that of the whole parameter. */
function inWhole(change: Tensor, { part }: ParameterRef, { shape }: Tensor): Tensor {
  return placed(change, part, shape);
}
