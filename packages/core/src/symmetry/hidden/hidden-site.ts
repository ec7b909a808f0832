import type { BatchSpec, BatchTensors } from "../../batch.js";
import type { Graph } from "../../graph/graph.js";
import { add } from "../../graph/ops/arithmetic.js";
import { reshape, transpose } from "../../graph/ops/reshape.js";
import { slice } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { flatten, floatTypeOf } from "../../tree.js";
import type { Bijection, ElementWise } from "../bijection.js";

/** A weight matrix among the parameters: which of its axes indexes outputs, and which inputs. */
export interface WeightRef {
  readonly path: string;
  readonly out: number;
  readonly in: number;
}

/** Hidden units s(Z), Z = H W' (+ b), that only one further weight reads. */
export interface HiddenSite<P, S extends ElementWise = Bijection> {
  readonly activation: S;
  /** Number of units. */
  readonly size: number;
  readonly weight: WeightRef;
  readonly bias?: string | undefined;
  readonly next: WeightRef;
  /** H [samples, inputs], with a column of ones where there is a bias, and Z [samples, units]. Traced. */
  values(params: TensorsOf<P>, batch: BatchTensors): { readonly h: Tensor; readonly z: Tensor };
}

/** The paths of a site's parameters. */
export const pathsOf = <P, S extends ElementWise>({ weight, bias, next }: HiddenSite<P, S>): string[] => [
  weight.path,
  ...(bias === undefined ? [] : [bias]),
  next.path,
];

/** A site's tensors while it is traced. */
export interface SiteValues<S extends ElementWise> {
  readonly activation: S;
  readonly z: Tensor;
  /** W [units, inputs], b [units] and the next weight [outputs, units], however the parameters store them. */
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
  readonly next: Tensor;
}

/** New values of a site's parameters, or rates of change, in the forms of {@link SiteValues}. */
export type SiteParams = Pick<SiteValues<ElementWise>, "weight" | "bias" | "next">;

/**
 * How GL(units) acts on a site, using the pseudo-inverse of one matrix with samples as rows. The functions
 * are traced.
 */
export interface SiteRule<S extends ElementWise> {
  /** Name of the action in reports. */
  readonly name: string;
  /** Name of the matrix in refusals. */
  readonly matrixName: string;
  /**
   * Z' - Z for the mixed units s(Z) g', of a rule that moves W by (Z' - Z)' H^+', multiplies the next weight by g^-1, and moves
   * nothing else.
   */
  shift?(activation: S, z: Tensor, mixed: Tensor): Tensor;
  /** The matrix; the action is exact where its rows are independent. */
  matrix(site: SiteValues<S> & { readonly h: Tensor }, g: Tensor): Tensor;
  /** The parameters moved by g; `back` is g^-1, `plus` the pseudo-inverse of the matrix. */
  move(
    site: SiteValues<S>,
    by: { readonly g: Tensor; readonly back: Tensor; readonly plus: Tensor },
  ): SiteParams;
  /**
   * The rate of their change at g = I, for T in the algebra, in closed form: the pseudo-inverse is not
   * differentiated.
   */
  rate(site: SiteValues<S>, T: Tensor, plus: Tensor): SiteParams;
}

/** What the action reads of the samples: `params`, `batch`, `g` to the rule's `matrix` and `z`. */
export function traceSiteMatrix<P, S extends ElementWise>(
  rule: SiteRule<S>,
  site: HiddenSite<P, S>,
  params: P,
  batch: BatchSpec,
): Graph {
  const element = spec([site.size, site.size], floatTypeOf(rule.name, params));
  return trace(
    ({ params: p, batch: b, g }) => {
      const { h, z } = site.values(p, b);
      return { matrix: rule.matrix({ ...valuesOf(site, p, z), h }, g), z };
    },
    { params, batch, g: element },
  ).graph;
}

/** Shape of the pseudo-inverse of the rule's matrix: [columns, samples]. */
export function plusShape<P, S extends ElementWise>(
  rule: SiteRule<S>,
  site: HiddenSite<P, S>,
  params: P,
  batch: BatchSpec,
): readonly [number, number] {
  const [samples, columns] = traceSiteMatrix(rule, site, params, batch).outputs[0].tensor.shape;
  return [columns, samples];
}

/** A site's parameters moved by g: `params`, `z`, `g`, `back`, `plus` to `moved`, the changed ones by path. */
export function traceSiteAct<P, S extends ElementWise>(
  rule: SiteRule<S>,
  site: HiddenSite<P, S>,
  params: P,
  batch: BatchSpec,
): Graph {
  const dtype = floatTypeOf(rule.name, params);
  const element = spec([site.size, site.size], dtype);
  const plus = spec(plusShape(rule, site, params, batch), dtype);
  const units = spec([plus.shape[1], site.size], dtype);
  const { graph } = trace(
    ({ params: p, z, ...by }) => ({ moved: stored(site, p, rule.move(valuesOf(site, p, z), by)) }),
    { params, z: units, g: element, back: element, plus },
  );
  return graph;
}

/** Rates of change of a site's parameters at g = I, by path. Traced. */
export const siteTangent = <P, S extends ElementWise>(
  rule: SiteRule<S>,
  site: HiddenSite<P, S>,
  p: TensorsOf<P>,
  T: Tensor,
  batch: BatchTensors,
  plus: Tensor,
): Record<string, Tensor> => stored(site, p, rule.rate(valuesOf(site, p, site.values(p, batch).z), T, plus));

/** A site's tensors at given parameters. */
export function valuesOf<P, S extends ElementWise>(
  site: HiddenSite<P, S>,
  p: TensorsOf<P>,
  z: Tensor,
): SiteValues<S> {
  const { activation, weight, bias, next } = site;
  const from = byPath(p);
  return {
    activation,
    z,
    weight: weight.out === 0 ? from(weight.path) : transpose(from(weight.path)),
    ...(bias === undefined ? {} : { bias: reshape(from(bias), [site.size]) }),
    next: next.in === 1 ? from(next.path) : transpose(from(next.path)),
  };
}

/** W and b after a change of both, [W b], [units, inputs (+ 1)]. */
export function withChange({ weight, bias }: SiteValues<ElementWise>, by: Tensor): Omit<SiteParams, "next"> {
  const change = split(by, { weight, bias });
  return {
    weight: add(weight, change.weight),
    ...(bias && change.bias ? { bias: add(bias, change.bias) } : {}),
  };
}

/** W and b of [W b]. */
export function split(
  joined: Tensor,
  { weight, bias }: Pick<SiteValues<ElementWise>, "weight" | "bias">,
): Omit<SiteParams, "next"> {
  if (bias === undefined) return { weight: joined };
  const [units, inputs] = weight.shape;
  return {
    weight: slice(joined, { ends: [units, inputs] }),
    bias: reshape(slice(joined, { starts: [0, inputs] }), [units]),
  };
}

/** Values in the parameters' own forms, by path. */
export function stored<P, S extends ElementWise>(
  { weight, bias, next }: HiddenSite<P, S>,
  p: TensorsOf<P>,
  values: SiteParams,
): Record<string, Tensor> {
  return {
    [weight.path]: weight.out === 0 ? values.weight : transpose(values.weight),
    ...(bias !== undefined && values.bias ? { [bias]: reshape(values.bias, byPath(p)(bias).shape) } : {}),
    [next.path]: next.in === 1 ? values.next : transpose(values.next),
  };
}

/** The tensor at a path of a tree. */
export function byPath(tree: unknown): (path: string) => Tensor {
  const { leaves, paths } = flatten<Tensor>(tree, isTensor);
  return (path) => leaves[paths.indexOf(path)];
}
