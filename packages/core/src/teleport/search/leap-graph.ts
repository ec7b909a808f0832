// One pass of gradient ascent on an orbit as a graph, for symmetries whose action can be traced.
import { zeros } from "../../array.js";
import { backward, dot, grad } from "../../graph/autodiff.js";
import { add, div, maximum, minimum, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, logicalAnd, logicalOr, where } from "../../graph/ops/compare.js";
import { abs, sqrt } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { alias } from "../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import type { BatchTensors, Symmetry } from "../../symmetry/symmetry.js";
import { tangentOf } from "../../symmetry/tangent.js";
import { flatten, unflatten } from "../../tree.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { SearchProblem } from "./search.js";
import type { TrustRegion } from "./trust-region.js";

/** What a pass needs of an ascent's options. */
export interface AscentOptions {
  readonly stepSize: number;
  readonly momentum: number;
  readonly normalised: boolean;
  readonly region: TrustRegion;
}

/** The share of a step, or of the region, below which nothing is left to move. */
const leastLength = 1e-6;

/** The largest finite number of a type. */
const largest = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

type Blocks = readonly Tensor[];

/** What is carried from pass to pass: the last point that was taken, the candidate for the next, and the way between. */
interface Carried<P> {
  readonly params: TensorsOf<P>;
  readonly candidate: TensorsOf<P>;
  /** T from the start to the point, from there to the candidate, and the direction of the latter. */
  readonly total: Blocks;
  readonly step: Blocks;
  readonly direction: Blocks;
  /** The loss at the start and the objective at the point. */
  readonly startLoss: Tensor;
  readonly objective: Tensor;
  readonly scale: Tensor;
  /** Steps taken, -1 before the start itself was, and refused. */
  readonly taken: Tensor;
  readonly refused: Tensor;
  /** 1, and 0 where nothing was left to move. */
  readonly open: Tensor;
}

/** The guard's bounds as numbers. */
interface Bounds {
  readonly steps: Tensor;
  readonly drift: Tensor;
  readonly halvings: Tensor;
  /** 1 where the objective need not grow, else 0. */
  readonly any: Tensor;
}

/**
 * A pass measures the candidate. Where the guard takes it, it is the point to go on from, along the objective's gradient
 * there; where not, the step to it is halved. So s steps with h refusals take 1 + s + h passes, the first of them for the
 * start. Passes after the last step, or after more refusals than allowed, change nothing.
 *
 * @returns the graph and the values that the first pass begins with besides the parameters
 */
export function traceAscentPass<P>(
  symmetry: Symmetry<P>,
  act: NonNullable<Symmetry<P>["trace"]>,
  { loss, objective, params, batch, memory, dtype }: SearchProblem<P>,
  { stepSize, momentum, normalised, region }: AscentOptions,
) {
  const number = (x: number) => constant(x, dtype);
  const indicator = (condition: Tensor) => where(condition, number(1), number(0));
  const isSet = (flag: Tensor) => greater(flag, number(0.5));
  const hasValue = (x: Tensor) => lessEqual(abs(x), number(largest[dtype]));
  const all = (...conditions: Tensor[]) => conditions.reduce((a, b) => logicalAnd(a, b));

  const pass = (from: Carried<P>, b: BatchTensors, m: Memory, bounds: Bounds) => {
    const { candidate } = from;
    const value = objective(candidate, b, m);
    const here = loss(candidate, b);
    const norm2 = gradNormSq(loss)(candidate, b, m);
    const T = symmetry.algebra.map((shape) => alias(fill(shape, 0, dtype)));
    const slopes = flatten(grad(objective)(candidate, b, m), isTensor).leaves;
    const gradient = backward(tangentOf(symmetry, candidate, T, b, []), slopes, T);
    const slope = sqrt(dot(gradient, gradient));

    const isStart = greater(number(0), from.taken);
    const startLoss = where(isStart, here, from.startLoss);
    const room = mul(bounds.drift, maximum(abs(startLoss), number(1e-12)));
    const isTaken = all(
      hasValue(here),
      hasValue(value),
      hasValue(norm2),
      lessEqual(abs(sub(here, startLoss)), room),
      logicalOr(logicalOr(isStart, isSet(bounds.any)), greater(value, from.objective)),
      greater(bounds.steps, from.taken),
      lessEqual(from.refused, bounds.halvings),
      isSet(from.open),
    );

    const factor = normalised ? where(greater(slope, 0), div(1, slope), 0) : number(1);
    const direction = gradient.map((g, i) => {
      const next = momentum > 0 ? add(mul(factor, g), mul(momentum, from.direction[i])) : mul(factor, g);
      return where(isTaken, next, from.direction[i]);
    });
    const total = from.total.map((t, i) => where(isTaken, add(t, from.step[i]), t));
    const scale = where(isTaken, from.scale, mul(0.5, from.scale));
    const size = mul(stepSize, scale);
    const step = limited(direction, total, size, region);
    const length = sqrt(dot(step, step));
    const wanted = mul(size, sqrt(dot(direction, direction)));
    const open = indicator(greater(length, mul(leastLength, minimum(wanted, number(region.value)))));
    const point = chosen(isTaken, candidate, from.params);
    return {
      ...{ params: point, candidate: act(point, step, b), total, step, direction, startLoss, scale },
      objective: where(isTaken, value, from.objective),
      taken: where(isTaken, add(from.taken, 1), from.taken),
      refused: where(isTaken, from.refused, add(from.refused, 1)),
      open,
      measured: { loss: here, objective: value, gradNormSq: norm2, isTaken: indicator(isTaken), slope, open },
    };
  };

  const scalar = spec([], dtype);
  const blocks = symmetry.algebra.map((shape) => spec(shape, dtype));
  const carried = {
    ...{ params, candidate: params, total: blocks, step: blocks, direction: blocks },
    ...{ startLoss: scalar, objective: scalar, scale: scalar, taken: scalar, refused: scalar, open: scalar },
  };
  const bounds = { steps: scalar, drift: scalar, halvings: scalar, any: scalar };
  const { graph } = trace(pass as never, [carried, batch, memory, bounds], {
    names: ["from", "batch", "memory", "bounds"],
  });
  const still = symmetry.algebra.map((shape) => zeros(shape, dtype));
  return { graph, still: { total: still, step: still, direction: still } };
}

/** One of two trees of the same shapes. */
function chosen<P>(condition: Tensor, a: TensorsOf<P>, b: TensorsOf<P>): TensorsOf<P> {
  const [yes, no] = [flatten(a, isTensor), flatten(b, isTensor)];
  return unflatten(
    yes.def,
    yes.leaves.map((leaf, i) => (leaf === no.leaves[i] ? leaf : where(condition, leaf, no.leaves[i]))),
  ) as TensorsOf<P>;
}

/** The traced form of `limited` in trust-region.ts: a step cut where the total would leave the region. */
function limited(direction: Blocks, total: Blocks, size: Tensor, { kind, value }: TrustRegion): Tensor[] {
  const step = direction.map((d) => mul(size, d));
  if (kind === "element") {
    return step.map((s, i) => sub(maximum(minimum(add(total[i], s), value), -value), total[i]));
  }
  const room = maximum(sub(value, sqrt(dot(total, total))), 0);
  const length = sqrt(dot(step, step));
  const factor = where(greater(length, room), div(room, length), 1);
  return step.map((s) => mul(factor, s));
}
