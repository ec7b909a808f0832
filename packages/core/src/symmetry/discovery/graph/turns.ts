// Rotary positions: pairs of elements turned by angles that depend on the position, (a, b) -> (a c - b s, a s + b c).
import { type NdArray, type Shape, sizeOf } from "../../../array.js";
import type { Graph } from "../../../graph/graph.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { sliceAlong } from "../../../graph/ops/slice.js";
import { apply, sameShape, type Tensor } from "../../../graph/tensor.js";
import { reshapeGroups } from "./links.js";
import { analyzedOnly, rewrite } from "./rewrite.js";
import { ruleOf } from "./rules.js";

/**
 * Turned pairs as one node: of pairs along an axis, of cosines and of sines, which have one element along it. The direction of the
 * turn does not count.
 */
export const turnPairs = analyzedOnly("turnPairs", ([x]) => ({ shape: x.shape, dtype: x.dtype }));

/**
 * Replaces what turns pairs by one node each: only the pattern as a whole shows that both elements of a pair turn by one angle. That
 * the tables of angles have the same numbers for both is read from how they are made.
 */
export const nameTurns = (graph: Graph): Graph =>
  rewrite(graph, (node) => {
    const turn = turnOf(node);
    if (turn === undefined) return node;
    const { pairs, axis, tables, places } = turn;
    const turned = apply(turnPairs, [pairs, ...tables], { axis });
    return reshape(places === undefined ? turned : transpose(turned, places), node.shape);
  });

interface Turn {
  readonly pairs: Tensor;
  readonly axis: number;
  /** Cosines and sines. */
  readonly tables: readonly [Tensor, Tensor];
  /** The order of axes in which the elements of pairs are in the result, if it is another, such as of halves made of neighbors. */
  readonly places?: readonly number[] | undefined;
}

const turnOf = (node: Tensor): Turn | undefined =>
  node.op.name === "concat" ? joinedTurn(node) : node.op.name === "add" ? addedTurn(node) : undefined;

/** x c + [-b a] s with x = [a b], with tables that have the angle of each element. */
function addedTurn(node: Tensor): Turn | undefined {
  for (const [own, other] of inBothOrders(node)) {
    if (own.op.name !== "mul" || other.op.name !== "mul") continue;
    for (const [crossed, sin] of inBothOrders(other)) {
      const halves = crossedHalves(crossed);
      if (halves === undefined) continue;
      const { x, axis: along, inner } = halves;
      for (const [same, cos] of inBothOrders(own)) {
        if (same !== x || ![cos, sin].every((table) => isSameInPairs(table, along, inner))) continue;
        const { shape, axis } = pairShape(x.shape, along, inner);
        const first = (table: Tensor) => sliceAlong(reshape(table, shape), axis, 0, 1);
        return { pairs: reshape(x, shape), axis, tables: [first(cos), first(sin)] };
      }
    }
  }
  return undefined;
}

/** [-b a] of x = [a b], in the shape of x. */
function crossedHalves(node: Tensor): Omit<Half, "which"> | undefined {
  const joined = beforeReshapes(node);
  if (joined.op.name !== "concat" || joined.inputs.length !== 2) return undefined;
  const signs = joined.inputs.map((x) => isNegative(x));
  const [first, second] = joined.inputs.map((x) => halfOf(withoutSign(x)));
  if (first === undefined || second === undefined || signs[0] === signs[1]) return undefined;
  const isCrossed = first.which === 1 && second.which === 0 && isSameSplit(first, second);
  return isCrossed && sameShape(node.shape, first.x.shape) && isJoinOf(joined, first) ? first : undefined;
}

const isNegative = (x: Tensor): boolean => beforeReshapes(x).op.name === "neg";
const withoutSign = (x: Tensor): Tensor => (isNegative(x) ? beforeReshapes(x).inputs[0] : x);

/** a c - b s beside a s + b c, with tables that have the angle of each pair. */
function joinedTurn(node: Tensor): Turn | undefined {
  if (node.inputs.length !== 2) return undefined;
  const [real, imaginary] = node.inputs.map(beforeReshapes);
  if (real.op.name !== "sub" || imaginary.op.name !== "add") return undefined;
  for (const [mixed, straight] of inBothOrders(imaginary)) {
    const [ac, bs] = real.inputs;
    if (![ac, bs, mixed, straight].every(({ op }) => op.name === "mul")) continue;
    for (const [a, c] of inBothOrders(ac)) {
      for (const [b, s] of inBothOrders(bs)) {
        const [first, second] = [halfOf(a), halfOf(b)];
        if (first?.which !== 0 || second?.which !== 1 || !isSameSplit(first, second)) continue;
        if (!isProduct(mixed, a, s) || !isProduct(straight, b, c)) continue;
        const { shape, axis } = pairShape(first.x.shape, first.axis, first.inner);
        const places = placesOf(node, shape, axis);
        if (places === undefined) continue;
        const single = shape.map((n, d) => (d === axis ? 1 : n));
        return {
          pairs: reshape(first.x, shape),
          axis,
          tables: [reshape(c, single), reshape(s, single)],
          places,
        };
      }
    }
  }
  return undefined;
}

const isProduct = (node: Tensor, a: Tensor, b: Tensor): boolean =>
  inBothOrders(node).some(([x, y]) => isSame(x, a) && isSame(y, b));

