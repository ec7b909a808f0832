// A whole walk on a level set, guard included, as one graph: a loop in which each pass evaluates one point.
import { array, astype } from "../../../array.js";
import type { BatchTensors } from "../../../batch.js";
import { backward, dot, mapTree, valueAndGrad } from "../../../graph/autodiff.js";
import { cond } from "../../../graph/control/cond.js";
import { whileLoop } from "../../../graph/control/while.js";
import type { Graph } from "../../../graph/graph.js";
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
import { constant, fill, fillLike } from "../../../graph/ops/leaf.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { concat } from "../../../graph/ops/slice.js";
import { alias } from "../../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../graph/trace.js";
import { flatten, unflatten } from "../../../tree.js";
import type { Memory } from "../../objective/objective.js";
import type { RaceArrays } from "../../race.js";
import { all, boundNames, chosen, hasValue, isAdmitted, packed, unpacked } from "../guard-graph.js";
import { rowOf, widthOf } from "../guarded-loop.js";
import type { SearchProblem } from "../search.js";
import {
  changing,
  driftShare,
  gainShare,
  type LevelSetRule,
  mostBacktracks,
  mostCorrection,
  mostProjections,
  sameObjective,
  shrinking,
  sufficient,
} from "./rule.js";
import { type Facts, factNames, type Outcome, outcomes, type Status, statusNames } from "./walk-status.js";

interface Carried<P> {
  /** The last accepted point, d and the gradient of the loss there. */
  readonly base: TensorsOf<P>;
  readonly direction: TensorsOf<P>;
  readonly g: TensorsOf<P>;
  readonly candidate: TensorsOf<P>;
  readonly facts: Facts<Tensor>;
  readonly status: Status<Tensor>;
  /** Measurements of the accepted points but the last of all steps, a row each. */
  readonly points: Tensor;
  /** Measurements of that point, or of the last one that was refused. */
  readonly latest: Tensor;
}

