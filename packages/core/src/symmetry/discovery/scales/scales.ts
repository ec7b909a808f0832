import { sizeOf } from "../../../array.js";
import { OptionError } from "../../../errors.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { constantValue } from "../../../graph/ops/leaf.js";
import { isFloat, type Tensor } from "../../../graph/tensor.js";
import { groupBy } from "../../../group-by.js";
import { lengthOf, partShape, placeIn, type ScalingGenerator } from "../descriptors.js";
import type { Form } from "../diagonal/elimination.js";
import { isGuarded } from "../diagonal/scalings.js";
import { type InputAxes, type Links, reshapeGroups } from "../graph/links.js";
import { namedUnpooling } from "../graph/prepare.js";
import { ruleOf } from "../graph/rules.js";
import { isZeroConstant } from "../layout.js";
import {
  added,
  agreed,
  axesOf,
  type Factor,
  joined,
  lost,
  none,
  positions,
  raised,
  renamed,
  strides,
  type Term,
  unkept,
  without,
} from "./factors.js";

/** What scalings multiply the elements of a tensor by: the product of these factors; of none, one. */
export type TensorScale = readonly ScaleAlong[];

/** A factor that varies along some axes of a tensor. */
export interface ScaleAlong {
  readonly axes: readonly number[];
  /**
   * For each index along these axes, row-major, the terms: the factor is exp(sum of power T[generator][unit]).
   * Undefined for values that are not multiplied by a factor of theirs, such as those that nothing reads.
   */
  readonly forms: readonly (readonly ScaleTerm[] | undefined)[];
}

export interface ScaleTerm {
  /** Number of the generator in the list. */
  readonly generator: number;
  /** Number of the element of its T. */
  readonly unit: number;
  readonly power: number;
}

/**
 * The factors by which scalings of the parameters multiply values inside a graph, such as the activations of
 * hidden units: linear forms in the logarithms T,
 *
 * x_i <- x_i exp(sum of power T[generator][unit])
 *
 * So ranges and statistics of activations follow a scaling without a run.
 *
 * @param graph as traced, with parameters under the names that the generators have
 * @param scalings that keep the graph's outputs, such as `analyze` finds in it
 * @param tensors nodes of the graph
 * @throws OptionError for a tensor that is not in the graph, or a generator of another graph's parameters
 *
 * @example
 * const hidden: Tensor[] = [];
 * const { graph } = trace(
 *   ({ w, v, x }) => {
 *     const h = relu(matmul(x, w));
 *     hidden.push(h);
 *     return matmul(h, v);
 *   },
 *   { w: zeros([2, 3]), v: zeros([3, 1]), x: zeros([5, 2]) },
 * );
 * const [scale] = scalesOf(graph, analyze(graph, ["w", "v"]).scalings, hidden);
 * scale?.map(({ axes }) => axes); // [[1]]: a factor for each hidden unit
 */
export function scalesOf(
  graph: Graph,
  scalings: readonly ScalingGenerator[],
  tensors: readonly Tensor[],
): TensorScale[] {
  const factors = factorsOf(graph, scalings);
  const places = scalings.flatMap(({ size }, generator) =>
    Array.from({ length: size }, (_, unit) => ({ generator, unit })),
  );
  const termsOf = (form: Form<number>): readonly ScaleTerm[] | undefined =>
    form === lost ? undefined : [...form].map(([unknown, power]) => ({ ...places[unknown], power }));
  /** What was made of the forms of one tensor is shared by all that have the same ones. */
  const made = new Map<readonly Form<number>[], ScaleAlong["forms"]>();
  return tensors.map((tensor) => {
    const factor = factors.get(tensor);
    if (!factor) throw new OptionError(`scalesOf: ${tensor} is not a node of the graph.`);
    return added(
      factor.map((term) => varying(term, tensor)),
      tensor.shape,
    )
      .filter(({ forms }) => forms.some((form) => form === lost || form.size > 0))
      .map(({ axes, forms }) => {
        const known = made.get(forms) ?? forms.map(termsOf);
        made.set(forms, known);
        return { axes, forms: known };
      });
  });
}

