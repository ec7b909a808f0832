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

export function matmulLinks(node: Tensor) {
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
  } satisfies Links;
}

/** The axis of each operand along which a matrix product sums. */
export function summedAxes(product: Tensor): readonly number[] {
  const [pair] = matmulLinks(product).contracted;
  return pair.map(({ axes: [axis] }) => axis);
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

// A grouped convolution is a product batched over the groups that mixes positions. All three operations are such products of two
// of images x [batch, group, in, ...], kernels w [group, out, in, ...] and results y [batch, group, out, ...].
const roles = {
  x: ["batch", "group", "in"],
  w: ["group", "out", "in"],
  y: ["batch", "group", "out"],
} as const;

type Role = keyof typeof roles;

/** The links of the operation that makes one of the three of the two others. */
const convolution =
  (inputs: readonly [Role, Role], result: Role): LinkRule =>
  (node) => {
    const { groups } = node.attrs as unknown as ConvAttributes;
    const grouped = (role: Role, [first, second, ...places]: Shape): Shape =>
      role === "w"
        ? [groups, first / groups, second, ...places]
        : [first, groups, second / groups, ...places];
    const axisOf = (role: Role, index: string) => (roles[role] as readonly string[]).indexOf(index);
    const holders = (index: string): InputAxes[] =>
      inputs.flatMap((role, input) =>
        axisOf(role, index) < 0 ? [] : [{ input, axes: [axisOf(role, index)] }],
      );
    const indices = ["batch", "group", "in", "out"];
    return {
      views: {
        inputs: inputs.map((role, k) => grouped(role, node.inputs[k].shape)),
        result: grouped(result, node.shape),
      },
      aligned: indices.flatMap((index) => {
        const to = axisOf(result, index);
        return to < 0 ? [] : holders(index).map((link) => ({ ...link, to: [to] }));
      }),
      contracted: indices.flatMap((index) => {
        const [a, b] = holders(index);
        return axisOf(result, index) < 0 ? [[a, b] as const] : [];
      }),
    };
  };

export const convLinks = convolution(["x", "w"], "y");
export const convInputGradientLinks = convolution(["y", "w"], "x");
export const convWeightGradientLinks = convolution(["x", "y"], "w");
