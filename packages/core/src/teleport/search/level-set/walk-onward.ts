// How a pass of a walk goes on from its candidate: the next step's direction, its length, and whether the walk ends.
import { backward, dot, mapTree } from "../../../graph/autodiff.js";
import { cond } from "../../../graph/control/cond.js";
import { add, div, maximum, minimum, mul, sub } from "../../../graph/ops/arithmetic.js";
import {
  equal,
  greater,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  where,
} from "../../../graph/ops/compare.js";
import { abs, sqrt, square } from "../../../graph/ops/elementary.js";
import { constant, fillLike } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import { unflatten } from "../../../tree.js";
import { hasValue, stepNumbers } from "../guard-graph.js";
import {
  changing,
  type Facts,
  type LevelSetRule,
  mostBacktracks,
  type Outcome,
  outcomes,
  shrinking,
} from "./rule.js";
import {
  type Distance,
  type Evaluated,
  type Gain,
  type Known,
  type Verdict,
  wayBack,
} from "./walk-candidate.js";

/** The last accepted point, d and the gradient of the loss there, and what was measured on the way. */
export interface Base<P> {
  readonly base: TensorsOf<P>;
  readonly direction: TensorsOf<P>;
  readonly g: TensorsOf<P>;
  readonly facts: Facts<Tensor>;
  /** Measurements of the accepted points but the last of all steps, a row each. */
  readonly points: Tensor;
}

/** The length of the next try. */
export interface Tried {
  /** Whether the try begins a step, or one that the guard has halved. */
  readonly isNew: Tensor;
  readonly rho: Tensor;
  readonly scale: Tensor;
  readonly trial: Tensor;
  readonly backtracks: Tensor;
}

/** The candidate with the objective's gradient where another step follows; else the base as it was. */
export function baseAfter<P>(
  here: Evaluated<P>,
  { isStepping, taken, row }: Verdict,
  { base, direction, g, facts, points }: Base<P>,
): Base<P> {
  const stepped = (): Base<P> => {
    const { leaves, loss, objective, gg } = here;
    const seed = [fillLike(objective, 1)];
    const slope = unflatten(here.def, backward([objective], seed, leaves)) as TensorsOf<P>;
    const factor = div(0.5, abs(objective));
    const d = mapTree((x) => mul(factor, x), slope);
    const multiplier = div(dot(d, here.g), gg);
    const projected = mapTree((x, y) => sub(x, mul(multiplier, y)), d, here.g);
    const tangent = sqrt(dot(projected, projected));
    const dd = add(square(tangent), mul(square(multiplier), gg));
    const isRow = equal(stepNumbers(points.shape[0], 1, points.dtype as "float32"), taken);
    return {
      ...{ base: here.p, direction: d, g: here.g },
      facts: { loss, objective, gg, multiplier, dd, tangent },
      points: where(isRow, row, points),
    };
  };
  return cond(isStepping, stepped, () => ({ base, direction, g, facts, points }));
}

/**
 * Factor on rho to where the parabola through a try's gain is highest that rises from 0 by what the try promised to
 * first order.
 */
export function lengthening(
  gain: Tensor,
  promised: Tensor,
  [least, most]: readonly [number, number],
): Tensor {
  const lost = sub(promised, gain);
  const highest = div(mul(0.5, promised), lost);
  return where(greater(lost, 0), maximum(least, minimum(most, highest)), most);
}

/** How long the next try is. */
export function triedAfter(
  { gain, promised }: Gain,
  { facts: before, status }: Known,
  { isStart, verdict }: Pick<Distance, "isStart"> & { readonly verdict: Verdict },
  { project, lineSearch }: LevelSetRule,
): Tried {
  const { isTaken, isHalved, isStepping, isBacktracking } = verdict;
  const first = project ? mul(status.trial, square(before.tangent)) : promised;
  const lengthened = (range: readonly [number, number]) => mul(status.trial, lengthening(gain, first, range));
  const isChanged = logicalAnd(isTaken, logicalNot(isStart));
  const changed = div(lengthened(changing), status.scale);
  const rho = lineSearch ? where(isChanged, changed, status.rho) : status.rho;
  const scale = where(isHalved, mul(0.5, status.scale), status.scale);
  const isNew = logicalOr(isStepping, isHalved);
  const shorter = where(isBacktracking, lengthened(shrinking), status.trial);
  return {
    ...{ isNew, rho, scale },
    trial: where(isNew, mul(scale, rho), shorter),
    backtracks: where(isBacktracking, add(status.backtracks, 1), status.backtracks),
  };
}

/**
 * How the walk ends, by number, if it does.
 *
 * @param facts of the base of the next try
 */
export function outcomeOf(
  facts: Facts<Tensor>,
  found: Pick<Distance, "isStart" | "level"> & { readonly verdict: Verdict; readonly tried: Tried },
  { project, lineSearch, tolerance, closeness }: LevelSetRule,
): Tensor {
  const { isStart, level, verdict, tried } = found;
  const { isTaken, isDone, isRefused, isHalved, isBacktracking } = verdict;
  const begun = mul(tried.scale, tried.rho);
  const projected = mul(begun, facts.tangent);
  const isShort = less(projected, tolerance);
  // The projection stops at `closeness`: a smaller gain could not be distinguished from the drift.
  const isLost = lessEqual(div(square(projected), begun), closeness);
  const isNear = lessEqual(abs(sub(facts.loss, level)), tolerance);
  const isStationary = logicalAnd(project ? logicalOr(isShort, isLost) : isShort, isNear);
  const beginsWhere = (condition: Tensor) => logicalAnd(tried.isNew, condition);
  const isLeft = lineSearch ? lessEqual(tried.backtracks, mostBacktracks) : constant(0, "bool");
  const cases: readonly (readonly [Tensor, Outcome])[] = [
    [logicalAnd(isStart, logicalNot(isTaken)), "start"],
    [isDone, "steps taken"],
    [logicalAnd(isRefused, logicalNot(isHalved)), "refused"],
    [logicalAnd(isBacktracking, logicalNot(isLeft)), "exhausted"],
    [beginsWhere(equal(facts.gg, 0)), "no gradient"],
    [beginsWhere(equal(facts.objective, 0)), "no objective"],
    [beginsWhere(logicalNot(hasValue(facts.dd))), "not finite"],
    [beginsWhere(isStationary), "stationary"],
  ];
  return cases.reduceRight<Tensor>(
    (otherwise, [holds, name]) => where(holds, outcomes.indexOf(name), otherwise),
    fillLike(level, 0),
  );
}

/**
 * The point of the next try: a step along d, and back along -g by as much as the loss is expected to leave the level.
 *
 * @returns the point and the rise of the loss that was expected
 */
export function landingOf<P>(
  { base, direction, g, facts }: Base<P>,
  trial: Tensor,
  { level, bend }: Distance,
  rule: LevelSetRule,
): { readonly rise: Tensor; readonly landed: () => TensorsOf<P> } {
  const expected = mul(bend, square(trial));
  const room = mul(square(mul(trial, facts.tangent)), facts.gg);
  const rise = rule.project ? where(lessEqual(square(expected), room), expected, 0) : fillLike(level, 0);
  const aside = wayBack(trial, facts, { level, rise }, rule);
  const landed = () => mapTree((x, d, y) => sub(add(x, mul(trial, d)), mul(aside, y)), base, direction, g);
  return { rise, landed };
}