function factorsOf(graph: Graph, scalings: readonly ScalingGenerator[]): Map<Tensor, Factor> {
  const inputs = new Map(graph.inputs.map(({ name, tensor }) => [name, tensor]));
  let unknown = 0;
  const leaves = scalings.flatMap(({ size, axes }) => {
    const first = unknown;
    unknown += size;
    return axes.map((parameterAxis) => {
      const tensor = inputs.get(parameterAxis.path);
      if (tensor === undefined) {
        throw new OptionError(
          `scalesOf: the graph has no input "${parameterAxis.path}"; it has ${[...inputs.keys()].join(", ")}.`,
        );
      }
      return { tensor, term: termOf(tensor, parameterAxis, first) };
    });
  });
  const known = groupBy(leaves, ({ tensor }) => tensor);
  const factors = new Map<Tensor, Factor>();
  for (const node of nodesOf(graph)) {
    const own = (known.get(node) ?? []).map(({ term }) => term);
    const isFixed = node.inputs.length === 0 || !isFloat(node.dtype);
    factors.set(node, isFixed ? added(own, node.shape) : through(node, (x) => factors.get(x) ?? []));
  }
  return factors;
}

/** The term of a parameter axis of the generator whose unknowns begin at `first`. */
function termOf(
  { shape }: Tensor,
  { view, axis, copyAxes = [], part, power }: ScalingGenerator["axes"][number],
  first: number,
): Term {
  const own = partShape(shape, part);
  const strideOf = strides([...own.keys()], own);
  // The axes of the parameter that have a share of the index, and the one that is cut.
  const spans = [...copyAxes, axis].map((d) => [sizeOf(view.slice(d + 1)), view[d]]);
  const unitAt = (place: number) =>
    spans.reduce((unit, [inner, size]) => unit * size + (Math.floor(place / inner) % size), 0);
  const axes = [...own.keys()].filter(
    (d) =>
      d === part?.axis ||
      spans.some(([inner, size]) => size > 1 && strideOf(d) < inner * size && strideOf(d) * own[d] > inner),
  );
  const places = part && new Map(Array.from({ length: lengthOf(part) }, (_, k) => [placeIn(part, k), k]));
  const forms = positions(axes, shape, (d) => strideOf(d)).map((offset, i): Form<number> => {
    if (part === undefined) return new Map([[first + unitAt(offset), power]]);
    const at = indexAlong(part.axis, axes, shape, i);
    const place = places?.get(at);
    if (place === undefined) return none;
    return new Map([[first + unitAt(offset + (place - at) * strideOf(part.axis)), power]]);
  });
  return { axes, forms };
}

/** The index along one axis of element number `i` along some axes. */
function indexAlong(axis: number, axes: readonly number[], shape: readonly number[], i: number): number {
  return Math.floor(i / strides(axes, shape)(axis)) % shape[axis];
}

/** A term along those of its axes along which it varies. */
const varying = (all: Term, { shape }: Tensor): Term =>
  all.axes.reduce((term, axis) => {
    const [shorter] = without([term], new Set([axis]), shape);
    return shorter.forms.includes(lost) ? term : shorter;
  }, all);

// How the factor of an operation's result follows from those of its inputs, on the original graph.
export type FactorOf = (x: Tensor) => Factor;

/** The factor of a node's result under scalings that are symmetries. */
function through(original: Tensor, factorOf: FactorOf): Factor {
  const node = namedUnpooling(original);
  if (node.op.name === "concat") return throughConcat(node, factorOf);
  if (node.op.name === "slice") return throughSlice(node, factorOf);
  const response = ruleOf(node).scale(node);
  if (response.kind === "product") {
    const powers = node.inputs.map((_, k) => response.powers[k]);
    return combined(node, powers, factorOf);
  }
  const { members, power } = response;
  const only = (chosen: number) =>
    combined(
      node,
      node.inputs.map((_, k) => (k === chosen ? power : 0)),
      factorOf,
    );
  // Zeros may be multiplied by anything; a constant that guards a root is small beside what it is added to.
  const counted = members.filter((k) => !isZeroConstant(node.inputs[k]) && !isGuard(node, k));
  const factors = counted.map(only);
  return factors.slice(1).reduce((all, other) => agreed(all, other, node.shape), factors[0] ?? []);
}

