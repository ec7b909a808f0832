import { isNdArray, type NdArray } from "../array.js";
import { DTypeError, describeValue, OptionError, ShapeError } from "../errors.js";
import { flatten, leavesByPath, unflatten } from "../tree.js";
import { isResult } from "./control/result.js";
import { orderSince } from "./graph.js";
import { add, mul } from "./ops/arithmetic.js";
import { fillLike } from "./ops/leaf.js";
import { sum } from "./ops/reduce.js";
import { reshape } from "./ops/reshape.js";
import { concat } from "./ops/slice.js";
import { alias } from "./ops/stop-gradient.js";
import { formatShape, formatType, isFloat, isTensor, sameShape, type Tensor } from "./tensor.js";

/** A function of one tree of tensors and further arguments that stay fixed. */
export type LossOf<P, Rest extends readonly unknown[]> = (params: P, ...rest: Rest) => Tensor;

/**
 * Reverse-mode differentiation of a graph into a graph: the cotangents of `inputs` for given cotangents of `outputs`,
 * xbar = sum_k ybar_k' dy_k/dx. A tensor that the outputs do not depend on gets zeros.
 */
export function backward(
  outputs: readonly Tensor[],
  cotangents: readonly Tensor[],
  inputs: readonly Tensor[],
): Tensor[] {
  for (const list of [outputs, cotangents, inputs]) {
    if (!Array.isArray(list)) {
      throw new OptionError(
        `backward takes lists of tensors: outputs, their cotangents and inputs; got ${describeValue(list)}. ` +
          "Write backward([loss], [fillLike(loss, 1)], [x]).",
      );
    }
  }
  const order = orderSince(inputs, outputs);
  const needed = new Set<Tensor>(inputs);
  for (const node of order) {
    const { vjp, vjps } = node.op;
    if ((vjp || vjps || isResult(node)) && node.inputs.some((x) => needed.has(x))) needed.add(node);
  }
  const bar = new Map<Tensor, Tensor>();
  const accumulate = (x: Tensor, g: Tensor) => {
    const known = bar.get(x);
    bar.set(x, known ? add(known, g) : g);
  };
  /** Cotangents of operations with several results. */
  const bars = new Map<Tensor, (Tensor | undefined)[]>();
  outputs.forEach((y, k) => {
    const g = cotangents[k];
    if (!isTensor(g) || !sameShape(y.shape, g.shape)) {
      throw new ShapeError(
        `backward: the cotangent of an output ${formatType(y)} must have its shape; got ${isTensor(g) ? formatType(g) : describeValue(g)}.`,
      );
    }
    if (needed.has(y)) accumulate(y, g);
  });
  const ends = new Set(inputs);
  for (const node of order.reverse()) {
    const g = bar.get(node);
    if (isResult(node)) {
      const [source] = node.inputs;
      const list = bars.get(source) ?? source.results?.map(() => undefined) ?? [];
      const known = list[node.attrs.index];
      // Another derivative may have taken the same result apart.
      list[node.attrs.index] = known && g ? add(known, g) : (g ?? known);
      bars.set(source, list);
      continue;
    }
    if (ends.has(node) && node.op.name === "alias") continue;
    const list = bars.get(node);
    const grads = list?.some((x) => x)
      ? node.op.vjps?.(list, node, node.attrs, (k) => needed.has(node.inputs[k]))
      : g && node.op.vjp?.(g, node, node.attrs);
    if (!grads) continue;
    node.inputs.forEach((x, k) => {
      const gx = grads[k];
      if (gx && needed.has(x)) accumulate(x, gx);
    });
  }
  return inputs.map((x) => bar.get(x) ?? fillLike(x, 0));
}

/** Throws unless `f` is a function, at the call that passes it rather than when it is first called. */
function requireFunction(op: string, f: unknown): void {
  if (typeof f === "function") return;
  throw new OptionError(
    `${op} takes the function to differentiate; got ${describeValue(f)}. Write ${op}((params) => loss(params)), say.`,
  );
}

