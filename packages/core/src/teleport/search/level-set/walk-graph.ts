// A whole walk on a level set, guard included, as one graph: a loop in which each pass evaluates one point.
import type { BatchTensors } from "../../../batch.js";
import { mapTree } from "../../../graph/autodiff.js";
import { cond } from "../../../graph/control/cond.js";
import { whileLoop } from "../../../graph/control/while.js";
import { add, mul, sub } from "../../../graph/ops/arithmetic.js";
import { equal, logicalOr, where } from "../../../graph/ops/compare.js";
import { constant, fill, fillLike } from "../../../graph/ops/leaf.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { concat } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import type { Memory } from "../../objective/objective.js";
import type { RaceArrays } from "../../race.js";
import { boundNames, chosen, packed, unpacked } from "../guard-graph.js";
import { widthOf } from "../guarded-loop.js";
import type { SearchProblem } from "../search.js";
import { factNames, type LevelSetRule, outcomes, type Status, statusNames } from "./rule.js";
import { distanceOf, evaluated, gainOf, verdictOn } from "./walk-candidate.js";
import { type Base, baseAfter, landingOf, outcomeOf, triedAfter } from "./walk-onward.js";

/** What is passed from pass to pass. */
interface Carried<P> extends Base<P> {
  readonly candidate: TensorsOf<P>;
  readonly status: Status<Tensor>;
  /** Measurements of the last accepted point, or of the last one that was refused. */
  readonly latest: Tensor;
}

interface WalkInputs {
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** Where the race begins, if there is one. */
  readonly race: TensorsOf<RaceArrays | object>;
  /** See {@link boundNames}. */
  readonly bounds: Tensor;
}

/** Passes of a walk at most: a bound that no walk comes near. */
const mostPasses = 2 ** 31 - 1;

/**
 * The steps of `levelSet` and of the guard. A pass evaluates the loss, its gradient and the objective at the candidate;
 * the objective's gradient follows, from the same evaluation, only where the candidate is accepted and another step
 * is wanted. Then the candidate moves: closer to the level set, back to a shorter step, or on to the next one.
 *
 * @param asks whether the walk pauses at each candidate that may be taken, until the host answers
 */
export function levelSetWalk<P>(
  problem: Pick<SearchProblem<P>, "loss" | "objective" | "race" | "dtype">,
  rule: LevelSetRule,
  asks = false,
) {
  const { race, dtype } = problem;
  const number = (x: number) => constant(x, dtype);
  const scalars = <K extends string>(names: readonly K[], values: Partial<Record<K, number>>) =>
    Object.fromEntries(names.map((name) => [name, number(values[name] ?? 0)])) as Record<K, Tensor>;
  const width = widthOf(race);

  const begin = (start: TensorsOf<P>): Carried<P> => {
    const zeros = mapTree((x) => fillLike(x, 0), start);
    return {
      ...{ base: start, direction: zeros, g: zeros, candidate: start },
      facts: scalars(factNames, {}),
      status: scalars(statusNames, { rho: rule.rho, scale: 1, taken: -1 }),
      points: fill([Math.max(rule.steps, 1), width], 0, dtype),
      latest: fill([width], 0, dtype),
    };
  };

  const goOn = (at: Carried<P>, inputs: WalkInputs): Carried<P> => {
    const { batch } = inputs;
    const bounds = unpacked(inputs.bounds, boundNames);

    const pass = (from: Carried<P>): Carried<P> => {
      const { status } = from;
      const here = evaluated(problem, from.candidate, inputs);
      const distance = distanceOf(here, from);
      const gain = gainOf(here, distance, from, rule);
      const raceFrom =
        race && (() => reshape(race.lossAfter(here.p, batch, inputs.race as TensorsOf<RaceArrays>), []));
      const verdict = verdictOn(here, { distance, gain }, from, { rule, bounds, raceFrom, asks });
      const next = baseAfter(here, verdict, from);
      const tried = triedAfter(gain, from, { ...distance, verdict }, rule);
      const { rise, landed } = landingOf(next, tried.trial, distance, rule);

      const { isTaken, isRefused, isHalved, isProjecting, isDone, isAsking, racedLoss } = verdict;
      const { level, bend, back } = distance;
      const { isNew, rho, scale, trial } = tried;
      const closer = () => mapTree((x, y) => sub(x, mul(where(isDone, 0, back), y)), here.p, here.g);
      const passed = {
        ...next,
        candidate: cond(logicalOr(isDone, isProjecting), rule.project ? closer : () => here.p, landed),
        status: {
          ...{ level, rho, trial, scale, bend, taken: verdict.taken, answer: number(0) },
          outcome: outcomeOf(next.facts, { ...distance, verdict, tried }, rule),
          backtracks: where(isNew, 0, tried.backtracks),
          projections: where(isProjecting, add(status.projections, 1), number(0)),
          rise: where(isProjecting, status.rise, rise),
          halvings: where(isHalved, add(status.halvings, 1), status.halvings),
          finding: cond(isRefused, verdict.finding, () => where(isTaken, 0, status.finding)),
          racedLoss: racedLoss ? where(isTaken, racedLoss, status.racedLoss) : status.racedLoss,
          projected: where(isNew, mul(mul(scale, rho), next.facts.tangent), status.projected),
        },
        latest: where(verdict.isJudged, verdict.row, from.latest),
      };
      if (isAsking === undefined) return passed;
      const asking = { ...status, outcome: number(outcomes.indexOf("asking")) };
      return chosen(
        isAsking,
        { ...from, status: asking, latest: verdict.row } as never,
        passed as never,
      ) as Carried<P>;
    };

    return whileLoop<Carried<P>>(({ status }) => equal(status.outcome, 0), pass, at, { most: mostPasses });
  };

  return {
    begin,
    goOn,
    /** Where a walk leads, the number of its steps, and a vector of the status, the latest row and those of the points. */
    endOf({ status, latest, points, candidate, base }: Carried<P>) {
      const isDone = equal(status.outcome, outcomes.indexOf("steps taken"));
      const vector = packed(statusNames.map((name) => status[name]));
      const numbers = concat([vector, latest, reshape(points, [points.size])]);
      return { params: chosen(isDone, candidate, base), taken: status.taken, numbers };
    },
  };
}