const isGuard = (node: Tensor, k: number): boolean =>
  isGuarded(node) && constantValue(node.inputs[k]) !== undefined;

/**
 * The product of the inputs' factors to given powers, along the node's links. Inputs without a power change only where
 * nothing reads the result.
 */
function combined(node: Tensor, powers: readonly (number | undefined)[], factorOf: FactorOf): Factor {
  const { views, ...links } = ruleOf(node).links(node);
  const inputShapes = node.inputs.map((x, k) => views?.inputs[k] ?? x.shape);
  const result = views?.result ?? node.shape;
  const { targets, sizes } = targetsOf(links, inputShapes, result);
  const terms: Factor[] = [];
  for (const [k, x] of node.inputs.entries()) {
    const power = powers[k];
    if (power === 0) continue;
    const seen = renamed(factorOf(x), views ? reshapeGroups(x.shape, inputShapes[k]) : [], x.shape);
    const own = power === undefined ? unkept(seen, inputShapes[k]) : raised(seen, power);
    terms.push(renamed(own, targets[k], inputShapes[k]));
  }
  const total = added(terms.flat(), sizes);
  const inner = new Set(axesOf(total).filter((axis) => axis >= result.length));
  const outer = without(total, inner, sizes);
  return renamed(outer, views ? reshapeGroups(result, node.shape) : [], result);
}

/** For each input, what its axes become: axes of the result, or further ones, on which the result does not depend. */
function targetsOf(
  { aligned = [], contracted = [] }: Links,
  inputs: readonly (readonly number[])[],
  result: readonly number[],
) {
  const sizes = new Map(result.map((n, d): [number, number] => [d, n]));
  const targets = inputs.map((): { axes: readonly number[]; to: readonly number[] }[] => []);
  const loose = inputs.map((shape) => new Set(shape.keys()));
  const name = ({ input, axes }: InputAxes, to: readonly number[]) => {
    targets[input].push({ axes, to });
    for (const d of axes) loose[input].delete(d);
  };
  const further = (size: number): number => {
    const axis = result.length + sizes.size;
    sizes.set(axis, size);
    return axis;
  };
  for (const link of aligned) name(link, link.to);
  for (const [a, b] of contracted) {
    const to = a.axes.map((d) => further(inputs[a.input][d]));
    name(a, to);
    name(b, to);
  }
  loose.forEach((axes, input) => {
    for (const d of axes) name({ input, axes: [d] }, [further(inputs[input][d])]);
  });
  return { targets, sizes };
}

function throughSlice(node: Tensor, factorOf: FactorOf): Factor {
  const [x] = node.inputs;
  const { starts, steps } = node.attrs as { starts: readonly number[]; steps: readonly number[] };
  return factorOf(x).map(({ axes, forms }) => {
    const stride = strides(axes, x.shape);
    const origin = axes.reduce((at, axis) => at + starts[axis] * stride(axis), 0);
    const places = positions(axes, node.shape, (axis) => steps[axis] * stride(axis));
    return { axes, forms: places.map((at) => forms[origin + at]) };
  });
}

function throughConcat(node: Tensor, factorOf: FactorOf): Factor {
  const axis = node.attrs.axis as number;
  const factors = node.inputs.map(factorOf);
  if (factors.every((f) => f.length === 0)) return [];
  const axes = [axis, ...axesOf(factors.flat()).filter((d) => d !== axis)];
  // With the joined axis first, the pieces' forms follow each other.
  const pieces = factors.map((f, k) => joined(f, axes, node.inputs[k].shape));
  return [{ axes, forms: pieces.flatMap(({ forms }) => forms) }];
}
