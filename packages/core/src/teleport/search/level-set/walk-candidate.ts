// What a pass of a walk finds at its candidate: its distance from the level set, its gain, and whether it is taken.
import type { BatchTensors } from "../../../batch.js";
import { dot, valueAndGrad } from "../../../graph/autodiff.js";
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
import { abs, log, square } from "../../../graph/ops/elementary.js";
import { constant } from "../../../graph/ops/leaf.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { alias } from "../../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import { flatten, type TreeDef, unflatten } from "../../../tree.js";
import { findings } from "../../guard.js";
import type { Memory } from "../../objective/objective.js";
import { all, type Bounds, findingOf, hasValue, isAdmitted } from "../guard-graph.js";
import { rowOf } from "../guarded-loop.js";
import type { SearchProblem } from "../search.js";
import {
  driftShare,
  type Facts,
  gainShare,
  type LevelSetRule,
  mostCorrection,
  mostProjections,
  type Status,
  sameObjective,
  sufficient,
} from "./rule.js";

/** What the host found, after the guard's findings. */
export const hostFinding = findings.length + 1;

/** What a pass knows before it evaluates its candidate: the last accepted point's facts, and the status. */
export interface Known {
  readonly facts: Facts<Tensor>;
  readonly status: Status<Tensor>;
}

/** The loss L, its gradient g and the objective at a point. */
export interface Evaluated<P> {
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
  /** See `Status`. */
  readonly bend: Tensor;
}

/** Gain in the merit function and what the step promised to first order. */
export interface Gain {
  readonly gain: Tensor;
  readonly promised: Tensor;
}

/** What becomes of a candidate: one of taken, refused by the guard, projected further, or a shorter step. */
export interface Verdict {
  readonly isTaken: Tensor;
  readonly isRefused: Tensor;
  /** What is found against it, if it is refused: see `Status`. */
  readonly finding: () => Tensor;
  /** Whether the host has to say whether it may be taken: then nothing else holds. */
  readonly isAsking: Tensor | undefined;
  /** Whether the guard has judged it. */
  readonly isJudged: Tensor;
  readonly isProjecting: Tensor;
  readonly isBacktracking: Tensor;
  /** Refused, and the step is to be halved. */
  readonly isHalved: Tensor;
  /** Taken, and another step is wanted. */
  readonly isStepping: Tensor;
  /** Taken, and the last. */
  readonly isDone: Tensor;
  /** Number of steps with this one. */
  readonly taken: Tensor;
  /** What was measured, as a row. */
  readonly row: Tensor;
  readonly racedLoss: Tensor | undefined;
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

export function distanceOf<P>(here: Evaluated<P>, { facts: before, status }: Known): Distance {
  const isStart = greater(0, status.taken);
  const level = where(isStart, here.loss, status.level);
  const off = sub(here.loss, level);
  const isNumber = logicalAnd(hasValue(here.loss), hasValue(here.objective));
  // For phi = ||g||^2, d = H g / ||g||^2: the multiplier is then g'H g / ||g||^4.
  const isNorm = lessEqual(abs(sub(before.objective, before.gg)), mul(sameObjective, before.gg));
  const correction = where(isNorm, mul(0.5, mul(before.multiplier, off)), 0);
  const limited = maximum(-mostCorrection, minimum(mostCorrection, correction));
  const back = mul(div(off, here.gg), add(1, limited));
  const isFirst = all(logicalNot(isStart), isNumber, equal(status.projections, 0));
  const bend = where(isFirst, div(add(status.rise, off), square(status.trial)), status.bend);
  return { isStart, level, off, isNumber, back, bend };
}

/** Length of the way along -g of a step from a point with these facts. */
export function wayBack(
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
  { facts: before, status }: Known,
  rule: LevelSetRule,
): Gain {
  const gamma = mul(2, abs(before.multiplier));
  const change = div(sub(here.objective, before.objective), abs(before.objective));
  const growth = mul(0.5, log(add(1, change)));
  const back = wayBack(status.trial, before, { level, rise: status.rise }, rule);
  const promised = sub(mul(status.trial, before.dd), mul(back, mul(before.multiplier, before.gg)));
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

/**
 * Judges a candidate: the rule by its gain and its distance, then the guard.
 *
 * @param raceFrom the loss after the race from there, if there is one
 */
export function verdictOn<P>(
  here: Evaluated<P>,
  found: { readonly distance: Distance; readonly gain: Gain },
  known: Known,
  setting: {
    readonly rule: LevelSetRule;
    readonly bounds: Bounds;
    readonly raceFrom: (() => Tensor) | undefined;
    /** Whether the host may refuse candidates. */
    readonly asks: boolean;
  },
): Verdict {
  const { isStart, level, isNumber, back } = found.distance;
  const { rule, bounds, raceFrom, asks } = setting;
  const { facts: before, status } = known;
  const isHome = isOnLevel(found.distance, found.gain, known, setting);
  const isGain = greaterEqual(found.gain.gain, mul(sufficient, found.gain.promised));
  const isWorth = rule.lineSearch ? logicalOr(isStart, isGain) : constant(1, "bool");
  const isGood = logicalAnd(isHome, isWorth);
  const isProjecting = rule.project
    ? all(logicalNot(isHome), isWorth, isNumber, hasValue(back), less(status.projections, mostProjections))
    : constant(0, "bool");

  // Only points that the guard judges are raced.
  const racedLoss = raceFrom && cond(isGood, raceFrom, () => constant(0, here.loss.dtype as "float32"));
  const { loss, objective, gg: gradNormSq, p: params } = here;
  const measured = { loss, objective, gradNormSq, racedLoss, params };
  const earlier = { isStart, startLoss: level, objective: before.objective, racedLoss: status.racedLoss };
  const isFree = logicalAnd(isGood, isAdmitted(measured, earlier, bounds));
  const isAsking = asks ? all(isFree, logicalNot(isStart), equal(status.answer, 0)) : undefined;
  const isTaken = asks ? logicalAnd(isFree, logicalOr(isStart, equal(status.answer, 1))) : isFree;
  const isRefused = all(isGood, logicalNot(isTaken), logicalNot(isStart));
  const taken = where(isTaken, add(status.taken, 1), status.taken);
  const isStepping = logicalAnd(isTaken, less(taken, bounds.steps));
  return {
    ...{ isTaken, isRefused, isProjecting, isStepping, taken, racedLoss },
    isBacktracking: all(logicalNot(isGood), logicalNot(isProjecting), logicalNot(isStart)),
    isAsking,
    isJudged: logicalOr(isGood, isStart),
    finding: () =>
      asks
        ? where(isFree, hostFinding, findingOf(measured, earlier, bounds))
        : findingOf(measured, earlier, bounds),
    isHalved: logicalAnd(isRefused, less(status.halvings, bounds.halvings)),
    isDone: logicalAnd(isTaken, logicalNot(isStepping)),
    row: rowOf(measured),
  };
}
