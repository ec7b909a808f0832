import { sizeOf } from "../array.js";
import { knownFromBefore } from "./control/known-before.js";
import { knownInCond, knownInScan, knownInWhile } from "./control/known-inside.js";
import { add, div, mul, neg, sub } from "./ops/arithmetic.js";
import { broadcastShapes, broadcastTo } from "./ops/broadcast.js";
import { where } from "./ops/compare.js";
import { constantValue } from "./ops/leaf.js";
import { matmul } from "./ops/matmul.js";
import { sum } from "./ops/reduce.js";
import { reshape, transpose } from "./ops/reshape.js";
import { concat, isPlaced, type Placed } from "./ops/slice.js";
import { apply, isFloat, type Tensor } from "./tensor.js";

/** Whether an expression of simplified inputs is already in the graph. */
type IsKnown = (node: Tensor) => boolean;

/** An equal but simpler expression, or undefined. Inputs are already simplified. */
type Rule = (node: Tensor, isKnown: IsKnown) => Tensor | undefined;

const isOp = (x: Tensor, name: string): boolean => x.op.name === name;

/** x = c * y with a constant c: [c, y]. */
function scaled(x: Tensor): [number, Tensor] | undefined {
  if (isOp(x, "neg")) return [-1, x.inputs[0]];
  if (!isOp(x, "mul") || !isFloat(x.dtype)) return undefined;
  const [a, b] = x.inputs;
  const ca = constantValue(a);
  if (ca !== undefined) return [ca, b];
  const cb = constantValue(b);
  return cb === undefined ? undefined : [cb, a];
}

const scale = (x: Tensor, factor: number): Tensor => (factor === -1 ? neg(x) : mul(factor, x));

/**
 * Moves constant factors out of an operation that is linear in the operands `ks`, unless the result is larger
 * than the operand. Signs are always moved out: the addition that follows absorbs them.
 */
function factorOut(node: Tensor, ks: readonly number[]): Tensor | undefined {
  for (const k of ks) {
    const x = node.inputs[k];
    const parts = scaled(x);
    if (parts && (node.size <= x.size || parts[0] === -1)) {
      const inputs = node.inputs.map((y, i) => (i === k ? parts[1] : y));
      return scale(apply(node.op, inputs, node.attrs), parts[0]);
    }
  }
  return undefined;
}

/** Computes before broadcasting if all operands repeat the same elements. */
function delayBroadcast(node: Tensor): Tensor | undefined {
  if (!node.op.js.flat || !node.op.js.readsOnce || node.inputs.length === 0) return undefined;
  if (!node.inputs.every((x) => isOp(x, "broadcast"))) return undefined;
  const sources = node.inputs.map((x) => x.inputs[0]);
  const shape = sources.map((x) => x.shape).reduce((a, b) => broadcastShapes(a, b, node.op.name));
  if (sizeOf(shape) >= node.size) return undefined;
  return broadcastTo(
    apply(
      node.op,
      sources.map((x) => broadcastTo(x, shape)),
      node.attrs,
    ),
    node.shape,
  );
}

/** A matrix, and whether it is transposed. */
type Factor = readonly [matrix: Tensor, isTurned: boolean];

const turned = ([matrix, isTurned]: Factor): Factor => [matrix, !isTurned];

/** The factors of a product of matrices, or of its transpose. */
function factorsOf({ inputs, attrs }: Tensor, isTurned = false): readonly [Factor, Factor] {
  const [a, b] = [attrs.transposeA, attrs.transposeB].map((own, k) => [inputs[k], own] as Factor);
  return isTurned ? [turned(b), turned(a)] : [a, b];
}

const times = ([a, transposeA]: Factor, [b, transposeB]: Factor): Tensor =>
  matmul(a, b, { transposeA, transposeB });

/** Swaps of the last two axes become flags of the product. */
function absorbTranspose(node: Tensor): Tensor | undefined {
  const [a, b] = factorsOf(node).map((own): Factor => {
    const [x] = own;
    const axes = x.attrs.axes as readonly number[];
    const swapsLast =
      isOp(x, "transpose") &&
      axes[x.rank - 1] === x.rank - 2 &&
      axes.every((a, d) => a === d || d >= x.rank - 2);
    return swapsLast ? turned([x.inputs[0], own[1]]) : own;
  });
  return a[0] === node.inputs[0] && b[0] === node.inputs[1] ? undefined : times(a, b);
}

const multiplied = (product: Tensor): number => product.op.flops?.(product, product.attrs) as number;

/**
 * (A B) C as A (B C), and C (A B) as (C A) B, where that multiplies fewer elements even if A B is needed elsewhere: a gradient
 * times a matrix follows from the gradient's factors. Only in float32: float64 is where the last digits count, and the order is kept.
 */
