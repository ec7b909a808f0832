// The rule of a walk on a level set: what a pass finds at its candidate (its distance from the level set, its gain, and
// whether it is taken), and how it goes on (the next step's direction, its length, and whether the walk ends).
import type { BatchTensors } from "../../../batch.js";
import { backward, dot, mapTree, valueAndGrad } from "../../../graph/autodiff.js";
import { cond } from "../../../graph/control/cond.js";
import { add, div, maximum, minimum, mul, sub } from "../../../graph/ops/arithmetic.js";
import {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  where,
} from "../../../graph/ops/compare.js";
import { abs, log, sqrt, square } from "../../../graph/ops/elementary.js";
import { constant, fillLike } from "../../../graph/ops/leaf.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { alias } from "../../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import { flatten, type TreeDef, unflatten } from "../../../tree.js";
import type { Memory } from "../../objective/objective.js";
import { all, type Bounds, hasValue } from "../guard-graph.js";
import type { Reason, Status, Verdict } from "../guarded-loop.js";
import type { SearchProblem } from "../search.js";

/** How steps on a level set are taken. */
export interface LevelSetRule {
  readonly steps: number;
  readonly rho: number;
  readonly lineSearch: boolean;
  readonly tolerance: number;
  readonly project: boolean;
  /** Whether points below the level set are taken as well. */
  readonly sublevel: boolean;
  /** Relative distance from the level at which a point counts as on it. */
  readonly closeness: number;
  /** The same before the last step, where the next one leads back as well. */
  readonly between: number;
}

/** Required fraction of the gain that a step promises. */
const sufficient = 0.1;
/** Least and largest factor on rho after a failed try, and from one step to the next. */
export const shrinking = [0.3, 0.7] as const;
export const changing = [0.7, 1 / 0.7] as const;
/** How far, relative to it, the loss's curvature may change the length of a Newton step. */
const mostCorrection = 0.5;
/** Relative difference of the objective and ||g||^2 up to which the one is taken to be the other. */
const sameObjective = 1e-3;
/** Most of the guard's drift that points before the last may have. */
const driftShare = 0.25;
/** Most of a step's gain that the distance of its point from the level may make up. */
const gainShare = 0.01;
const mostBacktracks = 40;
const mostProjections = 12;

/** Why a walk ends, by number from 1. */
export const stops = [
  "stationary",
  "lost",
  "exhausted",
  "no gradient",
  "no objective",
  "not finite",
] as const;
type Stop = (typeof stops)[number];

export const sentences: Readonly<Record<Stop, Reason>> = {
  stationary: (projected) =>
    `a stationary point of the level set: the projected step is ${projected.toExponential(1)}`,
  lost: "the step does not lead back to the level set",
  exhausted: "no step along the level set raises the objective",
  "no gradient": "the gradient of the loss is zero: there is no level set to follow",
  "no objective": "the objective is zero, and steps are relative to it",
  "not finite":
    "the gradient of the objective, relative to the objective, is not finite or too large to be squared",
};

/** Numbers of a try. */
export const tryNames = [
  /** Length of the first try of a step, and of the try under way. */
  "rho",
  "trial",
  /** How fast the loss moved off the level in the last try, divided by the square of its length. */
  "bend",
  /** How far the loss was expected to move off the level in the try under way. */
  "rise",
  "backtracks",
  "projections",
] as const;

export type Try<T> = Record<(typeof tryNames)[number], T>;

/** What a step from the last accepted point depends on: d = `direction`, its product with g / ||g||^2, norms. */
export const factNames = ["loss", "objective", "gg", "multiplier", "dd", "tangent"] as const;

export type Facts<T> = Record<(typeof factNames)[number], T>;

/** What a pass knows before it evaluates its candidate: the last accepted point's facts, the try, and the status. */
interface Known {
  readonly facts: Facts<Tensor>;
  readonly tried: Try<Tensor>;
  readonly status: Status<Tensor>;
}

/** The loss L, its gradient g and the objective at a point. */
interface Evaluated<P> {
  readonly p: TensorsOf<P>;
  /** The leaves of `p`, from which the objective's gradient can be taken later. */
  readonly leaves: readonly Tensor[];
  readonly def: TreeDef;
  readonly loss: Tensor;
  readonly g: TensorsOf<P>;
  /** ||g||^2. */
  readonly gg: Tensor;
  readonly objective: Tensor;
}

/** Where a candidate is, as seen from the level set. */
export interface Distance {
  readonly isStart: Tensor;
  /** The loss to keep. */
  readonly level: Tensor;
  /** How far the loss is off it. */
  readonly off: Tensor;
  /** Whether loss and objective are finite. */
  readonly isNumber: Tensor;
  /** Length along -g of Newton's step back onto the level set. */
  readonly back: Tensor;
  /** See {@link tryNames}. */
  readonly bend: Tensor;
}

/** Gain in the merit function and what the step promised to first order. */
interface Gain {
  readonly gain: Tensor;
  readonly promised: Tensor;
}

/** Whether the guard judges a candidate; else it is projected further, or a shorter step follows. */
interface Readiness {
  readonly isReady: Tensor;
  readonly isProjecting: Tensor;
  readonly isBacktracking: Tensor;
}

