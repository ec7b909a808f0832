import { type NdArray, sizeOf } from "../../array.js";
import { type Graph, nodesOf } from "../../graph/graph.js";
import { constantValue } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import { type Atom, type Axis, fix, leavesOf, newAxis, unify } from "./atoms.js";
import type { Part } from "./descriptors.js";
import type { InputAxes, Links } from "./graph/links.js";
import { ruleOf } from "./graph/rules.js";

/** A parameter, or a part of one, that a graph reads. */
export interface ParameterRef {
  readonly tensor: Tensor;
  readonly path: string;
  readonly part?: Part | undefined;
}

/**
 * A position among a tensor's factors. The factors are those of its axes, outermost first, each axis a
 * row-major product of indices.
 */
export interface Slot {
  readonly axis: number;
  readonly atom: Atom;
}

/** How the slots of a node correspond to those of its inputs. */
export interface Flow {
  /** Slot of the result for each slot of each input, if the result has the index. */
  readonly to: readonly (readonly (number | undefined)[])[];
  /** Slots of two inputs that are multiplied element by element and summed: [input, slot] twice. */
  readonly contracted: readonly (readonly [SlotOf, SlotOf])[];
  /** Slots of the result along which the result does not vary. */
  readonly repeated: ReadonlySet<number>;
}

export type SlotOf = readonly [input: number, slot: number];

/** A graph whose axes are resolved into indices. */
export interface Layout {
  readonly graph: Graph;
  readonly nodes: readonly Tensor[];
  readonly parameters: readonly ParameterRef[];
  slotsOf(node: Tensor): readonly Slot[];
  flowOf(node: Tensor): Flow;
  /** Whether a tensor is known to be zero. */
  isZero(node: Tensor): boolean;
}

interface Views {
  readonly inputs: readonly (readonly Axis[])[];
  readonly result: readonly Axis[];
}

/**
 * Resolves all axes of a graph into indices: which axes are indexed alike, and which cannot be permuted.
 * Axes that an operation's rule does not name, and the axes of data and of outputs, are fixed.
 */
export function layOut(graph: Graph, parameters: readonly ParameterRef[]): Layout {
  const nodes = nodesOf(graph);
  const known = new Set(parameters.map((p) => p.tensor));
  const axes = new Map<Tensor, readonly Axis[]>();
  const views = new Map<Tensor, Views>();
  const links = new Map<Tensor, Links>();
  const axesOf = (x: Tensor): readonly Axis[] => axes.get(x) ?? [];

  for (const node of nodes) {
    const own = node.shape.map(newAxis);
    axes.set(node, own);
    if (node.inputs.length === 0) {
      if (!known.has(node)) fixSource(node, own);
      continue;
    }
    const link = ruleOf(node).links(node);
    const view = viewsOf(node, own, node.inputs.map(axesOf), link);
    links.set(node, link);
    views.set(node, view);
    connect(link, view);
  }
  for (const { tensor } of graph.outputs) for (const axis of axesOf(tensor)) fix(axis);

  const slots = new Map<Tensor, Slot[]>();
  for (const node of nodes) {
    slots.set(
      node,
      axesOf(node).flatMap((axis, d) => leavesOf(axis).map((atom) => ({ axis: d, atom }))),
    );
  }
  const slotsOf = (x: Tensor): readonly Slot[] => slots.get(x) ?? [];
  const flows = new Map<Tensor, Flow>();
  for (const [node, view] of views) flows.set(node, flow(node, links.get(node) ?? {}, view, slotsOf));
  const zeros = new Set<Tensor>();
  for (const node of nodes) if (isZeroConstant(node) || isZeroResult(node, zeros)) zeros.add(node);
  return {
    graph,
    nodes,
    parameters: parameters.filter(({ tensor }) => slots.has(tensor)),
    slotsOf,
    flowOf: (node) => flows.get(node) ?? { to: [], contracted: [], repeated: new Set() },
    isZero: (x) => zeros.has(x),
  };
}

/** The axes of a node and of its inputs in the shapes that the links use. */
function viewsOf(
  node: Tensor,
  own: readonly Axis[],
  inputs: readonly (readonly Axis[])[],
  { views }: Links,
): Views {
  if (!views) return { inputs, result: own };
  const taken = (axes: readonly Axis[], shape: readonly number[]): readonly Axis[] => {
    const fresh = shape.map(newAxis);
    unify(fresh.flat(), axes.flat());
    return fresh;
  };
  return {
    inputs: node.inputs.map((_, k) => taken(inputs[k], views.inputs[k])),
    result: taken(own, views.result),
  };
}

const pick = (axes: readonly Axis[], of: readonly number[]): Axis => of.flatMap((d) => axes[d]);

