import type { NdArray } from "../array.js";
import { dtypeOf, isNdArray } from "../array.js";
import type { Graph } from "../graph/graph.js";
import { add, div, neg, sub } from "../graph/ops/arithmetic.js";
import { matmul } from "../graph/ops/matmul.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import { slice } from "../graph/ops/slice.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../graph/trace.js";
import { flatten } from "../tree.js";
import { type Bijection, slopeOf } from "./bijection.js";
import type { BatchSpec, BatchTensors } from "./symmetry.js";

/** A weight matrix among the parameters: which of its axes counts outputs, which inputs. */
export interface WeightRef {
  readonly path: string;
  readonly out: number;
  readonly in: number;
}

/** Hidden units s(Z), Z = H W' (+ b), that one further weight alone looks at. */
export interface HiddenSite<P> {
  readonly activation: Bijection;
  /** Number of units. */
  readonly size: number;
  readonly weight: WeightRef;
  readonly bias?: string;
  readonly next: WeightRef;
  /** H [samples, inputs], with a column of ones where there is a bias, and Z [samples, units]. Traced. */
  values(params: TensorsOf<P>, batch: BatchTensors): { readonly h: Tensor; readonly z: Tensor };
}

/** H of a site: `params`, `batch` to `h`. */
export function traceSiteInput<P>(site: HiddenSite<P>, params: P, batch: BatchSpec): Graph {
  const f = (p: TensorsOf<P>, b: BatchTensors) => ({ h: site.values(p, b).h });
  return trace(f as never, [params, batch], { names: ["params", "batch"] }).graph;
}

/** A site's parameters moved by g: `params`, `batch`, `g`, `back` (its inverse), `plus` (H^+) to those that change, by path. */
export function traceSiteAct<P>(site: HiddenSite<P>, params: P, batch: BatchSpec): Graph {
  const { activation: s, size } = site;
  const f = (p: TensorsOf<P>, b: BatchTensors, g: Tensor, back: Tensor, plus: Tensor) => {
    const { z } = site.values(p, b);
    const moved = s.inverse(matmul(s.forward(z), g, { transposeB: true }));
    const delta = matmul(plus, sub(moved, z));
    const changes = changesOf(site, p, delta);
    const next = byPath(p)(site.next.path);
    const turned = site.next.in === 1 ? matmul(next, back) : matmul(back, next, { transposeA: true });
    return {
      moved: {
        ...mapValues(changes, (change, path) => add(byPath(p)(path), change)),
        [site.next.path]: turned,
      },
    };
  };
  const [leaf] = flatten<NdArray>(params, isNdArray).leaves;
  const dtype = dtypeOf(leaf);
  const shapes = shapesOf(site, params, batch);
  const square = spec([size, size], dtype);
  const plus = spec([shapes.inputs, shapes.samples], dtype);
  const names = ["params", "batch", "g", "back", "plus"];
  return trace(f as never, [params, batch, square, square, plus], { names }).graph;
}

/**
 * Rates of change of a site's parameters at g = I, by path, for T in its algebra:
 *
 * dW' = H^+ (s(Z) T' / s'(Z)),  dW_next = -W_next T
 */
export function siteTangent<P>(
  site: HiddenSite<P>,
  p: TensorsOf<P>,
  T: Tensor,
  batch: BatchTensors,
  plus: Tensor,
): Record<string, Tensor> {
  const { z } = site.values(p, batch);
  // The closed form, so that nothing differentiates a pseudo-inverse.
  const dz = div(matmul(site.activation.forward(z), T, { transposeB: true }), slopeOf(site.activation, z));
  const next = byPath(p)(site.next.path);
  const turned = site.next.in === 1 ? matmul(next, T) : matmul(T, next, { transposeA: true });
  return { ...changesOf(site, p, matmul(plus, dz)), [site.next.path]: neg(turned) };
}

/** Samples and inputs (ones included) that a site sees of a batch. */
export function shapesOf<P>(
  site: HiddenSite<P>,
  params: P,
  batch: BatchSpec,
): { readonly samples: number; readonly inputs: number } {
  const { outputs } = traceSiteInput(site, params, batch);
  const [samples, inputs] = outputs[0].tensor.shape;
  return { samples, inputs };
}

/** A change of [W b]', as [inputs (+ 1), units], in the parameters' own forms. */
function changesOf<P>(site: HiddenSite<P>, p: TensorsOf<P>, delta: Tensor): Record<string, Tensor> {
  const { weight, bias } = site;
  const w = byPath(p)(weight.path);
  const rows = slice(delta, { ends: [w.shape[weight.in]] });
  const change = weight.out === 0 ? transpose(rows) : rows;
  if (bias === undefined) return { [weight.path]: change };
  const b = byPath(p)(bias);
  return {
    [weight.path]: change,
    [bias]: reshape(slice(delta, { starts: [w.shape[weight.in]] }), b.shape),
  };
}

/** The tensor at a path of a tree. */
function byPath(tree: unknown): (path: string) => Tensor {
  const { leaves, paths } = flatten<Tensor>(tree, isTensor);
  return (path) => leaves[paths.indexOf(path)];
}

const mapValues = (record: Record<string, Tensor>, f: (value: Tensor, key: string) => Tensor) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value, key)]));
