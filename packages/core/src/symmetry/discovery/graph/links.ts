import type { Shape } from "../../../array.js";
import type { ConvAttributes } from "../../../graph/ops/conv-attributes.js";
import type { Tensor } from "../../../graph/tensor.js";

/** Axes of an operation's input. */
export interface InputAxes {
  readonly input: number;
  readonly axes: readonly number[];
}

/**
 * How the axes of an operation's inputs and result correspond. Axes that are not named count as mixed and are
 * fixed.
 */
export interface Links {
  /** Element i of an input's axes is element i of the result's axes `to`; both as row-major products. */
  readonly aligned?: readonly (InputAxes & { readonly to: readonly number[] })[] | undefined;
  /** Two inputs' axes, multiplied element by element and summed. */
  readonly contracted?: readonly (readonly [InputAxes, InputAxes])[] | undefined;
  /** Axes that are reduced independently of the order of the elements. */
  readonly reduced?: readonly InputAxes[] | undefined;
  /** Axes of the result along which it does not vary. */
  readonly repeated?: readonly number[] | undefined;
  /** Shapes to which inputs and result are reshaped, where the axes above are not their own. */
  readonly views?: { readonly inputs: readonly Shape[]; readonly result: Shape } | undefined;
}

export type LinkRule = (node: Tensor) => Links;

const all = (x: Tensor): number[] => [...x.shape.keys()];

/** Element-wise except along the axes whose elements the node moves. */
export const exceptAlong =
  (moved: (node: Tensor, axis: number) => boolean): LinkRule =>
  (node) => ({
    aligned: node.inputs.flatMap((_, input) =>
      all(node)
        .filter((d) => !moved(node, d))
        .map((d) => ({ input, axes: [d], to: [d] })),
    ),
  });

/** Axis d of each input is axis d of the result. */
export const elementwise: LinkRule = exceptAlong(() => false);

export const noLinks: LinkRule = () => ({});

export function broadcastLinks(node: Tensor): Links {
  const [x] = node.inputs;
  const lead = node.rank - x.rank;
  const isKept = (d: number) => d >= lead && x.shape[d - lead] === node.shape[d];
  return {
    aligned: all(node)
      .filter(isKept)
      .map((d) => ({ input: 0, axes: [d - lead], to: [d] })),
    repeated: all(node).filter((d) => !isKept(d)),
  };
}

/** Runs of axes of two shapes with equal products. */
export function reshapeGroups(from: Shape, to: Shape): { axes: number[]; to: number[] }[] {
  const groups: { axes: number[]; to: number[] }[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const group = { axes: [] as number[], to: [] as number[] };
    let [m, n] = [1, 1];
    do {
      if (i < from.length && (m <= n || j === to.length)) {
        m *= from[i];
        group.axes.push(i++);
      } else {
        n *= to[j];
        group.to.push(j++);
      }
    } while (m !== n && (i < from.length || j < to.length));
    groups.push(group);
  }
  return groups;
}

export function reshapeLinks(node: Tensor): Links {
  return { aligned: reshapeGroups(node.inputs[0].shape, node.shape).map((g) => ({ input: 0, ...g })) };
}

export function transposeLinks(node: Tensor): Links {
  const axes = node.attrs.axes as readonly number[];
  return { aligned: axes.map((a, d) => ({ input: 0, axes: [a], to: [d] })) };
}

/** Axes that a reduction keeps. */
export function reduceLinks(node: Tensor): Links {
  const { axes, keepDims } = node.attrs as { axes: readonly number[]; keepDims: boolean };
  const kept = all(node.inputs[0]).filter((d) => keepDims || !axes.includes(d));
  return {
    aligned: kept.flatMap((d, k) => (axes.includes(d) ? [] : [{ input: 0, axes: [d], to: [k] }])),
    reduced: [{ input: 0, axes }],
  };
}

export function argmaxLinks(node: Tensor): Links {
  const kept = all(node.inputs[0]).filter((d) => d !== node.attrs.axis);
  return { aligned: kept.map((d, k) => ({ input: 0, axes: [d], to: [k] })) };
}

