// Parameters that a graph only reads in pieces, such as the stacked projections of attention or the gate of a
// gated unit: cuts are moved from the values to the parameters, so that each piece becomes a parameter of its
// own.
import { type Shape, sizeOf } from "../../../array.js";
import type { Graph } from "../../../graph/graph.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import { input } from "../../../graph/ops/leaf.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import { readersOf } from "../../../graph/readers.js";
import { apply, Tensor } from "../../../graph/tensor.js";
import { groupBy } from "../../../group-by.js";
import { taken } from "../cuts.js";
import { type Cut as AxisCut, lengthOf, partOf, placeIn } from "../descriptors.js";
import type { ParameterRef } from "../layout.js";
import { reshapeGroups } from "./links.js";
import { analyzedOnly, restrictable, rewrite, sameNodes, withInputs } from "./rewrite.js";
import { ruleOf } from "./rules.js";

/** Which elements along an axis: start .. start + count, of one period or of several. */
type Range = Omit<AxisCut, "axis">;

/** A range along each axis. */
type Cut = readonly Range[];

const isWhole = (cut: Cut, { shape }: Tensor): boolean =>
  cut.every((range, d) => lengthOf(range) === shape[d]);
const whole = ({ shape }: { shape: Shape }): Cut => shape.map((count) => ({ start: 0, count }));
const shapeOf = (cut: Cut): Shape => cut.map(lengthOf);

/** A range of some periods; a plain one where that is the same. */
const periodic = (start: number, count: number, period: number, times: number): Range =>
  times === 1 || count === period ? { start, count: count * times } : { start, count, period, times };

/**
 * Rewrites a graph so that a cut of a result is computed from cuts of the inputs wherever possible. A
 * parameter that is only read in pieces which do not overlap, and all of it, is replaced by one input per piece.
 */
export function separateParts(
  graph: Graph,
  parameters: readonly ParameterRef[],
): { graph: Graph; parameters: readonly ParameterRef[] } {
  const cutter = new Cutter();
  const outputs = graph.outputs.map(({ name, tensor }) => ({
    name,
    tensor: cutter.take(tensor, whole(tensor)),
  }));
  const moved: Graph = { inputs: graph.inputs, outputs };
  const readers = readersOf(moved);
  const pieces = new Map<Tensor, Tensor>();
  const refs = parameters.flatMap((ref) => {
    const own = piecesOf(ref, readers.get(ref.tensor) ?? []);
    if (!own) return [ref];
    for (const [user, piece] of own.users) pieces.set(user, piece);
    return own.refs;
  });
  const separated = (node: Tensor, original: Tensor): Tensor => {
    const piece = pieces.get(original);
    return (
      piece ??
      (node.op === cutOut
        ? taken(node.inputs[0], partOf(cutsOn(node.inputs[0], node.attrs.cut as Cut)))
        : node)
    );
  };
  return { graph: rewrite(moved, separated), parameters: refs };
}

/** A cut with periods while cuts move. */
const cutOut = analyzedOnly("cutOut", ([x], { cut }) => ({ shape: shapeOf(cut as Cut), dtype: x.dtype }));

/** The axes along which a cut leaves something out. */
const cutsOn = ({ shape }: Tensor, cut: Cut): AxisCut[] =>
  cut.flatMap((range, axis) => (lengthOf(range) === shape[axis] ? [] : [{ axis, ...range }]));

/** New inputs for the pieces of a parameter, and the nodes that read them; undefined if it is not only read in pieces. */
function piecesOf(
  { path, tensor }: ParameterRef,
  readers: readonly (Tensor | undefined)[],
): { refs: ParameterRef[]; users: Map<Tensor, Tensor> } | undefined {
  const users = readers.filter(
    (reader) => reader && (isPlainSlice(reader) || reader.op === cutOut),
  ) as Tensor[];
  if (users.length === 0 || users.length < readers.length) return undefined;
  const groups = groupBy(users, (user) => keyOf(cutOf(user)));
  const cuts = [...groups.values()].map(([user]) => cutOf(user));
  if (cuts.some((cut) => isWhole(cut, tensor)) || !areCells(cuts, tensor.shape)) return undefined;
  const replaced = new Map<Tensor, Tensor>();
  const refs: ParameterRef[] = [];
  for (const group of [...groups.values()].sort(([p], [q]) => inOrder(cutOf(p), cutOf(q)))) {
    const cut = cutOf(group[0]);
    const piece = input(group[0].shape, tensor.dtype);
    for (const user of group) replaced.set(user, piece);
    refs.push({ path, tensor: piece, part: partOf(cutsOn(tensor, cut)) });
  }
  return { refs, users: replaced };
}

const cutOf = ({ op, shape, attrs }: Tensor): Cut =>
  op === cutOut
    ? (attrs.cut as Cut)
    : shape.map((count, d) => ({ start: (attrs.starts as readonly number[])[d], count }));

