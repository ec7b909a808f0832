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
import { hasValue } from "../guard-graph.js";
import type { Verdict } from "../guarded-loop.js";
import {
  changing,
  type Distance,
  type Evaluated,
  type Facts,
  type Gain,
  type Known,
  type LevelSetRule,
  mostBacktracks,
  type Stop,
  shrinking,
  stops,
  wayBack,
} from "./candidate.js";

/** What is known of the last accepted point: d and the gradient of the loss there. */
export interface Base<P> {
  readonly direction: TensorsOf<P>;
  readonly g: TensorsOf<P>;
  readonly facts: Facts<Tensor>;
}

/** The length of the next try. */
export interface Length {
  /** Whether the try begins a step, or one that the guard has halved. */
  readonly isNew: Tensor;
  readonly rho: Tensor;
  readonly trial: Tensor;
  readonly backtracks: Tensor;
}

/** What is known of the candidate, with the objective's gradient, where another step follows; else of the base. */
export function baseAfter<P>(
  { leaves, def, loss, objective, g, gg }: Evaluated<P>,
  isStepping: Tensor,
  still: Base<P>,
): Base<P> {
  const stepped = (): Base<P> => {
    const slope = unflatten(def, backward([objective], [fillLike(objective, 1)], leaves)) as TensorsOf<P>;
    const factor = div(0.5, abs(objective));
    const d = mapTree((x) => mul(factor, x), slope);
    const multiplier = div(dot(d, g), gg);
    const projected = mapTree((x, y) => sub(x, mul(multiplier, y)), d, g);
    const tangent = sqrt(dot(projected, projected));
    const dd = add(square(tangent), mul(square(multiplier), gg));
    return { direction: d, g, facts: { loss, objective, gg, multiplier, dd, tangent } };
  };
  return cond(isStepping, stepped, () => still);
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
export function lengthOf(
  { gain, promised }: Gain,
  { facts: before, tried, status }: Known,
  { isStart, isTaken, isStepping, isHalved, scale }: Verdict<unknown>,
  isBacktracking: Tensor,
  { project, lineSearch }: LevelSetRule,
): Length {
  const first = project ? mul(tried.trial, square(before.tangent)) : promised;
  const lengthened = (range: readonly [number, number]) => mul(tried.trial, lengthening(gain, first, range));
  const isChanged = logicalAnd(isTaken, logicalNot(isStart));
  const changed = div(lengthened(changing), status.scale);
  const rho = lineSearch ? where(isChanged, changed, tried.rho) : tried.rho;
  const isNew = logicalOr(isStepping, isHalved);
  const shorter = where(isBacktracking, lengthened(shrinking), tried.trial);
  return {
    isNew,
    rho,
    trial: where(isNew, mul(scale, rho), shorter),
    backtracks: where(isBacktracking, add(tried.backtracks, 1), tried.backtracks),
  };
}

/**
 * Why the walk ends, by number, and the length of its next step on the level set.
 *
 * @param facts of the base of the next try
 */
export function stopOf(
  facts: Facts<Tensor>,
  { isNew, trial, backtracks }: Length,
  { level, isBacktracking }: { readonly level: Tensor; readonly isBacktracking: Tensor },
  { project, lineSearch, tolerance, closeness }: LevelSetRule,
) {
  const projected = mul(trial, facts.tangent);
  const isShort = less(projected, tolerance);
  // The projection stops at `closeness`: a smaller gain could not be distinguished from the drift.
  const isLost = lessEqual(div(square(projected), trial), closeness);
  const isNear = lessEqual(abs(sub(facts.loss, level)), tolerance);
  const isStationary = logicalAnd(project ? logicalOr(isShort, isLost) : isShort, isNear);
  const isLeft = lineSearch ? lessEqual(backtracks, mostBacktracks) : constant(0, "bool");
  const cases: readonly (readonly [Tensor, Stop])[] = [
    [logicalAnd(isBacktracking, logicalNot(isLeft)), lineSearch ? "exhausted" : "lost"],
    [logicalAnd(isNew, equal(facts.gg, 0)), "no gradient"],
    [logicalAnd(isNew, equal(facts.objective, 0)), "no objective"],
    [logicalAnd(isNew, logicalNot(hasValue(facts.dd))), "not finite"],
    [logicalAnd(isNew, isStationary), "stationary"],
  ];
  const stop = cases.reduceRight<Tensor>(
    (otherwise, [holds, name]) => where(holds, stops.indexOf(name) + 1, otherwise),
    fillLike(level, 0),
  );
  return { stop, projected };
}

/**
 * The point of the next try: a step along d, and back along -g by as much as the loss is expected to leave the level.
 *
 * @returns the point and the rise of the loss that was expected
 */
export function landingOf<P>(
  base: TensorsOf<P>,
  { direction, g, facts }: Base<P>,
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
