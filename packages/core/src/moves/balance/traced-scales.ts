// The balanced point of an orbit of scalings as a part of a program: the sweeps of scales.ts, traced.
import { cond } from "../../graph/control/cond.js";
import { whileLoop } from "../../graph/control/while.js";
import { add, cast, div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, lessEqual, logicalAnd, logicalOr, where } from "../../graph/ops/compare.js";
import { abs, exp, log, square } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { max, sum } from "../../graph/ops/reduce.js";
import { reshape, transpose } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { ScalingGenerator } from "../../symmetry/discovery/descriptors.js";
import { byPath, rateAlongAxis, unitAxes, viewAlong } from "../../symmetry/parameter-axes.js";
import { alongAxis } from "../../symmetry/scaling.js";
import type { ScaleMeasure } from "./cells.js";
import { biasShare, farLog, isEven, isOnce, reachOf, relaxation } from "./scales.js";
import type { Sweeps } from "./sweeps.js";

export interface TracedScales {
  /** Of each generator, in float64. */
  readonly T: readonly Tensor[];
  /** Whether sweeps converged, for weights of which squares neither over- nor underflow. */
  readonly isSettled: Tensor;
}

/**
 * As `balancedScales`, for generators whose powers are p or -p.
 *
 * @param weights by path
 */
export function tracedScales(
  weights: ReadonlyMap<string, Tensor>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
  { tolerance, most }: Sweeps,
): TracedScales {
  const reach = reachOf(generators);
  const number = (x: number) => constant(x, "float64");
  const begin = {
    T: generators.map(({ size }) => fill([size], 0, "float64")),
    away: generators.map(() => number(Number.POSITIVE_INFINITY)),
    length: number(1),
  };
  const stepOf = stepsOf(weights, generators, by);
  const isFar = (far: Tensor) => greater(far, tolerance);
  const { T, away: rest } = whileLoop(
    ({ away }) => away.map(isFar).reduce(logicalOr),
    ({ T: from, away, length }) => {
      const [moved, left] = [[...from], [...away]];
      generators.forEach(({ axes }, k) => {
        const own = isEven(axes) ? length : number(1);
        const { t, far, size } = cond(
          isFar(left[k]),
          () => {
            const step = stepOf(k, moved);
            const largest = max(abs(step));
            const rest = isOnce(axes) ? mul(sub(own, 1), largest) : largest;
            return { t: add(moved[k], mul(own, step)), far: rest, size: mul(own, largest) };
          },
          () => ({ t: moved[k], far: left[k], size: number(0) }),
        );
        [moved[k], left[k]] = [t, far];
        for (const { j, ratio } of reach[k]) left[j] = add(left[j], mul(ratio, size));
      });
      return { T: moved, away: left, length: number(relaxation) };
    },
    begin,
    { most },
  );
  const isNear = [...weights.values()].map(hasNearMagnitude);
  return { T, isSettled: [...isNear, ...rest.map((far) => lessEqual(far, tolerance))].reduce(logicalAnd) };
}

/** Whether sums of squares need no ranges before them: see `balancedScales`. */
function hasNearMagnitude(w: Tensor): Tensor {
  const largest = max(abs(cast(w, "float64")));
  const isInside = logicalAnd(greater(largest, Math.exp(-farLog)), less(largest, Math.exp(farLog)));
  return logicalOr(equal(largest, 0), isInside);
}

/** The step of one generator to its own best point, with all others as they are. */
function stepsOf(
  weights: ReadonlyMap<string, Tensor>,
  generators: readonly ScalingGenerator[],
  by: ScaleMeasure,
): (generator: number, T: readonly Tensor[]) => Tensor {
  const isNorm = by === "norm";
  const [measure, reduced, joined, degree] = isNorm
    ? ([square, sum, add, 2] as const)
    : ([abs, max, maximum, 1] as const);
  const legs = generators.map(({ axes }, block) => axes.map((leg) => ({ ...leg, block })));
  type Leg = (typeof legs)[number][number];
  const legsOn = byPath(legs.flat());
  const sizes = new Map(
    [...legsOn.keys()].map((path) => [path, measure(cast(weights.get(path) as Tensor, "float64"))]),
  );
  const factorOf = (leg: Leg, T: readonly Tensor[]) =>
    exp(mul(degree * leg.power, alongAxis(leg, T[leg.block])));
  const sizeAlong = (leg: Leg, T: readonly Tensor[]): Tensor => {
    const others = (legsOn.get(leg.path) ?? []).filter((other) => other !== leg);
    const scaled = others.reduce(
      (w, other) => multipliedAlong(w, other, factorOf(other, T)),
      sizes.get(leg.path) as Tensor,
    );
    const view = viewAlong(scaled, leg);
    const order = unitAxes(leg);
    const [axes, kept] = [false, true].map((isUnit) =>
      [...view.shape.keys()].filter((d) => order.includes(d) === isUnit),
    );
    const own = reduced(view, { axes });
    const size = mul(reshape(factorOf(leg, T), own.shape), own);
    return reshape(
      transpose(
        size,
        order.map((d) => kept.indexOf(d)),
      ),
      [size.size],
    );
  };
  const isWeight = ({ path }: Leg): boolean => (weights.get(path) as Tensor).rank > 1;
  const start = generators.map(({ size }) => fill([size], 0, "float64"));
  // Units whose weights on a side are not small beside the bias there, by range.
  const led = legs.map((all) => {
    const sides = [-1, 1].map((sign) => all.filter(({ power }) => power * sign > 0));
    const rests = isNorm ? [] : sides.filter((side) => side.some(isWeight) && !side.every(isWeight));
    return rests.map((side) => {
      const largest = (own: readonly Leg[]) => own.map((leg) => sizeAlong(leg, start)).reduce(maximum);
      const biases = side.filter((leg) => !isWeight(leg));
      return lessEqual(mul(biasShare, largest(biases)), largest(side.filter(isWeight)));
    });
  });
  return (k, T) => {
    const own = legs[k].filter((leg) => isNorm || isWeight(leg));
    const sides = [-1, 1].map((sign) => own.filter(({ power }) => power * sign > 0));
    if (sides.some((side) => side.length === 0)) return fill([generators[k].size], 0, "float64");
    const [down, up] = sides.map((side) => side.map((leg) => sizeAlong(leg, T)).reduce(joined));
    // An element that is on two legs moves with both: half a step then does not go past the point.
    const slope = 2 * degree * Math.abs(own[0].power) * (isOnce(own) ? 1 : 2);
    const isUsed = [greater(down, 0), greater(up, 0), ...led[k]].reduce(logicalAnd);
    return where(isUsed, div(sub(log(down), log(up)), slope), 0);
  };
}

/** The elements along a leg times a factor; the others stay. */
function multipliedAlong(w: Tensor, leg: ScalingGenerator["axes"][number], factor: Tensor): Tensor {
  const scaled = rateAlongAxis(w, leg, (view) => mul(factor, view));
  if (leg.part === undefined) return scaled;
  const rest = sub(
    w,
    rateAlongAxis(w, leg, (view) => view),
  );
  return add(scaled, rest);
}