function reordered(node: Tensor): Tensor | undefined {
  if (node.rank !== 2 || node.dtype !== "float32") return undefined;
  const [x, y] = factorsOf(node);
  for (const own of [x, y]) {
    if (!isOp(own[0], "matmul")) continue;
    const [a, b] = factorsOf(...own);
    const inner = own === x ? times(b, y) : times(x, a);
    const whole = own === x ? times(a, [inner, false]) : times([inner, false], b);
    if (multiplied(inner) + multiplied(whole) < multiplied(node)) return whole;
  }
  return undefined;
}

/**
 * Rewrites sums of W * C along an axis, where C is a product A B or a sum or difference of such products, and
 * the graph already has a product with W:
 *
 * sum_j W_ij (A B)_ij = sum_k A_ik (W B')_ik,  sum_i W_ij (A B)_ij = sum_k (A' W)_kj B_kj
 *
 * The sums of a layer's weights times their gradient then follow from the layer's inputs and outputs, and the
 * gradient itself need not be computed. Applied only if fewer elements are multiplied.
 */
function contract(node: Tensor, isKnown: IsKnown): Tensor | undefined {
  const [product] = node.inputs;
  const axes = node.attrs.axes as readonly number[];
  if (!isOp(product, "mul") || product.rank !== 2 || axes.length !== 1) return undefined;
  const sumWith = (w: Tensor, c: Tensor): Tensor | undefined => {
    if (isOp(c, "add") || isOp(c, "sub")) {
      const [first, second] = c.inputs.map((part) => sumWith(w, part));
      return first && second && apply(c.op, [first, second], c.attrs);
    }
    const [c0, x] = scaled(c) ?? [1, c];
    if (!isOp(x, "matmul")) return undefined;
    // The factor that stays, and the product of the other factor with W, with k as their first or last axis.
    const alongColumns = axes[0] === 1;
    const [[kept, isKFirst], other] = factorsOf(x, !alongColumns);
    const factor: Factor = [w, alongColumns];
    if (kept.size >= product.size) return undefined;
    for (const first of [isKFirst, !isKFirst]) {
      const known = first ? times(other, factor) : times(turned(factor), turned(other));
      if (!isKnown(known)) continue;
      const own = first === isKFirst ? kept : transpose(kept);
      return reshape(scale(sum(mul(own, known), { axes: first ? 0 : 1 }), c0), node.shape);
    }
    return undefined;
  };
  const [a, b] = product.inputs;
  return sumWith(a, b) ?? sumWith(b, a);
}

/** A sum of tensors in zeros that lie side by side, as the gradients of a tensor's parts do: these tensors joined. */
function joined({ inputs, shape, size }: Tensor): Tensor | undefined {
  // Of a sum of many only one partial sum gets further: it is not walked through again with each term.
  if (placedSize(inputs[0]) + placedSize(inputs[1]) !== size) return undefined;
  const parts = placedTerms(inputs);
  const axis = shape.findIndex((n, d) => n !== parts[0].inputs[0].shape[d]);
  const sorted = parts.sort((a, b) => a.attrs.starts[axis] - b.attrs.starts[axis]);
  const terms = sorted.map((part) => part.inputs[0]);
  const isSideBySide = terms.every(
    (x, k) =>
      x.shape.every((n, d) => d === axis || n === shape[d]) &&
      sorted[k].attrs.starts[axis] + x.shape[axis] === (sorted[k + 1]?.attrs.starts[axis] ?? shape[axis]),
  );
  return isSideBySide && sorted[0].attrs.starts[axis] === 0 ? concat(terms, { axis }) : undefined;
}

const placedSizes = new WeakMap<Tensor, number>();

/** Elements that a sum of tensors in zeros has from these tensors, counted with each; NaN if it is no such sum. */
function placedSize(x: Tensor): number {
  if (isPlaced(x)) return x.inputs[0].size;
  if (!isOp(x, "add")) return Number.NaN;
  const size = placedSizes.get(x) ?? placedSize(x.inputs[0]) + placedSize(x.inputs[1]);
  placedSizes.set(x, size);
  return size;
}

/** The tensors in zeros of which `sum` are sums. */
function placedTerms(sum: readonly Tensor[]): Placed[] {
  const parts: Placed[] = [];
  const left = [...sum];
  for (let x = left.pop(); x; x = left.pop()) {
    if (isPlaced(x)) parts.push(x);
    else left.push(...x.inputs);
  }
  return parts;
}