/** Leaves of a tree of tensors, as fresh aliases so that only this argument is differentiated. */
function aliases<P>(params: P, op: string): { leaves: Tensor[]; tree: P } {
  const { leaves, paths, def } = flatten(params, isLeaf);
  leaves.forEach((x, k) => {
    if (!isTensor(x)) {
      throw new DTypeError(
        `${op}: takes traced tensors; ${paths[k] ? `"${paths[k]}"` : "the argument"} is ${describeValue(x)}. ` +
          `Trace it: const f = await jit((params) => ${op}(loss)(params), [params]); await f(params).`,
      );
    }
    if (!isFloat(x.dtype)) {
      throw new DTypeError(
        `${op}: only floats can be differentiated; parameter "${paths[k]}" is ${formatType(x)}.`,
      );
    }
  });
  const fresh = (leaves as Tensor[]).map(alias);
  return { leaves: fresh, tree: unflatten(def, fresh) as P };
}

const isLeaf = (value: unknown): value is Tensor | NdArray => isTensor(value) || isNdArray(value);

/** The leaves of a tree that must have the entries and shapes of another tree of tensors, in its order. */
function leavesLike(tree: unknown, like: unknown, op: string, what: string): Tensor[] {
  const { leaves: tensors, paths } = flatten(like, isTensor);
  const leaves = leavesByPath(paths, tree, isTensor, `${op}: ${what}`);
  leaves.forEach((x, k) => {
    if (!sameShape(x.shape, tensors[k].shape)) {
      throw new ShapeError(
        `${op}: ${what} must have the shapes of ${formatType(tensors[k])}; got ${formatType(x)}.`,
      );
    }
  });
  return leaves;
}

function requireScalar(loss: Tensor, op: string): void {
  if (!isTensor(loss) || loss.size !== 1 || !isFloat(loss.dtype)) {
    throw new ShapeError(
      `${op}: the function must return one number (a float tensor of size 1); got ${isTensor(loss) ? formatType(loss) : describeValue(loss)}. Reduce it with sum or mean.`,
    );
  }
}

/**
 * Returns a function that computes the value and the gradient of a scalar function with respect to its first
 * argument, a tree of tensors.
 *
 * @example
 * const [loss, g] = valueAndGrad((p) => sum(square(p.w)))({ w });
 */
export function valueAndGrad<P, Rest extends readonly unknown[]>(
  f: LossOf<P, Rest>,
): (params: P, ...rest: Rest) => [Tensor, P] {
  return valueAndGradOf("valueAndGrad", f);
}

function valueAndGradOf<P, Rest extends readonly unknown[]>(
  op: string,
  f: LossOf<P, Rest>,
): (params: P, ...rest: Rest) => [Tensor, P] {
  requireFunction(op, f);
  return (params, ...rest) => {
    const { leaves, tree } = aliases(params, op);
    const loss = f(tree, ...rest);
    requireScalar(loss, op);
    const grads = backward([loss], [fillLike(loss, 1)], leaves);
    return [loss, unflatten(flatten(params, isTensor).def, grads) as P];
  };
}

/**
 * Returns a function that computes the gradient of a scalar function with respect to its first argument.
 * Nests to any order.
 *
 * @example
 * const second = grad((x) => sum(square(grad(loss)(x)))); // 2 H g
 */
export function grad<P, Rest extends readonly unknown[]>(
  f: LossOf<P, Rest>,
): (params: P, ...rest: Rest) => P {
  const both = valueAndGradOf("grad", f);
  return (params, ...rest) => both(params, ...rest)[1];
}

/**
 * Value of a function of one tree, and its vector-Jacobian product, which maps cotangents of the result to
 * those of the argument.
 */
