// Level-set teleportation by normalized steps: Mishkin, Bietti, Gower, arXiv 2403.03362.
import { mapTree } from "../../../graph/autodiff.js";
import { cond } from "../../../graph/control/cond.js";
import { add, mul, sub } from "../../../graph/ops/arithmetic.js";
import { where } from "../../../graph/ops/compare.js";
import { constant, fillLike } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import { flag, integerFrom, type OptionsOf, optionTable, positive } from "../../../options.js";
import type { SearchFactory, SearchProblem } from "../search.js";
import type { WalkOptions } from "../walk.js";
import { compileWalkProgram } from "../walk-program.js";
import {
  baseAfter,
  distanceOf,
  evaluated,
  type Facts,
  factNames,
  gainOf,
  type LevelSetRule,
  landingOf,
  lengthOf,
  readinessOf,
  sentences,
  stopOf,
  stops,
  type Try,
  tryNames,
} from "./rule.js";

export interface LevelSetOptions extends OptionsOf<typeof levelSetOptions> {}

export const levelSetOptions = optionTable("levelSet", {
  /** Maximum number of steps; default 50. */
  steps: integerFrom(0).default(50),
  /** Length of the first step in units of the scaled ascent direction; default 0.1. */
  rho: positive.default(0.1),
  /** Shrinks rho until the merit function rises enough, and begins the next step where that rise promises most; default true. */
  lineSearch: flag.default(true),
  /**
   * The walk ends when the projected step is shorter than this and the loss is as close to the start's; default 1e-6. With
   * `project` also when the square of the projected step, over the try's length, is at most 1e-10 (1e-5 in float32): such a
   * gain could not be told from the drift.
   */
  tolerance: positive.default(1e-6),
  /** Without `project`: accepts points below the level set as well, without returning to it; default true. */
  sublevel: flag.default(true),
  /** Returns to the level set after each step by Newton steps along the gradient; default true. */
  project: flag.default(true),
});

/**
 * Ascent of an objective phi on the level set of the loss f, without a symmetry: sequential quadratic programming with
 * one gradient of phi a step, which for phi = ||g||^2 is one Hessian-vector product,
 *
 * d = grad phi / (2 |phi|)  (H g / ||g||^2 for phi = ||g||^2)
 * x <- x + rho d - v g,  v = (rho g.d + f - f0) / ||g||^2
 *
 * By itself a step keeps the loss to first order only. With `project`, f - f0 in v includes the c rho^2 by which the
 * loss is expected to leave the level, c measured in the last step, and Newton steps
 * x <- x - (f - f0) (1 + k (f - f0) / 2) g / ||g||^2, k = g'H g / ||g||^4 where phi is ||g||^2 (to 1e-3), else 0, and the
 * correction k (f - f0) / 2 at most one half in size, restore the loss to a relative 1e-10 (1e-5 in float32) after the last
 * step, and before it, as the next step leads back, too, to a quarter of the guard's drift, at most 2.5e-7 (2.5e-5), where
 * that makes up at most a hundredth of the step's gain; a walk that ends early ends there. Without it, each step drifts by
 * O(rho^2), and with `sublevel` v g is left out where v <= 0: the loss may fall. The line search requires the merit
 * 1/2 log phi - gamma |f - f0| to rise, with gamma twice the size of the multiplier g.d / ||g||^2; where `sublevel` allows
 * points below the level set, they are not penalized. With `project`, what has to rise is
 * 1/2 log phi - (g.d / ||g||^2) (f - f0), phi on the level set to first order, before each Newton step, too: a
 * try that cannot succeed ends there. The next try, or the next step, is as long as the parabola through the merit's
 * rise is highest that a try's promise and its gain define: 0.3 to 0.7 times as long after a failed try, 0.7 to 1.43
 * times after a step.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const teleporter = await createTeleporter({ search: levelSet({ steps: 20 }), loss, params, batch });
 */