/** Identifies indices along links, and fixes those that no link names. */
function connect({ aligned = [], contracted = [], reduced = [], repeated = [] }: Links, view: Views): void {
  const loose = view.inputs.map((axes) => new Set(axes.keys()));
  const own = new Set(view.result.keys());
  const named = ({ input, axes }: InputAxes) => {
    for (const d of axes) loose[input].delete(d);
  };
  for (const link of aligned) {
    unify(pick(view.inputs[link.input], link.axes), pick(view.result, link.to));
    named(link);
    for (const d of link.to) own.delete(d);
  }
  for (const [a, b] of contracted) {
    unify(pick(view.inputs[a.input], a.axes), pick(view.inputs[b.input], b.axes));
    named(a);
    named(b);
  }
  reduced.forEach(named);
  for (const d of repeated) own.delete(d);
  loose.forEach((axes, k) => {
    for (const d of axes) fix(view.inputs[k][d]);
  });
  for (const d of own) fix(view.result[d]);
}

/** The links of a node slot by slot, as far as the factors on both sides agree. */
function flow(
  node: Tensor,
  { aligned = [], contracted = [], repeated = [] }: Links,
  view: Views,
  slotsOf: (x: Tensor) => readonly Slot[],
): Flow {
  /** The slots of each axis; none where the view does not have the factors of the tensor. */
  const slotsByAxis = (x: Tensor, axes: readonly Axis[]): readonly (readonly number[])[] => {
    const slots = slotsOf(x);
    let count = 0;
    const byAxis = axes.map((axis) =>
      leavesOf(axis).map((atom) => (atom === slots[count]?.atom ? count++ : -1)),
    );
    const isSame = count === slots.length && byAxis.every((own) => !own.includes(-1));
    return isSame ? byAxis : axes.map(() => []);
  };
  const [inputs, result] = [
    node.inputs.map((x, k) => slotsByAxis(x, view.inputs[k])),
    slotsByAxis(node, view.result),
  ];
  const inputSlots = ({ input, axes }: InputAxes) => axes.flatMap((d) => inputs[input][d]);
  /** Pairs of slots from the outermost on, up to the first that differ. */
  const matched = (a: readonly number[], x: Tensor, b: readonly number[], y: Tensor): [number, number][] => {
    const pairs: [number, number][] = [];
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (slotsOf(x)[a[i]].atom !== slotsOf(y)[b[i]].atom) break;
      pairs.push([a[i], b[i]]);
    }
    return pairs;
  };
  const to: (number | undefined)[][] = node.inputs.map((x) => slotsOf(x).map(() => undefined));
  for (const link of aligned) {
    const [from, into] = [inputSlots(link), link.to.flatMap((d) => result[d])];
    for (const [a, b] of matched(from, node.inputs[link.input], into, node)) to[link.input][a] = b;
  }
  return {
    to,
    contracted: contracted.flatMap(([a, b]) =>
      matched(inputSlots(a), node.inputs[a.input], inputSlots(b), node.inputs[b.input]).map(
        ([i, j]): [SlotOf, SlotOf] => [
          [a.input, i],
          [b.input, j],
        ],
      ),
    ),
    repeated: new Set(repeated.flatMap((d) => result[d])),
  };
}

/** Fixes the axes along which a source other than a parameter varies or may vary. */
function fixSource(node: Tensor, axes: readonly Axis[]): void {
  axes.forEach((axis, d) => {
    if (variesAlong(node, d)) fix(axis);
  });
}

/** Whether a tensor without inputs may vary along an axis. */
export function variesAlong(node: Tensor, axis: number): boolean {
  if (node.op.name !== "array") return true;
  const { shape, data } = node.attrs.value as NdArray;
  const stride = sizeOf(shape.slice(axis + 1));
  const values = data as ArrayLike<number | bigint>;
  for (let i = 0; i < values.length; i++) {
    const isFirst = Math.floor(i / stride) % shape[axis] === 0;
    if (!isFirst && values[i] !== values[i - stride]) return true;
  }
  return false;
}

const ofOne: ReadonlySet<string> = new Set(["reshape", "transpose", "slice", "broadcast", "neg"]);

/** Whether zeros among the inputs make a result zero, such as what the first state of a recurrent network adds. */
const isZeroResult = ({ op, inputs }: Tensor, zeros: ReadonlySet<Tensor>): boolean =>
  (op.name === "mul" || op.name === "matmul" || ofOne.has(op.name)) && inputs.some((x) => zeros.has(x));

/** Whether a tensor is a constant whose elements are all zero. */
export function isZeroConstant(x: Tensor): boolean {
  if (x.op.name === "array") {
    const { data } = x.attrs.value as NdArray;
    return (data as Float64Array).every((v) => Number(v) === 0);
  }
  return constantValue(x) === 0;
}
