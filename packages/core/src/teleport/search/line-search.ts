// Exact line searches along the ascent direction of Zhao et al., NeurIPS 2022, algorithm 1.

import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { integerFrom, positive } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { isRefusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { compileDirection } from "./ascent/ascent-direction.js";
import { orbitPath } from "./ascent/orbit-path.js";
import { limited, type TrustRegion } from "./ascent/trust-region.js";
import { claimOf } from "./claim.js";
import { maximize } from "./golden-section.js";
import { compileObjective } from "./objective-value.js";
import { isStop, type SearchFactory, type Setting } from "./search.js";

export interface LineSearchOptions {
  /** Number of rounds, each along the direction of steepest ascent at its start; default 3. */
  readonly steps?: number | undefined;
  /** Norm of T at the first point of a round; default a fifth of the bound. */
  readonly stepSize?: number | undefined;
  /** Largest total of T; default the symmetry's bound. */
  readonly bound?: number | undefined;
  /** Number of points in a round at which the objective is measured; default 10. */
  readonly evaluations?: number | undefined;
}

export const lineSearchOptions = optionTable("lineSearch", {
  steps: integerFrom(0).default(3),
  stepSize: positive.otherwise("a fifth of the bound"),
  bound: positive.otherwise("the symmetry's bound"),
  evaluations: integerFrom(1).default(10),
} satisfies OptionRows<LineSearchOptions>);

/**
 * Maximizes the measured objective along the direction of steepest ascent in the algebra, D = dphi/dT normalized,
 *
 * t* = argmax phi(exp(t D).w)  within the trust region,
 *
 * by bracketing and golden section, and continues from there in a new direction. A round costs one gradient
 * in T, which for ||grad L||^2 includes a Hessian-vector product; the other points cost one action and one
 * evaluation each.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const search = lineSearch(positiveScaling(params), { steps: 2, bound: 0.3 });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function lineSearch<P>(symmetry: Symmetry<P>, options: LineSearchOptions = {}): SearchFactory<P> {
  requireSymmetry("lineSearch", symmetry);
  const {
    steps,
    bound = symmetry.bound.value,
    evaluations,
    stepSize = bound / 5,
  } = lineSearchOptions.read(options);
  const region: TrustRegion = { kind: symmetry.bound.kind, value: bound };
  return async (problem) => {
    const ascent = await compileDirection(symmetry, problem);
    const objective = await compileObjective(problem);

    const valueAt = async (params: P, T: readonly NdArray[], setting: Setting<P>): Promise<number> => {
      const moved = await symmetry.act(params, T, setting.batch);
      return isRefusal(moved) ? -Infinity : objective.at(moved, setting);
    };

    return {
      name: symmetry.name,
      exact: symmetry.exact,
      claim: claimOf(symmetry, region),
      steps,
      async walk(start, setting) {
        const path = orbitPath(symmetry, start, setting.batch);
        /** Direction and length of this round. */
        let found: { readonly direction: NdArray[]; readonly length: number } | undefined;
        let candidate: { readonly params: P; readonly T: readonly NdArray[] } | undefined;
        return {
          async propose(scale) {
            if (found === undefined) {
              const direction = await ascent.at(path.current, setting);
              if (isStop(direction)) return direction;
              const cut = (t: number) => limited(direction, path.total, t, region);
              if (cut(stepSize) === undefined) {
                return { stopped: `the bound ${bound} on the group element is reached` };
              }
              const best = await maximize(
                async (t) => {
                  const T = cut(t);
                  return T === undefined ? -Infinity : valueAt(path.current, T, setting);
                },
                {
                  origin: await objective.at(path.current, setting),
                  first: stepSize,
                  end: farthest(direction, region),
                  evaluations,
                },
              );
              if (best === undefined) {
                return {
                  stopped: `no point of ${evaluations} along the direction of ascent raises the objective`,
                };
              }
              found = { direction, length: best.t };
            }
            const T = limited(found.direction, path.total, scale * found.length, region);
            if (T === undefined) return { stopped: `the bound ${bound} on the group element is reached` };
            const params = await symmetry.act(path.current, T, setting.batch);
            if (isRefusal(params)) return params;
            candidate = { params, T };
            return params;
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            path.take(candidate.params, candidate.T);
            found = candidate = undefined;
          },
          pushForward: path.pushForward,
        };
      },
      async dispose() {
        await ascent.dispose();
        await objective.dispose();
      },
    };
  };
}

/** The length beyond which a direction of norm 1 leaves the trust region from any point in it. */
function farthest(direction: readonly NdArray<Float64Array>[], { kind, value }: TrustRegion): number {
  if (kind === "norm") return value;
  let largest = 0;
  for (const { data } of direction) for (const v of data) largest = Math.max(largest, Math.abs(v));
  return (2 * value) / largest;
}
