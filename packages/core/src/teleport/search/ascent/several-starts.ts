// Walks from several points of an orbit, of which the best end counts, as a part of a larger program.
import { array, astype, type NdArray, zeros } from "../../../array.js";
import { scan } from "../../../graph/control/scan.js";
import { add } from "../../../graph/ops/arithmetic.js";
import { equal, greater, logicalOr, where } from "../../../graph/ops/compare.js";
import { constant, fill } from "../../../graph/ops/leaf.js";
import { expandDims, reshape } from "../../../graph/ops/reshape.js";
import { concat } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { Symmetry } from "../../../symmetry/symmetry.js";
import { all, chosen, hasValue, packed } from "../guard-graph.js";
import { stacked } from "../random-element.js";
import type { SearchProblem, TracedWalk } from "../search.js";
import type { WalkProgramPart } from "../walk-program.js";

/** T from the start to where a walk begins; empty: it begins at the start. */
export interface StartingAt {
  readonly origin: readonly NdArray[];
}

/**
 * Walks from the start and from its images under elements of the group; the one with the highest objective at its end counts.
 * There is no race.
 *
 * @param steps most steps of a walk
 */
export function severalStarts<P>(
  { algebra, additive, pushForward }: Symmetry<P>,
  act: Symmetry<P>["trace"],
  { loss, objective, dtype }: SearchProblem<P>,
  walk: WalkProgramPart<P, StartingAt>,
  { images, steps }: { readonly images: readonly (readonly NdArray[])[]; readonly steps: number },
): TracedWalk<P> {
  const count = 1 + images.length;
  const scalar = (x: Tensor) => reshape(x, []);
  /** Whether elements are kept in rows: see {@link Elements}. */
  const isInRows = pushForward !== undefined && !additive;
  const kept = algebra.map((shape) => (isInRows ? [1 + Math.max(steps, 1), ...shape] : shape));
  // T = 0 keeps the parameters exactly.
  const blocks = algebra.map((shape, i) => stacked([zeros(shape, dtype), ...images.map((T) => T[i])], dtype));
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
      // Without a loss at the start there is no level to keep.
      const isSound = all(hasValue(startLoss), hasValue(begin.objective));
      const [end, numbers] = scan(
        (best: typeof begin, [k, ...T]: readonly Tensor[]) => {
          const from = { given: { origin: T }, level: startLoss };
          const end = walk.trace(act(start, T, batch), setting, limits, from);
          const value = scalar(objective(end.params, batch, memory));
          const isHigher = logicalOr(equal(k, 0), greater(value, best.objective));
          const isBetter = all(isSound, end.isMoved, isHigher);
          const elements = (end.elements ?? []).map((t, i) =>
            isInRows ? concat([expandDims(T[i], 0), t]) : add(T[i], t),
          );
          const next = {
            params: chosen(isBetter, end.params, best.params),
            elements: best.elements.map((t, i) => where(isBetter, elements[i], t)),
            objective: where(isBetter, value, best.objective),
            index: where(isBetter, k, best.index),
            isMoved: logicalOr(best.isMoved, isBetter),
          };
          return [next, end.numbers];
        },
        begin,
        [places, ...blocks.map((x) => constant(x))],
      );
      const { params, elements, isMoved, index } = end;
      return {
        params,
        elements,
        isMoved,
        numbers: concat([packed([index]), reshape(numbers, [numbers.size])]),
      };
    },
    read(numbers, limits) {
      const [index] = numbers;
      const size = (numbers.length - 1) / count;
      const recordOf = (k: number, level?: number) =>
        walk.read(numbers.subarray(1 + k * size, 1 + (k + 1) * size), limits, level);
      const first = recordOf(0);
      if (first === undefined || index === 0) return first;
      const [start] = first.points;
      const best = recordOf(index, start.loss);
      return best && { ...best, points: [start, ...best.points.slice(1)] };
    },
  };
}