/** By where they start, the outermost axis first. */
function inOrder(a: Cut, b: Cut): number {
  const d = a.findIndex(({ start }, i) => start !== b[i].start);
  return d < 0 ? 0 : a[d].start - b[d].start;
}

/**
 * Whether cuts are all cells of a grid. Of a parameter that is read in part alone, such as positions up to a sequence's length,
 * another size of the inputs reads more: what acts on it must act on all of it.
 */
function areCells(cuts: readonly Cut[], shape: Shape): boolean {
  const isApart = shape.every((_, d) => {
    const ranges = new Map(cuts.map((cut) => [keyOf([cut[d]]), cut[d]]));
    const places = [...ranges.values()].flatMap(placesOf);
    return new Set(places).size === places.length;
  });
  return isApart && cuts.reduce((sum, cut) => sum + sizeOf(shapeOf(cut)), 0) === sizeOf(shape);
}

const isPlainSlice = ({ op, attrs }: Tensor): boolean =>
  op.name === "slice" && (attrs.steps as readonly number[]).every((s) => s === 1);

class Cutter {
  private readonly made = new Map<Tensor, Map<string, Tensor>>();

  /** The elements of a cut of a node, computed from cuts of its inputs where that is possible. */
  take(root: Tensor, rootCut: Cut): Tensor {
    // An explicit stack, as for the order of nodes: graphs are deeper than the call stack allows.
    const stack: { node: Tensor; cut: Cut; plan?: Plan }[] = [{ node: root, cut: rootCut }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const { node, cut } = top;
      if (!top.plan && this.known(node, cut)) {
        stack.pop();
        continue;
      }
      top.plan ??= plan(node, cut);
      const { needs, make } = top.plan;
      const inputs = needs.map((need) => this.known(need.node, need.cut));
      const missing = needs.filter((_, k) => inputs[k] === undefined);
      if (missing.length > 0) stack.push(...missing);
      else {
        const result = make(inputs as Tensor[]);
        const cuts = this.made.get(node) ?? new Map<string, Tensor>();
        this.made.set(node, cuts.set(keyOf(cut), result));
        stack.pop();
      }
    }
    return this.known(root, rootCut) as Tensor;
  }

  private known(node: Tensor, cut: Cut): Tensor | undefined {
    return this.made.get(node)?.get(keyOf(cut));
  }
}

/** The indices of a range. */
const placesOf = (range: Range): number[] =>
  Array.from({ length: lengthOf(range) }, (_, i) => placeIn(range, i));

const keyOf = (cut: Cut): string =>
  cut
    .map(({ start, count, period, times }) => `${start}+${count}${times ? `/${period}x${times}` : ""}`)
    .join();

/** The cuts that a cut of a node needs, and how it is computed from them. */
interface Plan {
  readonly needs: readonly { readonly node: Tensor; readonly cut: Cut }[];
  make(inputs: readonly Tensor[]): Tensor;
}

function plan(node: Tensor, cut: Cut): Plan {
  if (isPlainSlice(node)) {
    const starts = node.attrs.starts as readonly number[];
    const inner = cut.map((range, d) => ({ ...range, start: starts[d] + range.start }));
    return { needs: [{ node: node.inputs[0], cut: inner }], make: ([x]) => x };
  }
  if (isWhole(cut, node)) {
    const needs = node.inputs.map((x) => ({ node: x, cut: whole(x) }));
    return { needs, make: (inputs) => (sameNodes(inputs, node.inputs) ? node : withInputs(node, inputs)) };
  }
  return partialPlan(node, cut) ?? cutAfterwards(node, cut);
}

function cutAfterwards(node: Tensor, cut: Cut): Plan {
  const isPlain = cut.every(({ times }) => times === undefined);
  return {
    needs: [{ node, cut: whole(node) }],
    make: ([x]) =>
      isPlain
        ? slice(x, { starts: cut.map((c) => c.start), ends: cut.map((c) => c.start + c.count) })
        : apply(cutOut, [x], { cut }),
  };
}

function partialPlan(node: Tensor, cut: Cut): Plan | undefined {
  const [x] = node.inputs;
  const shape = shapeOf(cut);
  if (restrictable.has(node.op.name)) return restrictedPlan(node, cut);
  switch (node.op.name) {
    case "broadcast": {
      const lead = node.rank - x.rank;
      const inner = x.shape.map((n, d) =>
        n === node.shape[lead + d] ? cut[lead + d] : { start: 0, count: n },
      );
      return { needs: [{ node: x, cut: inner }], make: ([v]) => broadcastTo(v, shape) };
    }
    case "reshape": {
      const inner = reshapedCut(x, node, cut);
      return inner && { needs: [{ node: x, cut: inner }], make: ([v]) => reshape(v, shape) };
    }
    case "concat":
      return joinedPlan(node, cut);
    case "conv2d":
      return convPlan(node, cut);
    default:
      return undefined;
  }
}

