import { isNdArray, type NdArray } from "../../array.js";
import { ShapeError } from "../../errors.js";
import { mapTree } from "../../graph/autodiff.js";
import { cast, mul } from "../../graph/ops/arithmetic.js";
import { constant } from "../../graph/ops/leaf.js";
import { isTensor, sameShape, type Tensor } from "../../graph/tensor.js";
import { type Optimizer, requireOptimizer, seeing } from "../../optim/optimizer.js";
import { flatten, leavesByPath, unflatten } from "../../tree.js";

/**
 * An optimizer that keeps pruned weights at zero: it sees gradients that are zero where the mask is, and what it returns
 * is multiplied by the mask,
 *
 * w <- m * update(m * g, w)
 *
 * Its state is that of the optimizer, so that checkpoints work as without. Teleports that scale weights keep zeros; others, such
 * as level sets, rotations and COST's adapters, fill them, and the step after a teleport clears them again.
 *
 * @param optimizer such as `adam()`
 * @param mask a tree like the parameters with 0 and 1, such as `pruned` returns
 * @throws OptionError unless `optimizer` is one; ShapeError, where it is traced, for a mask of other parameters
 *
 * @example
 * const { params: start, mask } = pruned(params, { fraction: 0.8 });
 * const optimizer = masked(adam(), mask);
 * const step = await jit(
 *   (p, state, b) => optimizer.update(grad(loss)(p, b), state, p, 0.01),
 *   [start, optimizer.init(start), batch],
 * );
 * const next = await step(start, optimizer.init(start), batch); // next.params is zero where the mask is
 */
export function masked<S>(optimizer: Optimizer<S>, mask: unknown): Optimizer<S> {
  requireOptimizer("masked", optimizer);
  const { leaves, paths, def } = flatten<NdArray>(mask, isNdArray);
  const kept = <P>(tree: P): P => {
    const own = leavesByPath(paths, tree, isTensor, "masked: the parameters");
    const constants = leaves.map((leaf, i) => maskLike(paths[i], leaf, own[i]));
    return mapTree((x, m) => mul(x, m), tree, unflatten(def, constants) as P);
  };
  const inner = seeing(optimizer, kept);
  return {
    ...inner,
    name: `masked ${optimizer.name}`,
    baseOf: (path) => optimizer.baseOf?.(path) ?? (optimizer as Optimizer),
    update(gradients, state, params, learningRate, gradientAt) {
      const next = inner.update(gradients, state, params, learningRate, gradientAt);
      return { ...next, params: kept(next.params) };
    },
  };
}

function maskLike(path: string, mask: NdArray, like: Tensor): Tensor {
  if (sameShape(mask.shape, like.shape)) return cast(constant(mask), like.dtype);
  throw new ShapeError(
    `masked: the mask of "${path}" has the shape [${mask.shape.join(", ")}], the parameter [${like.shape.join(", ")}].`,
  );
}
