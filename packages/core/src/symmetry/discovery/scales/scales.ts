import { sizeOf } from "../../../array.js";
import { OptionError } from "../../../errors.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { isFloat, type Tensor } from "../../../graph/tensor.js";
import { lengthOf, partShape, placeIn, type ScalingGenerator } from "../descriptors.js";
import type { Form } from "../diagonal/elimination.js";
import { groupBy } from "../parameter-axes.js";
import { added, type Factor, lost, none, positions, strides, type Term, without } from "./factors.js";
import { through } from "./through.js";

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
