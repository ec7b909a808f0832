// Walks from several points of an orbit, of which the best end counts: `takeWalks` as a part of a larger program.
import { array, astype, type NdArray, zeros } from "../../../array.js";
import { scan } from "../../../graph/control/scan.js";
import { equal, greater, logicalAnd, logicalOr, where } from "../../../graph/ops/compare.js";
import { constant, fill } from "../../../graph/ops/leaf.js";
import { expandDims, reshape } from "../../../graph/ops/reshape.js";
import { concat } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { TensorsOf } from "../../../graph/trace.js";
import type { Symmetry } from "../../../symmetry/symmetry.js";
import type { Limits } from "../../guard.js";
import type { Point } from "../../point.js";
import { chosen, packed } from "../guard-graph.js";
import { stacked } from "../random-element.js";
import type { Elements, SearchProblem, TracedEnd, TracedSetting, TracedWalk, WalkRecord } from "../search.js";

/** Where a walk begins that does not begin at the start: at the image of the start under T. */
export interface Origin {
  readonly T: Elements;
  /** The loss at the start, from which drift is counted. */
  readonly startLoss: Tensor;
}

/** A traced walk that may begin at an image of the start. */
export interface WalkFromOrigin<P> extends TracedWalk<P> {
  trace(
    from: TensorsOf<P>,
    setting: TracedSetting & { readonly origin?: Origin | undefined },
    limits: Limits,
  ): TracedEnd<P>;
  read(numbers: Float64Array, limits: Limits, start?: Point): WalkRecord | undefined;
}

/**
 * Walks from the start and from its images under elements of the group; the one with the highest objective at its end counts.
 * There is no race.
 *
 * @param steps most steps of a walk
 */
export function severalStarts<P>(
  { algebra, additive, tracePushForward }: Symmetry<P>,
  act: Symmetry<P>["trace"],
  { loss, objective, dtype }: SearchProblem<P>,
  walk: WalkFromOrigin<P>,
  { images, steps }: { readonly images: readonly (readonly NdArray[])[]; readonly steps: number },
): TracedWalk<P> {
  const count = 1 + images.length;
  const scalar = (x: Tensor) => reshape(x, []);
  /** Whether elements are kept in rows: see {@link Elements}. */
  const isInRows = tracePushForward !== undefined && !additive;
  const kept = algebra.map((shape) => (isInRows ? [1 + steps, ...shape] : shape));
  // T = 0 keeps the parameters exactly.
  const all = algebra.map((shape, i) => stacked([zeros(shape, dtype), ...images.map((T) => T[i])], dtype));
  const places = constant(astype(array(Array.from({ length: count }, (_, k) => k)), dtype));

  return {
    push: walk.push,
    trace(start, setting, limits) {
      const { batch, memory } = setting;
      const startLoss = scalar(loss(start, batch));
      const begin = {
        params: start,
        elements: kept.map((shape) => fill(shape, 0, dtype)),
        objective: scalar(objective(start, batch, memory)),
        index: constant(0, dtype),
        isMoved: constant(0, "bool"),
      };
      const [best, numbers] = scan(
        (from: typeof begin, [k, ...T]: readonly Tensor[]) => {
          const end = walk.trace(act(start, T, batch), { ...setting, origin: { T, startLoss } }, limits);
          const value = scalar(objective(end.params, batch, memory));
          const isBetter = logicalAnd(end.isMoved, logicalOr(equal(k, 0), greater(value, from.objective)));
          const elements = (end.elements ?? []).map((t, i) =>
            isInRows ? concat([expandDims(T[i], 0), t]) : t,
          );
          const next = {
            params: chosen(isBetter, end.params, from.params),
            elements: from.elements.map((t, i) => where(isBetter, elements[i], t)),
            objective: where(isBetter, value, from.objective),
            index: where(isBetter, k, from.index),
            isMoved: logicalOr(from.isMoved, isBetter),
          };
          return [next, end.numbers];
        },
        begin,
        [places, ...all.map((x) => constant(x))],
      );
      const { params, elements, isMoved, index } = best;
      return {
        params,
        elements,
        isMoved,
        numbers: concat([packed([index]), reshape(numbers, [numbers.size])]),
      };
    },
    read([index, ...numbers], limits) {
      const size = numbers.length / count;
      const records: WalkRecord[] = [];
      for (let k = 0; k < count; k++) {
        const own = Float64Array.from(numbers.slice(k * size, (k + 1) * size));
        const record = walk.read(own, limits, records[0]?.points[0]);
        if (record === undefined) return undefined;
        records.push(record);
      }
      const endOf = ({ points, steps: taken }: WalkRecord) => points[taken].objective;
      const best = records.reduce(
        (most, record, k) => (record.steps > 0 && endOf(record) > endOf(records[most]) ? k : most),
        0,
      );
      if (best !== index) return undefined;
      const [
        {
          points: [start],
        },
      ] = records;
      const {
        points: [origin, ...others],
        ...record
      } = records[best];
      return best === 0 ? records[0] : { ...record, points: [start, ...others], origin };
    },
  };
}
