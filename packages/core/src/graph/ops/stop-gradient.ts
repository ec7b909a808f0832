import { apply, type Op, type Tensor } from "../tensor.js";

const identity = {
  infer: ([x]: readonly Tensor[]) => ({ shape: x.shape, dtype: x.dtype }),
  js: { view: true, flat: true, pull: (at, read) => read(0, at) },
  onnx: { emit: (_e, [x]) => x },
  flops: () => 0,
} satisfies Partial<Op>;

const stopGradientOp: Op = { name: "stopGradient", ...identity };

const aliasOp: Op = {
  name: "alias",
  ...identity,
  js: { ...identity.js, pull: (at, read, { inputs }) => read(inputs.length - 1, at) },
  onnx: { emit: (_e, inputs) => inputs.at(-1) as string },
  vjp: (g) => [g],
};

/** The value of `x`, treated as a constant by differentiation. */
export function stopGradient(x: Tensor): Tensor {
  return apply(stopGradientOp, [x], {});
}

/**
 * A new name for the value of `x`. Differentiation with respect to the alias does not see other uses of `x`,
 * so `grad` can nest: a function is differentiated with respect to its argument, not to what it closes over.
 */
export function alias(x: Tensor): Tensor {
  return apply(aliasOp, [x], {});
}

/** `x` whose value is there already: it is differentiated, but not computed. */
export function withValue(x: Tensor, value: Tensor): Tensor {
  return apply(aliasOp, [x, value], {});
}
