// One pass of gradient ascent on an orbit as a graph, for symmetries whose action can be traced.

import { array, astype, zeros } from "../../../array.js";
import type { BatchTensors } from "../../../batch.js";
import { dot } from "../../../graph/autodiff.js";
import { whileLoop } from "../../../graph/control/while.js";
import { add, div, maximum, minimum, mul, sub } from "../../../graph/ops/arithmetic.js";
import { equal, greater, less, lessEqual, logicalAnd, where } from "../../../graph/ops/compare.js";
import { abs, sqrt } from "../../../graph/ops/elementary.js";
import { constant, fill } from "../../../graph/ops/leaf.js";
import { max, sum } from "../../../graph/ops/reduce.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../graph/trace.js";
import type { Symmetry, TracedContext } from "../../../symmetry/symmetry.js";
import { flatten } from "../../../tree.js";
import { gradNormSq, type Memory } from "../../objective/objective.js";
import type { RaceArrays } from "../../race.js";
import {
  all,
  boundNames,
  chosen,
  hasValue,
  indicator,
  isAdmitted,
  isSet,
  packed,
  stepNumbers,
  unpacked,
} from "../guard-graph.js";
import type { SearchProblem } from "../search.js";
import { ascentAt } from "./ascent-graph.js";
import type { Origin } from "./several-starts.js";
import type { TrustRegion } from "./trust-region.js";

/** The options of an ascent that a pass needs. */
export interface AscentOptions {
  readonly stepSize: number;
  readonly momentum: number;
  readonly normalized: boolean;
  readonly region: TrustRegion;
}

/** The fraction of a step, or of the region, below which nothing is left to move. */
const leastLength = 1e-6;

type Blocks = readonly Tensor[];

/** Numbers that are passed from pass to pass, in this order, with their initial values. */
const status = {
  /** The loss at the start and the objective at the last point that was taken. */
  startLoss: 0,
  objective: 0,
  /** The loss after the race from the last point that was taken; 0 without a race. */
  racedLoss: 0,
  scale: 1,
  /** Number of accepted steps, -1 before the start itself is accepted, and of refused ones. */
  taken: -1,
  refused: 0,
  /** 1, or 0 if nothing was left to move. */
  open: 1,
};

const statusKeys = Object.keys(status) as (keyof typeof status)[];

/** The values that are passed from pass to pass. */
interface Carried<P> {
  /** The last accepted point. */
  readonly params: TensorsOf<P>;
  /** T from the start to that point, T from there to the candidate, and the direction of the latter. */
  readonly total: Blocks;
  readonly step: Blocks;
  readonly direction: Blocks;
  readonly status: Tensor;
}

interface PassInputs<P> {
  readonly from: Carried<P>;
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** Where the race begins, if there is one. */
  readonly race: TensorsOf<RaceArrays | object>;
  /** See {@link boundNames}. */
  readonly bounds: Tensor;
  /** Default: the walk begins at the start. */
  readonly origin?: Origin | undefined;
}

/**
 * A pass measures the candidate. If the guard accepts it, the walk continues from there along the objective's
 * gradient; if not, the step to it is halved. So s steps with h refusals take 1 + s + h passes, the first of
 * them for the start. Passes after the last step, or after more refusals than allowed, change nothing.
 */