export function vjp<P, R>(f: (params: P) => R, params: P): [R, (cotangents: R) => P] {
  requireFunction("vjp", f);
  const { leaves, tree } = aliases(params, "vjp");
  const result = f(tree);
  const outputs = flatten(result, isTensor).leaves;
  const { def } = flatten(params, isTensor);
  return [
    result,
    (cotangents) =>
      unflatten(def, backward(outputs, leavesLike(cotangents, result, "vjp", "cotangents"), leaves)) as P,
  ];
}

/**
 * Value of a function and its Jacobian-vector product J v.
 * A vjp is linear in its cotangent, so the derivative of <vjp(u), v> in u is J v: no forward rules are needed.
 */
export function jvp<P, R>(f: (params: P) => R, params: P, tangents: P): [R, R] {
  requireFunction("jvp", f);
  const { leaves, tree } = aliases(params, "jvp");
  const result = f(tree);
  const { leaves: outputs, def } = flatten(result, isTensor);
  const v = leavesLike(tangents, tree, "jvp", "tangents");
  const u = outputs.map((y) => alias(fillLike(y, 0)));
  const pulled = backward(outputs, u, leaves);
  return [result, unflatten(def, backward(pulled, v, u)) as R];
}

/**
 * Hessian-vector product H v of a scalar function with respect to its first argument: the gradient of <grad
 * f, v>.
 */
export function hvp<P, Rest extends readonly unknown[]>(
  f: LossOf<P, Rest>,
): (params: P, tangents: P, ...rest: Rest) => P {
  requireFunction("hvp", f);
  return (params, tangents, ...rest) => grad((p: P) => dot(grad(f)(p, ...rest), tangents))(params);
}

/**
 * Jacobian of K scalars with respect to a tree of parameters: one tree whose leaves have a leading axis K.
 *
 * @param f returns the K losses, each of size 1
 */
export function jacobian<P, Rest extends readonly unknown[]>(
  f: (params: P, ...rest: Rest) => readonly Tensor[],
): (params: P, ...rest: Rest) => [readonly Tensor[], P] {
  requireFunction("jacobian", f);
  return (params, ...rest) => {
    const { leaves, tree } = aliases(params, "jacobian");
    const losses = f(tree, ...rest);
    if (!Array.isArray(losses)) {
      throw new ShapeError(
        `jacobian: the function must return a list of losses; got ${describeValue(losses)}. Write (params) => [loss(params)], say.`,
      );
    }
    for (const loss of losses) requireScalar(loss, "jacobian");
    const rows = losses.map((loss) => backward([loss], [fillLike(loss, 1)], leaves));
    const stacked = leaves.map((x, i) => concat(rows.map((row) => reshape(row[i], [1, ...x.shape]))));
    return [losses, unflatten(flatten(params, isTensor).def, stacked) as P];
  };
}

/** Inner product of two trees of one structure, a scalar. */
export function dot<P>(a: P, b: P): Tensor {
  const { leaves: x, paths } = flatten(a, isTensor);
  const y = leavesByPath(paths, b, isTensor, "dot: the second tree");
  if (x.some((t, i) => !sameShape(t.shape, y[i].shape))) {
    throw new ShapeError(
      `dot: the trees must have equal leaves; got ${x.map((t) => formatShape(t.shape))} and ${y.map((t) => formatShape(t.shape))}.`,
    );
  }
  return x.map((t, i) => sum(mul(t, y[i]))).reduce(add);
}

/** Applies a function to every tensor of a tree, together with the matching tensors of further trees. */
export function mapTree<P>(f: (...leaves: Tensor[]) => Tensor, first: P, ...others: P[]): P {
  const { leaves, paths, def } = flatten(first, isTensor);
  const rest = others.map((o) => leavesByPath(paths, o, isTensor, "mapTree: every tree"));
  return unflatten(
    def,
    leaves.map((x, i) => f(x, ...rest.map((r) => r[i]))),
  ) as P;
}
