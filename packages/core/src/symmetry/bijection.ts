import { OptionError } from "../errors.js";
import { grad } from "../graph/autodiff.js";
import { elu, leakyRelu, sigmoid, softplus } from "../graph/ops/activation.js";
import { add, div, minimum, mul, sub } from "../graph/ops/arithmetic.js";
import { greater, where } from "../graph/ops/compare.js";
import { exp, log, tanh } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import type { Tensor } from "../graph/tensor.js";

/** An element-wise activation with its inverse. Outside the activation's range the inverse is NaN. */
export interface Bijection {
  readonly forward: (z: Tensor) => Tensor;
  readonly inverse: (y: Tensor) => Tensor;
}

const inverseElu = (y: Tensor): Tensor => where(greater(y, 0), y, log(add(1, minimum(y, 0))));

const table: Readonly<Record<string, (slope: number) => Bijection>> = {
  identity: () => ({ forward: (z) => z, inverse: (y) => y }),
  leakyRelu: (slope) => ({ forward: (z) => leakyRelu(z, slope), inverse: (y) => leakyRelu(y, 1 / slope) }),
  elu: () => ({ forward: (z) => elu(z), inverse: inverseElu }),
  tanh: () => ({ forward: tanh, inverse: (y) => mul(0.5, log(div(add(1, y), sub(1, y)))) }),
  sigmoid: () => ({ forward: sigmoid, inverse: (y) => log(div(y, sub(1, y))) }),
  softplus: () => ({ forward: softplus, inverse: (y) => log(sub(exp(y), 1)) }),
};

/**
 * A bijective activation by name.
 *
 * @throws OptionError for an activation that is not a bijection, such as relu
 */
export function bijection(name: string, { slope = 0.01 }: { readonly slope?: number } = {}): Bijection {
  if (!Object.hasOwn(table, name) || !(slope > 0)) {
    throw new OptionError(
      `This action needs a bijective activation: ${Object.keys(table).join(", ")} (leakyRelu with slope > 0); ` +
        `got "${name}"${name === "leakyRelu" ? ` with slope ${slope}` : ""}. For relu use positive scaling.`,
    );
  }
  return table[name](slope);
}

/** The element-wise derivative s'(z). */
export function slopeOf(s: Bijection, z: Tensor): Tensor {
  return grad((v: Tensor) => sum(s.forward(v)))(z);
}