/** Each input, cut along the axes that correspond to the result's cut axes. */
function restrictedPlan(node: Tensor, cut: Cut): Plan | undefined {
  const { aligned = [] } = ruleOf(node).links(node);
  const inner = node.inputs.map((x) => [...whole(x)]);
  const covered = new Set<number>();
  for (const { input, axes, to } of aligned) {
    inner[input][axes[0]] = cut[to[0]];
    covered.add(to[0]);
  }
  if (cut.some((range, d) => lengthOf(range) !== node.shape[d] && !covered.has(d))) return undefined;
  const needs = node.inputs.map((x, k) => ({ node: x, cut: inner[k] }));
  return { needs, make: (inputs) => withInputs(node, inputs, shapeOf(cut)) };
}

/** The inputs of a join that a cut meets, cut themselves. */
function joinedPlan(node: Tensor, cut: Cut): Plan | undefined {
  const axis = node.attrs.axis as number;
  const { start, count, times } = cut[axis];
  if (times !== undefined) return undefined;
  let offset = 0;
  const needs = node.inputs.flatMap((x) => {
    const from = Math.max(start, offset);
    const to = Math.min(start + count, offset + x.shape[axis]);
    const own = cut.map((c, d) => (d === axis ? { start: from - offset, count: to - from } : c));
    offset += x.shape[axis];
    return to > from ? [{ node: x, cut: own }] : [];
  });
  return { needs, make: (inputs) => concat(inputs, { axis }) };
}

/** A range of the images and channels of a convolution of all channels together or of each by itself. */
function convPlan(node: Tensor, [batch, channels, ...places]: Cut): Plan | undefined {
  const [x, w] = node.inputs;
  const groups = node.attrs.groups as number;
  const perGroup = w.shape[0] / groups;
  const isCut = places.some((range, d) => lengthOf(range) !== node.shape[2 + d]);
  const isEach =
    groups === x.shape[1] &&
    channels.times === undefined &&
    channels.start % perGroup === 0 &&
    channels.count % perGroup === 0;
  if (isCut || !(groups === 1 || isEach)) return undefined;
  const ofInput = isEach
    ? { start: channels.start / perGroup, count: channels.count / perGroup }
    : whole(x)[1];
  return {
    needs: [
      { node: x, cut: [batch, ofInput, ...whole(x).slice(2)] },
      { node: w, cut: [channels, ...whole(w).slice(1)] },
    ],
    make(inputs) {
      const attributes = { ...node.attrs, groups: isEach ? ofInput.count : groups };
      return new Tensor(node.op, inputs, attributes, shapeOf([batch, channels, ...places]), node.dtype);
    },
  };
}

/** The cut of a reshape's input: a range of one of the joined or split axes is one of some periods of another. */
function reshapedCut(x: Tensor, node: Tensor, cut: Cut): Cut | undefined {
  const inner: Range[] = [...whole(x)];
  for (const { axes, to } of reshapeGroups(x.shape, node.shape)) {
    const [along, ...others] = to.filter((d) => lengthOf(cut[d]) !== node.shape[d]);
    if (along === undefined) continue;
    const flat = others.length === 0 ? joinedRange(cut[along], sidesOf(node.shape, to, along)) : undefined;
    const found = axes.flatMap((d) => {
      const own = flat && splitRange(flat, sidesOf(x.shape, axes, d));
      return own === undefined ? [] : [{ d, own }];
    });
    if (found.length === 0) return undefined;
    inner[found[0].d] = found[0].own;
  }
  return inner;
}

/** An axis among those that a reshape joins or splits: elements before it, along it and behind it. */
interface Sides {
  readonly before: number;
  readonly size: number;
  readonly behind: number;
}

function sidesOf(shape: Shape, axes: readonly number[], axis: number): Sides {
  const sizesOf = (own: readonly number[]) => sizeOf(own.map((d) => shape[d]));
  const at = axes.indexOf(axis);
  return { before: sizesOf(axes.slice(0, at)), size: shape[axis], behind: sizesOf(axes.slice(at + 1)) };
}

/** The range of an axis as one of the row-major product of axes. */
function joinedRange(range: Range, { before, size, behind }: Sides): Range | undefined {
  const { start, count, period = size, times = 1 } = range;
  // Each index before the axis has the same elements: one more period, if these are all there.
  if (before > 1 && (period * times !== size || start + count > period)) return undefined;
  return periodic(start * behind, count * behind, period * behind, times * before);
}

/** The range of a row-major product of axes as one of an axis alone. */
function splitRange(range: Range, { before, size, behind }: Sides): Range | undefined {
  const all = before * size * behind;
  const { start, count, period = all, times = 1 } = range;
  const isWithin =
    before === 1 || (period * times === all && start + count <= period && times % before === 0);
  const numbers = [start, count, period].map((n) => n / behind);
  if (!isWithin || size === 1 || !numbers.every(Number.isInteger)) return undefined;
  return periodic(numbers[0], numbers[1], numbers[2], times / before);
}