const scalar = (x: Tensor): Tensor => reshape(x, []);

export function evaluated<P>(
  { loss, objective }: Pick<SearchProblem<P>, "loss" | "objective">,
  candidate: TensorsOf<P>,
  { batch, memory }: { readonly batch: BatchTensors; readonly memory: Memory },
): Evaluated<P> {
  const { leaves: given, def } = flatten(candidate, isTensor);
  const leaves = given.map(alias);
  const p = unflatten(def, leaves) as TensorsOf<P>;
  const value = scalar(objective(p, batch, memory));
  const [l, g] = valueAndGrad(loss)(p, batch);
  return { p, leaves, def, loss: scalar(l), g, gg: dot(g, g), objective: value };
}

export function distanceOf<P>(here: Evaluated<P>, { facts: before, tried, status }: Known): Distance {
  const isStart = greater(0, status.taken);
  const level = where(isStart, here.loss, status.startLoss);
  const off = sub(here.loss, level);
  const isNumber = logicalAnd(hasValue(here.loss), hasValue(here.objective));
  // For phi = ||g||^2, d = H g / ||g||^2: the multiplier is then g'H g / ||g||^4.
  const isNorm = lessEqual(abs(sub(before.objective, before.gg)), mul(sameObjective, before.gg));
  const correction = where(isNorm, mul(0.5, mul(before.multiplier, off)), 0);
  const limited = maximum(-mostCorrection, minimum(mostCorrection, correction));
  const back = mul(div(off, here.gg), add(1, limited));
  const isFirst = all(logicalNot(isStart), isNumber, equal(tried.projections, 0));
  const bend = where(isFirst, div(add(tried.rise, off), square(tried.trial)), tried.bend);
  return { isStart, level, off, isNumber, back, bend };
}

/** Length of the way along -g of a step from a point with these facts. */
function wayBack(
  length: Tensor,
  facts: Facts<Tensor>,
  { level, rise }: { readonly level: Tensor; readonly rise: Tensor },
  { sublevel }: LevelSetRule,
): Tensor {
  const v = add(mul(length, facts.multiplier), div(add(sub(facts.loss, level), rise), facts.gg));
  return sublevel ? maximum(v, 0) : v;
}

export function gainOf<P>(
  here: Evaluated<P>,
  { level, off }: Distance,
  { facts: before, tried: { trial, rise } }: Known,
  rule: LevelSetRule,
): Gain {
  const gamma = mul(2, abs(before.multiplier));
  const change = div(sub(here.objective, before.objective), abs(before.objective));
  const growth = mul(0.5, log(add(1, change)));
  const back = wayBack(trial, before, { level, rise }, rule);
  const promised = sub(mul(trial, before.dd), mul(back, mul(before.multiplier, before.gg)));
  if (rule.project) return { gain: sub(growth, mul(before.multiplier, off)), promised };
  const excess = (x: Tensor) => (rule.sublevel ? maximum(sub(x, level), 0) : abs(sub(x, level)));
  const left = mul(gamma, excess(before.loss));
  const gain = add(sub(growth, mul(gamma, excess(here.loss))), left);
  return { gain, promised: add(promised, left) };
}

/** Whether a point is as near to the level set as it has to be: nearer at the last step, and where little was gained. */
function isOnLevel(
  { isStart, level, off, isNumber }: Distance,
  { gain }: Gain,
  { facts: before, status }: Known,
  { rule, bounds }: { readonly rule: LevelSetRule; readonly bounds: Bounds },
): Tensor {
  if (!rule.project) return isNumber;
  const room = mul(minimum(rule.between, mul(driftShare, bounds.drift)), abs(level));
  const isLast = lessEqual(bounds.steps, add(status.taken, 1));
  const isFair = lessEqual(mul(abs(before.multiplier), abs(off)), mul(gainShare, gain));
  const isClose = logicalOr(
    lessEqual(abs(off), mul(rule.closeness, abs(level))),
    all(logicalNot(isLast), lessEqual(abs(off), room), isFair),
  );
  return all(isNumber, logicalOr(isStart, isClose));
}

/** Whether the guard is to judge a candidate, by its gain and its distance. */
export function readinessOf(
  distance: Distance,
  gain: Gain,
  known: Known,
  setting: { readonly rule: LevelSetRule; readonly bounds: Bounds },
): Readiness {
  const { isStart, isNumber, back } = distance;
  const { rule } = setting;
  const isHome = isOnLevel(distance, gain, known, setting);
  const isGain = greaterEqual(gain.gain, mul(sufficient, gain.promised));
  const isWorth = rule.lineSearch ? logicalOr(isStart, isGain) : constant(1, "bool");
  const isReady = logicalAnd(isHome, isWorth);
  const isLeft = less(known.tried.projections, mostProjections);
  const isProjecting = rule.project
    ? all(logicalNot(isHome), isWorth, isNumber, hasValue(back), isLeft)
    : constant(0, "bool");
  const isBacktracking = all(logicalNot(isReady), logicalNot(isProjecting), logicalNot(isStart));
  return { isReady, isProjecting, isBacktracking };
}

/** What is known of the last accepted point: d and the gradient of the loss there. */
interface Base<P> {
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
