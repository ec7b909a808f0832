import { apply, type Op, type Tensor } from "../tensor.js";

const identity = {
  infer: ([x]: readonly Tensor[]) => ({ shape: x.shape, dtype: x.dtype }),
  js: { view: true, flat: true, pull: (at, read) => read(0, at) },
  onnx: { emit: (_e, [x]) => x },
  flops: () => 0,
} satisfies Partial<Op>;

const stopGradientOp: Op = { name: "stopGradient", ...identity };

const aliasOp: Op = { name: "alias", ...identity, vjp: (g) => [g] };

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

/** `x` whose value is there already: it is differentiated as `x` is, but not computed. */
export function withValue({ op, inputs, attrs }: Tensor, value: Tensor): Tensor {
  const known: Op = {
    name: "known",
    infer: () => value,
    vjp: op.vjp,
    js: { pull: (at, read) => read(inputs.length, at) },
    onnx: { emit: (_e, names) => names.at(-1) as string },
  };
  return apply(known, [...inputs, value], attrs);
}

/** The tensors from which `x` is computed. */
export const readBy = ({ op, inputs }: Tensor): readonly Tensor[] =>
  op.name === "known" ? inputs.slice(-1) : inputs;
