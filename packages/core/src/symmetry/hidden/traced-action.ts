// Actions on hidden units as traced functions: the host's graphs, in float64 as there, in line.
import { type BatchTensors, specsOf } from "../../batch.js";
import { inlined } from "../../graph/control/body.js";
import { cond } from "../../graph/control/cond.js";
import type { Graph } from "../../graph/graph.js";
import { add, cast, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, logicalAnd, where } from "../../graph/ops/compare.js";
import { abs, sqrt, square } from "../../graph/ops/elementary.js";
import { identity } from "../../graph/ops/elimination.js";
import { matrixInverse } from "../../graph/ops/inverse.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { corrected, matrixPinv, pinvParts } from "../../graph/ops/pinv.js";
import { sum } from "../../graph/ops/reduce.js";
import { retype } from "../../graph/retype.js";
import { isFloat, isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { flatten } from "../../tree.js";
import type { ElementWise } from "../bijection.js";
import { mapTensors } from "../parameter-axes.js";
import type { TracedContext } from "../symmetry.js";
import {
  byPath,
  type HiddenSite,
  pathsOf,
  type SiteRule,
  stored,
  traceSiteAct,
  traceSiteMatrix,
  valuesOf,
  withChange,
} from "./hidden-site.js";
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
  let moved = params;
  sites.forEach((site, m) => {
    const step = cast(T[m], "float64");
    const g = add(identity(site.size, "float64"), step);
    const inputs = { params: inFloat64(moved), batch: inFloat64(batch), g };
    const { matrix, z } = valuesIn(traceSiteMatrix(rule, site, example, specsOf(batch)), inputs);
    const plus = matrixPinv(matrix);
    const from = moved;
    const weightAt = byPath(from);
    const ownOf = (to: (path: string, w: Tensor) => Tensor) =>
      Object.fromEntries(pathsOf(site).map((path) => [path, to(path, weightAt(path))]));
    // As on the host, the next site starts from rounded values: its matrix is then that of the end.
    const exactly = () => {
      const values = valuesIn(traceSiteAct(rule, site, example, specsOf(batch)), {
        params: inputs.params,
        ...{ z, g, back: matrixInverse(g), plus },
      });
      return ownOf((path, w) => cast(values[`moved.${path}`], w.dtype));
    };
    const act = () => {
      const { shift } = rule;
      if (!shift || T[m].dtype !== "float32" || site.size < manyUnits) return exactly();
      const { activation: s } = site;
      const units = inDouble({ z }, (x) => s.forward(x.z));
      const mixing = matmul(cast(units, "float32"), T[m], { transposeB: true });
      const mixed = add(units, cast(mixing, "float64"));
      const D = inDouble({ z, mixed }, (x) => shift(s, x.z, x.mixed));
      const own = valuesOf(site, from, z);
      const isHarmless = lessEqual(
        mul(sum(square(D)), sum(square(plus))),
        mul(mostAmplified ** 2 * z.shape[0], cast(sum(square(own.weight)), "float64")),
      );
      const next = undone(own.next, T[m]);
      const inFloat32 = () => {
        const [d, x] = [D, plus].map((matrix) => cast(matrix, "float32"));
        const change = matmul(d, x, { transposeA: true, transposeB: true });
        return stored(site, from, { ...withChange(own, change), next });
      };
      const { path } = site.next;
      return cond(isHarmless, inFloat32, () => ({ ...exactly(), [path]: inFloat32()[path] }));
    };
    // The identity moves by nothing, not even by rounding.
    const changed = cond(greater(sum(abs(T[m])), 0), act, () => ownOf((_, w) => w));
    moved = mapTensors(from, (w, path) => changed[path] ?? w);
  });
  return moved;
}

/**
 * In float32 a change D' X^+' of W has an error of about 5 eps ||D|| ||X^+|| / sqrt(samples), by the rounding of D and X^+ and of the
 * product: below that of W itself where ||D|| ||X^+|| is at most this times sqrt(samples) ||W||.
 */
const mostAmplified = 0.2;
/** From so many units on, ONNX Runtime inverts a matrix more slowly than it multiplies several. */
const manyUnits = 128;
/** ||T|| up to which four and eight terms of the series below are exact to a rounding error of float32. */
const small = { 4: 1 / 40, 8: 1 / 8 } as const;

/**
 * W g^-1 for g = I + T in float32. For a small T
 *
 * W g^-1 = W - W (T - T^2 + T^3 - ... - T^8) = W - W (T - T^2) (I + T^2) (I + T^4)
 *
 * whose change is so small that its rounding errors are below those of W; else by g^-1 in float64.
 */
function undone(W: Tensor, T: Tensor): Tensor {
  const [rows, units] = W.shape;
  const change = (count: keyof typeof small): Tensor => {
    // Of few rows all terms are cheaper than the powers of T, which take three products for four terms and five for eight.
    if (2 * (count - 1) * rows <= count * units) {
      const terms = [matmul(W, T)];
      for (let k = 1; k < count; k++) terms.push(matmul(terms[k - 1], T));
      return terms.reduce((total, term, k) => (k % 2 === 1 ? sub(total, term) : add(total, term)));
    }
    const power = matmul(T, T);
    const two = sub(T, power);
    const four = add(two, matmul(two, power));
    return matmul(W, count === 4 ? four : add(four, matmul(four, matmul(power, power))));
  };
  const norm2 = sum(square(T));
  const byInverse = () => {
    const g = add(identity(units, "float64"), cast(T, "float64"));
    return cast(matmul(cast(W, "float64"), matrixInverse(g)), W.dtype);
  };
  return cond(
    lessEqual(norm2, small[4] ** 2),
    () => sub(W, change(4)),
    () => cond(lessEqual(norm2, small[8] ** 2), () => sub(W, change(8)), byInverse),
  );
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
    const inputs = { params: inFloat64(params), batch: inFloat64(batch), g };
    return pinvParts(valuesIn(traceSiteMatrix(rule, site, example, specsOf(batch)), inputs).matrix);
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

/** The outputs of a graph in float64 by their names, for a tree of the values of its inputs. */
function valuesIn(graph: Graph, given: object): Record<string, Tensor> {
  const { leaves, paths } = flatten<Tensor>(given, isTensor);
  const outputs = inlined(
    retype(graph, "float64"),
    graph.inputs.map(({ name }) => leaves[paths.indexOf(name)]),
  );
  return Object.fromEntries(graph.outputs.map(({ name }, k) => [name, outputs[k]]));
}

/** A function of tensors as the host computes it: with its constants in float64, too. */
function inDouble<X extends Record<string, Tensor>>(given: X, f: (x: X) => Tensor): Tensor {
  const specs = Object.fromEntries(Object.entries(given).map(([name, { shape }]) => [name, spec(shape)]));
  return valuesIn(trace((x) => ({ value: f(x as X) }), specs).graph, given).value;
}