const rules: Readonly<Record<string, Rule>> = {
  alias: ({ inputs: [x] }) => x,
  known: ({ inputs }) => inputs.at(-1),
  stopGradient: ({ inputs: [x] }) => x,
  add(node) {
    const [a, b] = node.inputs;
    if (constantValue(a) === 0) return b;
    if (constantValue(b) === 0) return a;
    if (a === b) return mul(2, a);
    if (isOp(b, "neg")) return sub(a, b.inputs[0]);
    if (isOp(a, "neg")) return sub(b, a.inputs[0]);
    return joined(node);
  },
  sub({ inputs: [a, b] }) {
    if (constantValue(b) === 0) return a;
    if (constantValue(a) === 0) return neg(b);
    return isOp(b, "neg") ? add(a, b.inputs[0]) : undefined;
  },
  mul({ inputs: [a, b] }) {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ]) {
      const c = constantValue(x);
      if (c === 1) return y;
      if (c === -1) return neg(y);
      const inner = scaled(y);
      if (c !== undefined && inner) return scale(inner[1], c * inner[0]);
      if (isOp(x, "neg")) return neg(mul(x.inputs[0], y));
    }
    return undefined;
  },
  div({ inputs: [a, b] }) {
    if (constantValue(b) === 1) return a;
    return isOp(a, "neg") ? neg(div(a.inputs[0], b)) : undefined;
  },
  neg({ inputs: [x] }) {
    if (isOp(x, "neg")) return x.inputs[0];
    if (isOp(x, "sub")) return sub(x.inputs[1], x.inputs[0]);
    const parts = isOp(x, "mul") ? scaled(x) : undefined;
    return parts && scale(parts[1], -parts[0]);
  },
  // ONNX Runtime opens no file in which both are in float64.
  relu6: ({ op, inputs: [x], attrs }) => (isOp(x, "relu") ? apply(op, x.inputs, attrs) : undefined),
  cast: ({ inputs: [x], dtype }) => (x.dtype === dtype ? x : undefined),
  where({ inputs: [condition, a, b] }) {
    const c = constantValue(condition);
    if (c !== undefined) return c ? a : b;
    if (a === b) return a;
    const [source] = isOp(condition, "broadcast") ? condition.inputs : [condition];
    return isOp(source, "logicalNot") ? where(source.inputs[0], b, a) : undefined;
  },
  reshape({ inputs: [x], shape }) {
    if (isOp(x, "reshape")) return reshape(x.inputs[0], shape);
    if (isOp(x, "neg")) return neg(reshape(x.inputs[0], shape));
    return x.shape.join() === shape.join() ? x : undefined;
  },
  transpose({ inputs: [x], attrs, shape }) {
    const axes = attrs.axes as readonly number[];
    if (isOp(x, "transpose")) {
      const inner = x.attrs.axes as readonly number[];
      return transpose(
        x.inputs[0],
        axes.map((a) => inner[a]),
      );
    }
    // If all axes that move but one have size 1, no element moves.
    const moving = axes.filter((a) => x.shape[a] !== 1);
    return moving.every((a, i) => i === 0 || a > moving[i - 1]) ? reshape(x, shape) : undefined;
  },
  broadcast({ inputs: [x], shape }) {
    if (isOp(x, "broadcast")) return broadcastTo(x.inputs[0], shape);
    return x.shape.join() === shape.join() ? x : undefined;
  },
  sum(node, isKnown) {
    const { attrs } = node;
    const [x] = node.inputs;
    const axes = attrs.axes as readonly number[];
    if (axes.every((d) => x.shape[d] === 1)) return reshape(x, node.shape);
    const factored = factorOut(node, [0]);
    if (factored) return factored;
    // Each element goes to one place in its image.
    if (isOp(x, "poolPut") && axes.includes(2) && axes.includes(3))
      return apply(node.op, [x.inputs[0]], attrs);
    if (isOp(x, "broadcast")) {
      const [source] = x.inputs;
      const lead = x.rank - source.rank;
      const repeated = axes.filter((d) => d < lead || source.shape[d - lead] !== x.shape[d]);
      if (repeated.length > 0 && isFloat(x.dtype)) {
        const count = sizeOf(repeated.map((d) => x.shape[d]));
        const shape = x.shape.map((n, d) => (repeated.includes(d) ? 1 : n));
        const once = broadcastTo(
          reshape(source, [...shape.slice(0, lead).map(() => 1), ...source.shape]),
          shape,
        );
        return mul(count, reshape(sum(once, { axes, keepDims: true }), node.shape));
      }
    }
    return contract(node, isKnown);
  },
  matmul: (node) => absorbTranspose(node) ?? factorOut(node, [0, 1]) ?? reordered(node),
  conv2d: (node) => factorOut(node, [0]),
  conv2dInputGradient: (node) => factorOut(node, [0]),
  conv2dWeightGradient: (node) => factorOut(node, [0, 1]),
  scan: knownInScan,
  whileLoop: (node) => knownInWhile(node) ?? knownFromBefore(node),
  cond: knownInCond,
};

/** One rewriting of a node whose inputs are simplified; undefined when no rule applies. */
export function rewrite(node: Tensor, isKnown: IsKnown): Tensor | undefined {
  return rules[node.op.name]?.(node, isKnown) ?? delayBroadcast(node);
}
