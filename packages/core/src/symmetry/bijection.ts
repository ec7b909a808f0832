import { OptionError } from "../errors.js";
import { grad } from "../graph/autodiff.js";
import { elu, leakyRelu, sigmoid, softplus } from "../graph/ops/activation.js";
import { add, div, minimum, mul, sub } from "../graph/ops/arithmetic.js";
import { greater, where } from "../graph/ops/compare.js";
import { asinh, log, sinh, tanh } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import type { Tensor } from "../graph/tensor.js";

/** An element-wise activation. */
export interface ElementWise {
  readonly forward: (z: Tensor) => Tensor;
}

/** An element-wise activation with its inverse. Outside the activation's range the inverse is NaN. */
export interface Bijection extends ElementWise {
  readonly inverse: (y: Tensor) => Tensor;
}

const inverseElu = (y: Tensor): Tensor => where(greater(y, 0), y, log(add(1, minimum(y, 0))));

/** log(e^y - 1) = y + log(1 - e^-y): e^y overflows, and 1 - e^-y = 2t / (1 + t) with t = tanh(y/2) keeps small y. */
function inverseSoftplus(y: Tensor): Tensor {
  const t = tanh(mul(0.5, y));
  return add(y, log(div(mul(2, t), add(1, t))));
}

const table: Readonly<Record<string, (slope: number) => Bijection>> = {
  identity: () => ({ forward: (z) => z, inverse: (y) => y }),
  leakyRelu: (slope) => ({ forward: (z) => leakyRelu(z, slope), inverse: (y) => leakyRelu(y, 1 / slope) }),
  elu: () => ({ forward: (z) => elu(z), inverse: inverseElu }),
  tanh: () => ({ forward: tanh, inverse: (y) => mul(0.5, log(div(add(1, y), sub(1, y)))) }),
  asinh: () => ({ forward: asinh, inverse: sinh }),
  sigmoid: () => ({ forward: sigmoid, inverse: (y) => log(div(y, sub(1, y))) }),
  softplus: () => ({ forward: softplus, inverse: inverseSoftplus }),
};

/**
 * A bijective activation by name.
 *
 * @throws OptionError for an activation that is not a bijection, such as relu, or a slope out of range
 */
export function bijection(
  name: string,
  { slope = 0.01 }: { readonly slope?: number | undefined } = {},
): Bijection {
  if (!Object.hasOwn(table, name)) {
    throw new OptionError(
      `This action needs a bijective activation: ${Object.keys(table).join(", ")}; got "${name}". For relu use positiveScaling.`,
    );
  }
  if (!(slope > 0 && slope < Infinity)) {
    throw new OptionError(`leakyRelu is a bijection for a finite slope > 0; got ${slope}.`);
  }
  return table[name](slope);
}

/** The element-wise derivative s'(z). */
export function slopeOf(s: ElementWise, z: Tensor): Tensor {
  return grad((v: Tensor) => sum(s.forward(v)))(z);
}