interface TracedLevelSetWalk<P> {
  /** The end of the walk. */
  readonly params: TensorsOf<P>;
  /** Number of steps. */
  readonly taken: Tensor;
  /** The status, the latest row and those of the points. */
  readonly numbers: Tensor;
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
const mostPasses = 100_000;

/**
 * The steps of `levelSet` and of the guard. A pass evaluates the loss, its gradient and the objective at the candidate;
 * the objective's gradient follows, from the same evaluation, only where the candidate is accepted and another step
 * is wanted. Then the candidate moves: closer to the level set, back to a shorter step, or on to the next one.
 *
 * @returns a traced function of the start and the other inputs
 */
export function levelSetWalk<P>(
  { loss, objective, race, dtype }: Pick<SearchProblem<P>, "loss" | "objective" | "race" | "dtype">,
  rule: LevelSetRule,
) {
  const { steps, rho, lineSearch, tolerance, project, sublevel, closeness, between } = rule;
  const number = (x: number) => constant(x, dtype);
  const scalar = (x: Tensor) => reshape(x, []);
  const either = (condition: Tensor, a: Tensor | number, b: Tensor) => where(condition, a, b);
  const not = logicalNot;
  const rows = Math.max(steps, 1);
  const rowNumbers = reshape(constant(astype(array(range(rows)), dtype)), [rows, 1]);

  return (start: TensorsOf<P>, inputs: WalkInputs): TracedLevelSetWalk<P> => {
    const { batch: b, memory: m } = inputs;
    const bounds = unpacked(inputs.bounds, boundNames);
    const zeros = mapTree((x) => fillLike(x, 0), start);
    const first: Partial<Status<number>> = { rho, scale: 1, taken: -1 };
    const scalars = <K extends string>(names: readonly K[], values: Partial<Record<K, number>>) =>
      Object.fromEntries(names.map((name) => [name, number(values[name] ?? 0)])) as Record<K, Tensor>;

    /** Only points that the guard judges are raced. */
    const raced = (isJudged: Tensor, p: TensorsOf<P>) =>
      cond(
        isJudged,
        () => scalar(race?.lossAfter(p, b, inputs.race as TensorsOf<RaceArrays>) as Tensor),
        () => number(0),
      );
    const width = widthOf(race);

    const pass = (from: Carried<P>): Carried<P> => {
      const { status: s, facts: before } = from;
      const { leaves, def } = flatten(from.candidate, isTensor);
      const here = leaves.map(alias);
      const p = unflatten(def, here) as TensorsOf<P>;
      const value = scalar(objective(p, b, m));
      const [l, g] = valueAndGrad(loss)(p, b);
      const f = scalar(l);
      const gg = dot(g, g);

      const isStart = greater(0, s.taken);
      const level = either(isStart, f, s.level);
      const off = sub(f, level);
      const isNumber = logicalAnd(hasValue(f), hasValue(value));
      // For phi = ||g||^2, d = H g / ||g||^2: the multiplier is then g'H g / ||g||^4.
      const isNorm = lessEqual(abs(sub(before.objective, before.gg)), mul(sameObjective, before.gg));
      const correction = where(isNorm, mul(0.5, mul(before.multiplier, off)), 0);
      const limited = maximum(-mostCorrection, minimum(mostCorrection, correction));
      const back = mul(div(off, gg), add(1, limited));
      /** Length of the way along -g of a step. */
      const backOf = (length: Tensor, facts: Facts<Tensor>, rise: Tensor) => {
        const v = add(mul(length, facts.multiplier), div(add(sub(facts.loss, level), rise), facts.gg));
        return sublevel ? maximum(v, 0) : v;
      };
      /** How far the loss is expected to move off the level. */
      const riseOf = (length: Tensor, bend: Tensor, { tangent, gg: norm }: Facts<Tensor>) => {
        if (!project) return number(0);
        const expected = mul(bend, square(length));
        const room = mul(square(mul(length, tangent)), norm);
        return where(lessEqual(square(expected), room), expected, 0);
      };
      const isFirst = all(not(isStart), isNumber, equal(s.projections, 0));
      const bend = either(isFirst, div(add(s.rise, off), square(s.trial)), s.bend);
      const excess = (x: Tensor) => (sublevel ? maximum(sub(x, level), 0) : abs(sub(x, level)));
      /** Gain in the merit function and what the step promised to first order. */
      const gainOf = () => {
        const gamma = mul(2, abs(before.multiplier));
        const change = div(sub(value, before.objective), abs(before.objective));
        const growth = mul(0.5, log(add(1, change)));
        const along = mul(backOf(s.trial, before, s.rise), mul(before.multiplier, before.gg));
        const promised = sub(mul(s.trial, before.dd), along);
        if (project) return { gain: sub(growth, mul(before.multiplier, off)), promised };
        const left = mul(gamma, excess(before.loss));
        const gain = add(sub(growth, mul(gamma, excess(f))), left);
        return { gain, promised: add(promised, left) };
      };
      const { gain, promised } = gainOf();
      /** The distance from the level at which a point counts as on it. */
      const room = mul(minimum(between, mul(driftShare, bounds.drift)), abs(level));
      const isLast = lessEqual(bounds.steps, add(s.taken, 1));
      const isFair = lessEqual(mul(abs(before.multiplier), abs(off)), mul(gainShare, gain));
      const isClose = logicalOr(
        lessEqual(abs(off), mul(closeness, abs(level))),
        all(not(isLast), lessEqual(abs(off), room), isFair),
      );
      const isHome = project ? all(isNumber, logicalOr(isStart, isClose)) : isNumber;
      const isGain = greaterEqual(gain, mul(sufficient, promised));
      const isWorth = lineSearch ? logicalOr(isStart, isGain) : constant(1, "bool");
      const isGood = logicalAnd(isHome, isWorth);
      const isProjecting = project
        ? all(not(isHome), isWorth, isNumber, hasValue(back), less(s.projections, mostProjections))
        : constant(0, "bool");

      const racedLoss = race && raced(isGood, p);
      const measured = { loss: f, objective: value, gradNormSq: gg, racedLoss };
      const earlier = { isStart, startLoss: level, objective: before.objective, racedLoss: s.racedLoss };
      const isTaken = logicalAnd(isGood, isAdmitted(measured, earlier, bounds));
      const isRefused = all(isGood, not(isTaken), not(isStart));
      const isHalved = logicalAnd(isRefused, less(s.halvings, bounds.halvings));
      const taken = either(isTaken, add(s.taken, 1), s.taken);
      const isStepping = logicalAnd(isTaken, less(taken, bounds.steps));
      const isDone = logicalAnd(isTaken, not(isStepping));
      const row = rowOf(measured);
      const isBacktracking = all(not(isGood), not(isProjecting), not(isStart));

      const next = cond(
        isStepping,
        () => {
          const slope = unflatten(def, backward([value], [fillLike(value, 1)], here)) as TensorsOf<P>;
          const factor = div(0.5, abs(value));
          const direction = mapTree((x) => mul(factor, x), slope);
          const multiplier = div(dot(direction, g), gg);
          const tangent = mapTree((x, y) => sub(x, mul(multiplier, y)), direction, g);
          const length = sqrt(dot(tangent, tangent));
          const dd = add(square(length), mul(square(multiplier), gg));
          const facts = { loss: f, objective: value, gg, multiplier, dd, tangent: length };
          const points = where(equal(rowNumbers, taken), row, from.points);
          return { base: p, direction, g, facts, points };
        },
        () => ({
          base: from.base,
          direction: from.direction,
          g: from.g,
          facts: from.facts,
          points: from.points,
        }),
      );
      const { facts } = next;

      /** See `lengthening`. */
      const first = project ? mul(s.trial, square(before.tangent)) : promised;
      const lost = sub(first, gain);
      const highest = div(mul(0.5, first), lost);
      const lengthened = ([least, most]: readonly [number, number]) =>
        mul(s.trial, where(greater(lost, 0), maximum(least, minimum(most, highest)), most));
      const tried = div(lengthened(changing), s.scale);
      const length = lineSearch ? either(logicalAnd(isTaken, not(isStart)), tried, s.rho) : s.rho;
      const scale = either(isHalved, mul(0.5, s.scale), s.scale);
      const isNew = logicalOr(isStepping, isHalved);
      const begun = mul(scale, length);
      const shorter = either(isBacktracking, lengthened(shrinking), s.trial);
      const trial = either(isNew, begun, shorter);
      const backtracks = either(isBacktracking, add(s.backtracks, 1), s.backtracks);

      const projected = mul(begun, facts.tangent);
      const isShort = less(projected, tolerance);
      // The projection stops at `closeness`: a smaller gain could not be distinguished from the drift.
      const isLost = lessEqual(div(square(projected), begun), closeness);
      const isNear = lessEqual(abs(sub(facts.loss, level)), tolerance);
      const isStationary = logicalAnd(project ? logicalOr(isShort, isLost) : isShort, isNear);
      const isDefined = all(hasValue(facts.dd), greater(facts.gg, 0), greater(abs(facts.objective), 0));
      const isLeft = lineSearch ? lessEqual(backtracks, mostBacktracks) : constant(0, "bool");
      const cases: readonly (readonly [Tensor, Outcome])[] = [
        [logicalAnd(isStart, not(isTaken)), "start"],
        [isDone, "steps taken"],
        [logicalAnd(isRefused, not(isHalved)), "refused"],
        [logicalAnd(isBacktracking, not(isLeft)), "exhausted"],
        [logicalAnd(isNew, not(isDefined)), "undefined step"],
        [logicalAnd(isNew, isStationary), "stationary"],
      ];
      const outcome = cases.reduceRight<Tensor>(
        (otherwise, [holds, name]) => either(holds, outcomes.indexOf(name), otherwise),
        number(0),
      );

      const rise = riseOf(trial, bend, facts);
      const aside = backOf(trial, facts, rise);
      const landed = () =>
        mapTree((x, d, y) => sub(add(x, mul(trial, d)), mul(aside, y)), next.base, next.direction, next.g);
      const closer = () => mapTree((x, y) => sub(x, mul(either(isDone, 0, back), y)), p, g);
      const status: Status<Tensor> = {
        ...{ level, rho: length, trial, scale, bend, taken, outcome },
        backtracks: either(isNew, 0, backtracks),
        projections: either(isProjecting, add(s.projections, 1), number(0)),
        rise: either(isProjecting, s.rise, rise),
        halvings: either(isHalved, add(s.halvings, 1), s.halvings),
        isRefused: either(isTaken, 0, either(isRefused, 1, s.isRefused)),
        racedLoss: racedLoss ? either(isTaken, racedLoss, s.racedLoss) : s.racedLoss,
        projected: either(isNew, projected, s.projected),
      };
      return {
        ...next,
        candidate: cond(logicalOr(isDone, isProjecting), project ? closer : () => p, landed),
        status,
        latest: where(logicalOr(isDone, isRefused), row, from.latest),
      };
    };

    const end = whileLoop<Carried<P>>(
      ({ status }) => equal(status.outcome, 0),
      pass,
      {
        ...{ base: start, direction: zeros, g: zeros, candidate: start },
        facts: scalars(factNames, {}),
        status: scalars(statusNames, first),
        points: fill([rows, width], 0, dtype),
        latest: fill([width], 0, dtype),
      },
      { most: mostPasses },
    );
    const { status, latest, points } = end;
    const isDone = equal(status.outcome, outcomes.indexOf("steps taken"));
    const vector = packed(statusNames.map((name) => status[name]));
    const numbers = concat([vector, latest, reshape(points, [points.size])]);
    return { params: chosen(isDone, end.candidate, end.base), taken: status.taken, numbers };
  };
}

/**
 * {@link levelSetWalk} as a graph. Inputs: `params`, `batch`, `memory`, `race`, `bounds`; outputs: `params`, `numbers`.
 */
export function traceLevelSetWalk<P>(problem: SearchProblem<P>, rule: LevelSetRule): Graph {
  const { params, batch, memory, race, dtype } = problem;
  const walk = levelSetWalk(problem, rule);
  const { graph } = trace(
    ({ params: start, ...inputs }) => {
      const { params: end, numbers } = walk(start, inputs);
      return { params: end, numbers };
    },
    {
      ...{ params, batch, memory, race: race?.start ?? {} },
      bounds: spec([boundNames.length], dtype),
    },
  );
  return graph;
}

const range = (count: number) => Array.from({ length: count }, (_, k) => k);