function ascentPass<P>(
  symmetry: Symmetry<P>,
  act: Symmetry<P>["trace"],
  { loss, objective, race, dtype }: SearchProblem<P>,
  { stepSize, momentum, normalized, region }: AscentOptions,
) {
  const number = (x: number) => constant(x, dtype);
  const contextless: TracedContext = { context: [], isCertain: number(1) };

  return (inputs: PassInputs<P>) => {
    const { from: carried, batch: b, memory: m, race: raceStart, bounds: limits } = inputs;
    const from = { ...carried, ...unpacked(carried.status, statusKeys) };
    const bounds = unpacked(limits, boundNames);
    const candidate = act(from.params, from.step, b);
    const value = objective(candidate, b, m);
    const here = loss(candidate, b);
    const norm2 = gradNormSq(loss)(candidate, b, m);
    const { context, isCertain } = symmetry.traceContext?.(candidate, b) ?? contextless;
    const at = { params: candidate, batch: b, memory: m, context, dtype };
    const gradient = ascentAt(symmetry, objective, at);
    const slope = sqrt(dot(gradient, gradient));

    const isActing =
      symmetry.traceRefusal === undefined ? number(1) : indicator(hasValue(sumOf(candidate)), dtype);

    const isStart = greater(number(0), from.taken);
    const startLoss = inputs.origin?.startLoss ?? where(isStart, here, from.startLoss);
    const racedLoss = race?.lossAfter(candidate, b, raceStart as TensorsOf<RaceArrays>);
    const measured = { loss: here, objective: value, gradNormSq: norm2, racedLoss };
    const isTaken = all(
      isAdmitted(measured, { ...from, isStart, startLoss }, bounds),
      greater(bounds.steps, from.taken),
      lessEqual(from.refused, bounds.halvings),
      isSet(from.open),
    );

    const factor = normalized ? where(greater(slope, 0), div(1, slope), 0) : number(1);
    const direction = gradient.map((g, i) => {
      const next = momentum > 0 ? add(mul(factor, g), mul(momentum, from.direction[i])) : mul(factor, g);
      return where(isTaken, next, from.direction[i]);
    });
    const total = from.total.map((t, i) => where(isTaken, add(t, from.step[i]), t));
    const scale = where(isTaken, from.scale, mul(0.5, from.scale));
    const size = mul(stepSize, scale);
    const { step, isLong } = limited(direction, total, size, region);
    const open = indicator(logicalAnd(isSet(from.open), isLong), dtype);
    const next = {
      startLoss,
      objective: where(isTaken, value, from.objective),
      racedLoss: racedLoss ? where(isTaken, racedLoss, from.racedLoss) : from.racedLoss,
      scale,
      taken: where(isTaken, add(from.taken, 1), from.taken),
      refused: where(isTaken, from.refused, add(from.refused, 1)),
      open,
    };
    return {
      params: chosen(isTaken, candidate, from.params),
      total,
      step,
      direction,
      status: packed(Object.values(next)),
      measured: packed([
        ...[here, value, norm2, indicator(isTaken, dtype), slope, open, isCertain, isActing],
        ...(racedLoss ? [racedLoss] : []),
      ]),
      // A tree that is transformed along needs each element, or their sum.
      steps: symmetry.pushForward && !symmetry.additive ? from.step : [],
    };
  };
}

const firstStatus = (dtype: "float32" | "float64") => astype(array(Object.values(status)), dtype);

/**
 * {@link ascentPass} as a graph, for a loop in the runtime.
 *
 * @returns the graph and the initial values of the first pass besides the parameters
 */
export function traceAscentPass<P>(
  symmetry: Symmetry<P>,
  act: Symmetry<P>["trace"],
  problem: SearchProblem<P>,
  options: AscentOptions,
) {
  const { params, batch, memory, race, dtype } = problem;
  const still = symmetry.algebra.map((shape) => zeros(shape, dtype));
  const begin = { total: still, step: still, direction: still, status: firstStatus(dtype) };
  const { graph } = trace(ascentPass(symmetry, act, problem, options), {
    from: { params, ...begin },
    batch,
    memory,
    race: race?.start ?? {},
    bounds: spec([boundNames.length], dtype),
  });
  return { graph, begin };
}

/** Numbers of a pass in `measured`. */
export const passWidth = (race: object | undefined): number => (race ? 9 : 8);

/**
 * All passes of an ascent as a traced function; none is evaluated after the end of the walk.
 *
 * @returns the end, with `measured` of the passes one after the other
 */
