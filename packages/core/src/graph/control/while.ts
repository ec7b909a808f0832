import { DTypeError, describeValue, OptionError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { input } from "../ops/leaf.js";
import { reshape } from "../ops/reshape.js";
import { formatType, requireTensor, type Tensor } from "../tensor.js";
import { leavesLike, leavesOf } from "./leaves.js";
import { resultsOf } from "./result.js";
import { requireSameTypes } from "./scan.js";
import { whileNode } from "./while-op.js";

export interface WhileLoopOptions {
  /** Most steps, whatever the condition says. */
  readonly most: number;
}

/**
 * A loop that ends when a condition of what it carries no longer holds: while `condition(c)`, c <- step(c), at most
 * `most` times. Any tensor may be used inside; what does not change is computed once. It nests, it is one loop in
 * both runtimes and in exported ONNX, and it has derivatives of any order: those of the steps that were taken, for
 * which the values before each of `most` steps are kept.
 *
 * @param condition returns a bool tensor of one element: whether there is a step; asked before each one
 * @param step returns the next carried values, a tree with the entries of `init`
 * @param init the carried values before the first step: a tree of tensors
 * @returns the last carried values
 * @throws DTypeError unless the condition is one bool; ShapeError unless the carried values keep their names and
 * types; OptionError unless `most` is an integer >= 1
 *
 * @example
 * const half = whileLoop((c) => greater(sum(c), 1), (c) => mul(0.5, c), x, { most: 100 });
 */
export function whileLoop<C>(
  condition: (carry: C) => Tensor,
  step: (carry: C) => C,
  init: C,
  options: WhileLoopOptions,
): C {
  for (const f of [condition, step]) {
    if (typeof f === "function") continue;
    throw new OptionError(
      `whileLoop takes a condition and a step, functions of the carried values; got ${describeValue(f)}. ` +
        "Write whileLoop((c) => less(c, 10), (c) => mul(2, c), x, { most: 100 }).",
    );
  }
  requireKnown("whileLoop", options, ["most"], "whileLoop(condition, step, init, { most: 100 })");
  const goesOn = (carry: C): Tensor => requireCondition(condition(carry));
  return loopWhile(
    (carry) => {
      const next = step(carry);
      return [goesOn(next), next];
    },
    init,
    { most: options.most, start: goesOn(init) },
  );
}

/**
 * A loop whose step returns whether there is a next step, and the next carried values.
 *
 * @param options `start`: whether there is a first step
 */
export function loopWhile<C>(
  step: (carry: C) => readonly [Tensor, C],
  init: C,
  { most, start }: { readonly most: number; readonly start: Tensor },
): C {
  if (!(Number.isInteger(most) && most >= 1)) {
    throw new OptionError(`whileLoop: most must be an integer >= 1; got ${describeValue(most)}.`);
  }
  const c = leavesOf(init);
  const symbols = c.tensors.map((t) => input(t.shape, t.dtype));
  const [goesOn, next] = step(c.rebuild(symbols));
  const after = leavesLike(c, next, "whileLoop: the carried values that the step returns");
  requireSameTypes("whileLoop", c.tensors, after);
  const node = whileNode([...symbols, input([], "bool")], [...after, goesOn], [...c.tensors, start], most);
  return c.rebuild(resultsOf(node).slice(0, -1));
}

/** @throws DTypeError unless it is one bool, whose shape then is [] */
function requireCondition(condition: Tensor): Tensor {
  requireTensor("whileLoop", condition);
  if (condition.dtype === "bool" && condition.size === 1) return reshape(condition, []);
  throw new DTypeError(
    `whileLoop: the condition must be one bool; got ${formatType(condition)}. Write greater(x, 0), say.`,
  );
}
