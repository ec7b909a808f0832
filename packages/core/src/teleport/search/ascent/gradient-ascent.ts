// Gradient ascent in a group's algebra: Zhao et al., NeurIPS 2022, algorithm 1.

import type { NdArray } from "../../../array.js";
import { OptionError } from "../../../errors.js";
import { flag, integerFrom, positive, smoothing } from "../../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../../options.js";
import { Resources } from "../../../runtime/resources.js";
import { isRefusal, type Refusal, requireSymmetry, type Symmetry } from "../../../symmetry/symmetry.js";
import { claimOf } from "../claim.js";
import { randomElement } from "../random-element.js";
import { isStop, type Search, type SearchFactory, type Setting, type Walk } from "../search.js";
import { compileDirection } from "./ascent-direction.js";
import { compileAscent } from "./compiled-walk.js";
import { orbitPath } from "./orbit-path.js";
import { severalStarts } from "./several-starts.js";
import { accumulate, limited, scaledBlock, type TrustRegion } from "./trust-region.js";

export interface GradientAscentOptions extends OptionsOf<typeof gradientAscentOptions> {}

export const gradientAscentOptions = optionTable("gradientAscent", {
  /** Ascent steps; default 10. */
  steps: integerFrom(0).default(10),
  /** Norm of T in one ascent step; default a fifth of the bound. */
  stepSize: positive.otherwise("a fifth of the bound"),
  /** Largest total of T; default the symmetry's bound. */
  bound: positive.otherwise("the symmetry's bound"),
  /** Weight of the past directions in a running sum, as the momentum of SGD; default 0. */
  momentum: smoothing.default(0),
  /** Whether each direction is divided by its norm, so that a step has the length `stepSize`; default true. */
  normalized: flag.default(true),
  /** Number of walks, all but the first from a random element within the bound; default 1. */
  starts: integerFrom(1).default(1),
  /** Seed of the random starts; default 0. */
  seed: integerFrom(0).default(0),
});

/**
 * Gradient ascent on the orbit: each step applies an exact action to the point that the last one reached.
 *
 * The gradient in T at the identity is the pull-back of the objective's gradient through the action's derivative,
 * d/dT f(T.w) = (dw/dT)' grad f(w): for ||grad L||^2 one Hessian-vector product and one product with dw/dT.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const search = gradientAscent(positiveScaling(params), { steps: 5, bound: 0.3 });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function gradientAscent<P>(
  symmetry: Symmetry<P>,
  options: GradientAscentOptions = {},
): SearchFactory<P> {
  requireSymmetry("gradientAscent", symmetry);
  const {
    steps,
    bound = symmetry.bound.value,
    momentum,
    normalized,
    stepSize = bound / 5,
    starts,
    seed,
  } = gradientAscentOptions.read(options);
  const region: TrustRegion = { kind: symmetry.bound.kind, value: bound };
  return async (problem) => {
    const resources = new Resources();
    const { ascent, loop } = await resources.releasedOnError(async () => {
      const direction = resources.keep(await compileDirection(symmetry, problem, { normalized }));
      const { trace } = symmetry;
      const way = { steps, stepSize, momentum, normalized, region };
      const whole = steps > 0 ? await compileAscent(symmetry, trace, problem, way) : undefined;
      return { ascent: direction, loop: whole && resources.keep(whole) };
    });
    const images = Array.from({ length: starts - 1 }, (_, k) => randomElement(symmetry, region, seed, k + 1));
    const { trace: act } = symmetry;
    const single = loop?.tracedWalk;
    const tracedWalk =
      single && starts > 1 ? severalStarts(symmetry, act, problem, single, { images, steps }) : single;

    const walk = async (start: P, setting: Setting<P>, index: number): Promise<Walk<P>> => {
      const path = orbitPath(symmetry, start, setting.batch);
      let direction: NdArray<Float64Array>[] | undefined;
      let velocity: NdArray<Float64Array>[] | undefined;
      let candidate: { readonly params: P; readonly T: readonly NdArray[] } | undefined;
      let origin: P | Refusal | undefined;
      if (index > 0) {
        const T = images[index - 1];
        origin = await symmetry.act(start, T, setting.batch);
        if (!isRefusal(origin)) path.take(origin, T);
      }
      return {
        origin,
        async propose(scale) {
          if (direction === undefined) {
            const next = await ascent.at(path.current, setting);
            if (isStop(next)) return next;
            if (velocity && momentum > 0) {
              const kept = velocity.map((block) => scaledBlock(block, momentum));
              accumulate(
                next.map(({ data }) => data),
                kept,
              );
            }
            direction = next;
            velocity = next;
          }
          const T = limited(direction, path.total, scale * stepSize, region);
          if (T === undefined) return { stopped: boundReached(bound) };
          const params = await symmetry.act(path.current, T, setting.batch);
          if (isRefusal(params)) return params;
          candidate = { params, T };
          return params;
        },
        accept() {
          if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
          path.take(candidate.params, candidate.T);
          direction = undefined;
        },
        pushForward: path.pushForward,
      };
    };

    const search: Search<P> = {
      name: symmetry.name,
      exact: symmetry.exact,
      claim: claimOf(symmetry, region),
      steps,
      starts,
      walk,
      compiledWalk: starts === 1 ? loop?.walk : undefined,
      tracedWalk,
      races: starts === 1,
      dispose: () => resources.release(),
    };
    return search;
  };
}

export const boundReached = (bound: number) => `the bound ${bound} on the group element is reached`;
