// The steps of a walk on a level set, traced: each pass evaluates one point.
import { mapTree } from "../../../graph/autodiff.js";
import { cond } from "../../../graph/control/cond.js";
import { add, mul, sub } from "../../../graph/ops/arithmetic.js";
import { where } from "../../../graph/ops/compare.js";
import { constant, fillLike } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import type { SearchProblem } from "../search.js";
import type { WalkOptions } from "../walk.js";
import { type Facts, factNames, type LevelSetRule, sentences, stops, type Try, tryNames } from "./rule.js";
import { distanceOf, evaluated, gainOf, readinessOf } from "./walk-candidate.js";
import { baseAfter, landingOf, lengthOf, stopOf } from "./walk-onward.js";

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