export function matmulLinks(node: Tensor): Links {
  const { transposeA, transposeB } = node.attrs as { transposeA: boolean; transposeB: boolean };
  const lead = node.rank - 2;
  const [m, k] = transposeA ? [lead + 1, lead] : [lead, lead + 1];
  const [p, n] = transposeB ? [lead + 1, lead] : [lead, lead + 1];
  const batch = all(node).slice(0, lead);
  return {
    aligned: [
      ...[0, 1].flatMap((input) => batch.map((d) => ({ input, axes: [d], to: [d] }))),
      { input: 0, axes: [m], to: [lead] },
      { input: 1, axes: [n], to: [lead + 1] },
    ],
    contracted: [
      [
        { input: 0, axes: [k] },
        { input: 1, axes: [p] },
      ],
    ],
  };
}

/** Slices of input 0 along an axis at the positions in input 1. */
export function gatherLinks(node: Tensor): Links {
  const [x, indices] = node.inputs;
  const axis = node.attrs.axis as number;
  return {
    aligned: [
      ...all(x)
        .filter((d) => d !== axis)
        .map((d) => ({ input: 0, axes: [d], to: [d < axis ? d : d + indices.rank - 1] })),
      ...all(indices).map((d) => ({ input: 1, axes: [d], to: [axis + d] })),
    ],
  };
}

/** The transpose of a gather: axes of the indices are summed over. */
export function scatterLinks(node: Tensor): Links {
  const [updates, indices] = node.inputs;
  const axis = node.attrs.axis as number;
  const isOther = (d: number) => d < axis || d >= axis + indices.rank;
  return {
    aligned: all(updates)
      .filter(isOther)
      .map((d) => ({ input: 0, axes: [d], to: [d < axis ? d : d - indices.rank + 1] })),
  };
}

export function oneHotLinks(node: Tensor): Links {
  return { aligned: all(node.inputs[0]).map((d) => ({ input: 0, axes: [d], to: [d] })) };
}

// A grouped convolution, [batch, group, channel, ...] and [group, out, channel, ...]: it mixes positions, and
// is otherwise a product batched over the groups. All three operations are products of two of images x,
// weights w and results y.
const image = { batch: 0, group: 1, channel: 2 };
const kernel = { group: 0, out: 1, channel: 2 };

function groupViews(
  { groups }: ConvAttributes,
  x: Shape,
  w: Shape,
  y: Shape,
): { x: Shape; w: Shape; y: Shape } {
  const grouped = (s: Shape): Shape => [s[0], groups, s[1] / groups, ...s.slice(2)];
  return { x: grouped(x), w: [groups, w[0] / groups, ...w.slice(1)], y: grouped(y) };
}

export function convLinks(node: Tensor): Links {
  const [x, w] = node.inputs;
  const views = groupViews(node.attrs as unknown as ConvAttributes, x.shape, w.shape, node.shape);
  return {
    views: { inputs: [views.x, views.w], result: views.y },
    aligned: [
      { input: 0, axes: [image.batch], to: [image.batch] },
      { input: 0, axes: [image.group], to: [image.group] },
      { input: 1, axes: [kernel.group], to: [image.group] },
      { input: 1, axes: [kernel.out], to: [image.channel] },
    ],
    contracted: [
      [
        { input: 0, axes: [image.channel] },
        { input: 1, axes: [kernel.channel] },
      ],
    ],
  };
}

export function convInputGradientLinks(node: Tensor): Links {
  const [y, w] = node.inputs;
  const views = groupViews(node.attrs as unknown as ConvAttributes, node.shape, w.shape, y.shape);
  return {
    views: { inputs: [views.y, views.w], result: views.x },
    aligned: [
      { input: 0, axes: [image.batch], to: [image.batch] },
      { input: 0, axes: [image.group], to: [image.group] },
      { input: 1, axes: [kernel.group], to: [image.group] },
      { input: 1, axes: [kernel.channel], to: [image.channel] },
    ],
    contracted: [
      [
        { input: 0, axes: [image.channel] },
        { input: 1, axes: [kernel.out] },
      ],
    ],
  };
}

export function convWeightGradientLinks(node: Tensor): Links {
  const [x, y] = node.inputs;
  const views = groupViews(node.attrs as unknown as ConvAttributes, x.shape, node.shape, y.shape);
  return {
    views: { inputs: [views.x, views.y], result: views.w },
    aligned: [
      { input: 0, axes: [image.group], to: [kernel.group] },
      { input: 1, axes: [image.group], to: [kernel.group] },
      { input: 0, axes: [image.channel], to: [kernel.channel] },
      { input: 1, axes: [image.channel], to: [kernel.out] },
    ],
    contracted: [
      [
        { input: 0, axes: [image.batch] },
        { input: 1, axes: [image.batch] },
      ],
    ],
  };
}
