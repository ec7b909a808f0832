// P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-aware minimization", ICLR 2021, algorithm 1 and eq. 2.
import { OptionError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { add, cast, div, maximum, mul } from "../graph/ops/arithmetic.js";
import { inCode, nonNegative, type OptionsOf, optionTable } from "../options.js";
import { globalNorm } from "./clip.js";
import { isOptimizer, type Optimizer } from "./optimizer.js";
import { sgd } from "./sgd.js";

export interface SamOptions extends OptionsOf<typeof samOptions> {}

export const samOptions = optionTable("sam", {
  /** Length of the step to the point whose gradient is used; default 0.05. */
  rho: nonNegative.default(0.05),
  /** What steps with that gradient; default `sgd` with momentum 0.9. */
  optimizer: inCode<Optimizer>("an optimizer such as adam()", isOptimizer).otherwise("sgd with momentum 0.9"),
});

/**
 * Sharpness-aware minimization: an optimizer's steps with the gradient of a point nearby at which the loss is higher.
 *
 * e = rho g / ||g||
 * w <- step of the optimizer from w along the gradient at w + e
 *
 * g: the gradient at w, of all parameters together; ||g|| below 1e-18 counts as that. A step computes two gradients, on the
 * same batch and with the same dropout; running statistics are those of w. State: that of the optimizer.
 *
 * It needs to evaluate gradients elsewhere: `createTrainer` and `minimize` can, a trainer of several tasks cannot.
 *
 * @throws OptionError for unknown options or values out of range, and from `update` without `gradientAt`
 *
 * @example
 * const optimizer = sam({ optimizer: sgd(), rho: 0.5 });
 * let params = array([3, -4], "float64");
 * const gradientOf = grad((w) => sum(square(w)));
 * const step = await jit((p, rate) => optimizer.update(gradientOf(p), {}, p, rate, gradientOf), [params, spec([], "float64")]);
 * for (let t = 0; t < 3; t++) {
 *   ({ params } = await step(params, array(0.1, "float64")));
 *   console.log([...params.data].map((w) => w.toFixed(3)).join(" "));
 * }
 * // 2.340 -3.120 1.812 -2.416 1.390 -1.853
 */
export function sam(options: SamOptions = {}): Optimizer {
  const { rho, optimizer = sgd({ momentum: 0.9 }) } = samOptions.read(options);
  return {
    ...optimizer,
    name: "sam",
    update(gradients, state, params, learningRate, gradientAt) {
      if (gradientAt === undefined) {
        throw new OptionError(
          "sam needs the gradient at another point, which is not available here: use it with createTrainer or minimize, " +
            "or give update its fifth argument, the gradient as a function of the parameters.",
        );
      }
      // Below it squares are 0 in float32: to divide by the norm that is left would end far away.
      const scale = div(rho, maximum(globalNorm(gradients), 1e-18));
      const above = mapTree((w, g) => add(w, mul(cast(scale, g.dtype), g)), params, gradients);
      return optimizer.update(gradientAt(above), state, params, learningRate, gradientAt);
    },
  };
}