export function ascentWalk<P>(
  symmetry: Symmetry<P>,
  act: Symmetry<P>["trace"],
  problem: SearchProblem<P>,
  options: AscentOptions,
) {
  const pass = ascentPass(symmetry, act, problem, options);
  const { dtype } = problem;
  const still = () => symmetry.algebra.map((shape) => fill(shape, 0, dtype));
  /** Whether a tree that is transformed along needs each element. */
  const isPushed = symmetry.tracePushForward && !symmetry.additive;
  return (
    start: TensorsOf<P>,
    inputs: Omit<PassInputs<P>, "from">,
    { steps, halvings }: { readonly steps: number; readonly halvings: number },
  ) => {
    const most = 1 + steps + halvings;
    const begin = {
      params: start,
      total: inputs.origin?.T ?? still(),
      step: still(),
      direction: still(),
      elements: isPushed ? symmetry.algebra.map((shape) => fill([steps, ...shape], 0, dtype)) : [],
      status: constant(firstStatus(dtype)),
      count: constant(0, dtype),
      rows: fill([most, passWidth(problem.race)], 0, dtype),
    };
    const end = whileLoop(
      (at: typeof begin) => {
        const { taken, refused, open } = unpacked(at.status, statusKeys);
        return all(less(taken, steps), lessEqual(refused, halvings), isSet(open));
      },
      ({ count, rows, elements, ...from }) => {
        const { measured, steps: _, ...next } = pass({ from, ...inputs });
        const [before, after] = [from, next].map(({ status: s }) => unpacked(s, statusKeys).taken);
        return {
          ...next,
          elements: elements.map((all, i) => {
            const isHere = equal(stepNumbers(steps, symmetry.algebra[i].length, dtype), before);
            return where(logicalAnd(greater(after, before), isHere), from.step[i], all);
          }),
          count: add(count, 1),
          rows: where(equal(stepNumbers(most, 1, dtype), count), measured, rows),
        };
      },
      begin,
      { most },
    );
    return {
      params: end.params,
      elements: isPushed ? end.elements : end.total,
      isMoved: greater(unpacked(end.status, statusKeys).taken, 0),
      numbers: reshape(end.rows, [end.rows.size]),
    };
  };
}

/** The sum over a tree, which is not finite if an element is not. */
const sumOf = (tree: unknown): Tensor =>
  flatten(tree, isTensor)
    .leaves.map((leaf) => sum(leaf))
    .reduce(add);

/** The norm of all blocks together; in float32 also where squares of their elements are 0 or infinite. */
export function lengthOf(blocks: Blocks): Tensor {
  const length = sqrt(dot(blocks, blocks));
  if (length.dtype === "float64") return length;
  const largest = blocks.map((x) => max(abs(x))).reduce(maximum);
  const isSquared = logicalAnd(hasValue(length), greater(length, 1e-18));
  const scale = where(logicalAnd(greater(largest, 0), hasValue(largest)), largest, 1);
  const scaled = blocks.map((x) => div(x, scale));
  return where(isSquared, length, mul(scale, sqrt(dot(scaled, scaled))));
}

/** The traced form of `limited` in trust-region.ts: a step, shortened if the total would leave the region. */
export function limited(
  direction: Blocks,
  total: Blocks,
  size: Tensor,
  { kind, value }: TrustRegion,
): { readonly step: Tensor[]; readonly isLong: Tensor } {
  const length = mul(size, sqrt(dot(direction, direction)));
  if (kind === "element") {
    const step = direction.map((d, i) =>
      sub(maximum(minimum(add(total[i], mul(size, d)), value), -value), total[i]),
    );
    return { step, isLong: greater(sqrt(dot(step, step)), mul(leastLength, minimum(length, value))) };
  }
  const room = sub(value, sqrt(dot(total, total)));
  const factor = mul(size, where(greater(length, room), div(room, length), 1));
  const isLong = logicalAnd(greater(room, leastLength * value), greater(length, 0));
  return { step: direction.map((d) => mul(factor, d)), isLong };
}