/** Whether two tensors are one, which may have been broadcast, sliced or reshaped twice. */
function isSame(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  const isMoved = ["broadcast", "reshape", "slice"].includes(a.op.name) && a.op === b.op;
  return (
    isMoved &&
    sameShape(a.shape, b.shape) &&
    JSON.stringify(a.attrs) === JSON.stringify(b.attrs) &&
    isSame(a.inputs[0], b.inputs[0])
  );
}

const inBothOrders = ({ inputs: [a, b] }: Tensor): [Tensor, Tensor][] => [
  [a, b],
  [b, a],
];

function beforeReshapes(x: Tensor): Tensor {
  return x.op.name === "reshape" ? beforeReshapes(x.inputs[0]) : x;
}

/** The elements of a tensor whose indices i along an axis have floor(i / inner) mod 2 = which. */
interface Half {
  readonly x: Tensor;
  readonly axis: number;
  readonly inner: number;
  readonly which: number;
}

function halfOf(node: Tensor): Half | undefined {
  const piece = beforeReshapes(node);
  if (piece.op.name !== "slice") return undefined;
  const [x] = piece.inputs;
  const { starts, steps } = piece.attrs as { starts: readonly number[]; steps: readonly number[] };
  const cut = [...x.shape.keys()].filter((d) => x.shape[d] !== piece.shape[d] || steps[d] !== 1);
  const [axis] = cut;
  if (cut.length !== 1 || x.shape[axis] !== 2 * piece.shape[axis]) return undefined;
  const inner = steps[axis] === 1 ? piece.shape[axis] : 1;
  const which = starts[axis] / inner;
  const isHalf = (steps[axis] === 1 || steps[axis] === 2) && (which === 0 || which === 1);
  return isHalf ? { x, axis, inner, which } : undefined;
}

const isSameSplit = (a: Half, b: Half): boolean =>
  isSame(a.x, b.x) && a.axis === b.axis && a.inner === b.inner;

/** A shape with the axis of halves split so that one of its axes is that of pairs. */
function pairShape(shape: Shape, axis: number, inner: number): { shape: Shape; axis: number } {
  const outer = shape[axis] / (2 * inner);
  const before = [...shape.slice(0, axis), ...(outer > 1 ? [outer] : [])];
  const behind = [...(inner > 1 ? [inner] : []), ...shape.slice(axis + 1)];
  return { shape: [...before, 2, ...behind], axis: before.length };
}

/** The order of axes in which pairs are where two results are joined, each with one element of every pair. */
function placesOf(joined: Tensor, shape: Shape, axis: number): readonly number[] | undefined {
  const before = sizeOf(joined.shape.slice(0, joined.attrs.axis as number));
  const others = [...shape.keys()].filter((d) => d !== axis);
  const at = others.findIndex((_, k) => sizeOf(others.slice(0, k).map((d) => shape[d])) === before);
  if (at < 0 && sizeOf(others.map((d) => shape[d])) !== before) return undefined;
  return at < 0 ? [...others, axis] : [...others.slice(0, at), axis, ...others.slice(at)];
}

/** Whether what is joined has the elements of x, of which its inputs are functions of halves, in their places. */
function isJoinOf(joined: Tensor, { x, axis, inner }: Half): boolean {
  const along = joined.attrs.axis as number;
  const own = pairShape(joined.shape, along, joined.shape[along] / 2);
  const from = pairShape(x.shape, axis, inner);
  const places = ({ shape, axis: pair }: typeof own) => [
    sizeOf(shape.slice(0, pair)),
    sizeOf(shape.slice(pair + 1)),
  ];
  return String(places(own)) === String(places(from));
}

/** Whether elements i and j of a tensor are equal by how it is made, where i and j along the axis differ in floor(i / inner) mod 2 alone. */
function isSameInPairs(node: Tensor, axis: number, inner: number): boolean {
  const { op, inputs, shape } = node;
  const [x] = inputs;
  if (op.name === "constant") return true;
  if (op.name === "array") return isArrayOfPairs(node.attrs.value as NdArray, axis, inner);
  if (op.name === "concat" && node.attrs.axis === axis) {
    const isWhole = inputs.length === 2 && 2 * inner === shape[axis];
    return isWhole && isSame(inputs[0], inputs[1]);
  }
  if (op.name === "reshape") {
    const group = reshapeGroups(x.shape, shape).find(({ to }) => to.includes(axis));
    const to = group?.to.filter((d) => shape[d] !== 1) ?? [];
    if (group === undefined || to.length !== 1) return false;
    // One axis was several: the one where the elements of pairs are.
    return group.axes.some((d, k) => {
      const behind = sizeOf(group.axes.slice(k + 1).map((later) => x.shape[later]));
      const isOwn = inner % behind === 0 && x.shape[d] % ((2 * inner) / behind) === 0;
      return isOwn && isSameInPairs(x, d, inner / behind);
    });
  }
  const { aligned = [], repeated = [], views } = ruleOf(node).links(node);
  if (repeated.includes(axis)) return true;
  const own = aligned.filter(({ to }) => to.includes(axis));
  if (views !== undefined || own.length === 0) return false;
  return own.every(
    ({ input, axes, to }) =>
      axes.length === 1 && to.length === 1 && isSameInPairs(inputs[input], axes[0], inner),
  );
}

function isArrayOfPairs({ shape, data }: NdArray, axis: number, inner: number): boolean {
  const stride = sizeOf(shape.slice(axis + 1));
  const values = data as ArrayLike<number | bigint>;
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor(i / stride) % shape[axis];
    if (Math.floor(place / inner) % 2 === 1 && values[i] !== values[i - inner * stride]) return false;
  }
  return true;
}
