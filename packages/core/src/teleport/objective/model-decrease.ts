import { dot, grad, hvp } from "../../graph/autodiff.js";
import { div, maximum, mul } from "../../graph/ops/arithmetic.js";
import { sqrt } from "../../graph/ops/elementary.js";
import type { Objective } from "./objective.js";

/** Lower bound on the cosine of g and Hg: quadratics with a condition number up to 4e6 exceed it everywhere. */
const LEAST_COSINE = 1e-3;
/** Lower bound on the curvature along g: without curvature J would be infinite. */
const LEAST_CURVATURE = 1e-12;
/** Keeps quotients and roots differentiable at a critical point; a normal number in float32. */
const TINY = 1e-30;

/**
 * The decrease that the quadratic model of the loss allows along the gradient with the best step length:
 *
 * J = ||g||^4 / (2 g'Hg) = ||g||^2 / (2 r),  r = g'Hg / ||g||^2
 *
 * A gradient that grows in proportion to its curvature amounts to a larger learning rate and leaves J
 * unchanged. That makes J the objective for a line search, or for a learning rate that is tuned afterwards.
 *
 * Where the curvature r along g is not positive, the model has no minimum. So r is bounded below by
 * 1e-3 ||Hg|| / ||g||, which is r itself unless cos(g, Hg) < 1e-3, and by 1e-12: J is then
 * 500 ||g||^3 / ||Hg||, finite, continuous and differentiable (except at the transition), and 0 where g is 0.
 *
 * @example
 * const { report } = await teleport({ symmetry, loss, params, batch, objective: modelDecrease });
 */
export const modelDecrease: Objective = (loss) => (params, batch) => {
  const g = grad(loss)(params, batch);
  const hg = hvp(loss)(params, g, batch);
  const normSq = dot(g, g);
  const safeNormSq = maximum(normSq, TINY);
  const along = div(dot(g, hg), safeNormSq);
  const longest = sqrt(div(maximum(dot(hg, hg), TINY), safeNormSq));
  const r = maximum(maximum(along, mul(LEAST_COSINE, longest)), LEAST_CURVATURE);
  return div(normSq, mul(2, r));
};