export function levelSet<P>(options: LevelSetOptions = {}): SearchFactory<P> {
  const {
    steps,
    rho,
    lineSearch,
    tolerance,
    project,
    sublevel: isBelowTaken,
  } = levelSetOptions.read(options);
  const sublevel = !project && isBelowTaken;
  return async (problem) => {
    const closeness = problem.dtype === "float64" ? 1e-10 : 1e-5;
    const between = problem.dtype === "float64" ? 2.5e-7 : 2.5e-5;
    const rule = { steps, rho, lineSearch, tolerance, project, sublevel, closeness, between };
    const { run, tracedWalk, dispose } = await compileWalkProgram(problem, levelSetSteps(problem, rule));
    return { name: "level set", exact: "no", steps, races: true, run, tracedWalk, dispose };
  };
}

// The steps of a walk on a level set, traced: each pass evaluates one point.
interface Place<P> {
  readonly params: TensorsOf<P>;
}

/** The next candidate, what is known of the last accepted point, and the try that leads to the candidate. */
interface State<P> {
  readonly candidate: TensorsOf<P>;
  readonly direction: TensorsOf<P>;
  readonly g: TensorsOf<P>;
  readonly facts: Facts<Tensor>;
  readonly tried: Try<Tensor>;
}

/**
 * The steps of `levelSet`. A pass evaluates the loss, its gradient and the objective at the candidate; the objective's
 * gradient follows, from the same evaluation, only where the candidate is accepted and another step is wanted. Then the
 * candidate moves: closer to the level set, back to a shorter step, or on to the next one.
 */
export function levelSetSteps<P>(
  problem: Pick<SearchProblem<P>, "loss" | "objective" | "dtype">,
  rule: LevelSetRule,
): WalkOptions<P, Place<P>, State<P>, object> {
  const scalars = <K extends string>(names: readonly K[], values: Partial<Record<K, number>>) =>
    Object.fromEntries(names.map((name) => [name, constant(values[name] ?? 0, problem.dtype)])) as Record<
      K,
      Tensor
    >;
  return {
    steps: rule.steps,
    push: undefined,
    given: {},
    reasons: stops.map((stop) => sentences[stop]),
    begin: (params) => ({ params }),
    first(start) {
      const zeros = mapTree((x) => fillLike(x, 0), start);
      return {
        candidate: start,
        direction: zeros,
        g: zeros,
        facts: scalars(factNames, {}),
        tried: scalars(tryNames, { rho: rule.rho }),
      };
    },
    candidate: (_base, { candidate }) => ({ params: candidate }),
    visit({ params }, { state, status }, inputs) {
      const known = { ...state, status };
      const here = evaluated(problem, params, inputs);
      const distance = distanceOf(here, known);
      const gain = gainOf(here, distance, known, rule);
      const readiness = readinessOf(distance, gain, known, { rule, bounds: inputs.bounds });
      const { isReady, isProjecting, isBacktracking } = readiness;
      return {
        measured: { loss: here.loss, objective: here.objective, gradNormSq: here.gg },
        isReady,
        next(verdict) {
          const { level, bend, back } = distance;
          const { direction, g, facts } = state;
          const next = baseAfter(here, verdict.isStepping, { direction, g, facts });
          const length = lengthOf(gain, known, verdict, isBacktracking, rule);
          const { stop, projected } = stopOf(next.facts, length, { level, isBacktracking }, rule);
          const { rise, landed } = landingOf(verdict.base.params, next, length.trial, distance, rule);
          const { isNew, rho, trial, backtracks } = length;
          const { projections, rise: before } = state.tried;
          const closer = () => mapTree((x, y) => sub(x, mul(back, y)), here.p, here.g);
          return {
            state: {
              candidate: rule.project ? cond(isProjecting, closer, landed) : landed(),
              ...next,
              tried: {
                rho,
                trial,
                bend,
                rise: where(isProjecting, before, rise),
                backtracks: where(isNew, 0, backtracks),
                projections: where(isProjecting, add(projections, 1), fillLike(projections, 0)),
              },
            },
            stop,
            detail: where(isNew, projected, status.detail),
          };
        },
      };
    },
  };
}
