// Random sampling of group elements: Zhao et al., NeurIPS 2022, section 4.1.

import type { NdArray } from "../../array.js";
import { scan } from "../../graph/control/scan.js";
import { add, cast, minimum } from "../../graph/ops/arithmetic.js";
import { greater, less, lessEqual, logicalNot, where } from "../../graph/ops/compare.js";
import { gather } from "../../graph/ops/gather.js";
import { constant, fillLike } from "../../graph/ops/leaf.js";
import { sum } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import { argsort } from "../../graph/ops/sort.js";
import type { Tensor } from "../../graph/tensor.js";
import { createRng } from "../../math/rng.js";
import { integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { hasNumbers, hasValue, isSet } from "./guard-graph.js";
import { compileOrbitWalk, contextAt, firstOf, type OrbitWalkOptions, orbitSearch } from "./orbit-walk.js";
import type { SearchFactory } from "./search.js";
import { randomElement, stacked, type TrustRegion, timesElement } from "./trust-region.js";

export interface RandomSearchOptions extends OptionsOf<typeof randomSearchOptions> {}

export const randomSearchOptions = optionTable("randomSearch", {
  /** Number of group elements to try; default 20. */
  samples: integerFrom(1).default(20),
  /** Seed of the random elements; default 0. */
  seed: integerFrom(0).default(0),
  /** Largest T; default the symmetry's bound. */
  bound: positive.otherwise("the symmetry's bound"),
});

/**
 * Tries random elements of the trust region and moves to the best one: uniform in each entry of T, or of a
 * random direction with a norm uniform in [0, bound]. If the guard refuses it, the next best is proposed. No
 * derivative is needed; a sample costs one action and one evaluation of the objective.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const search = randomSearch(positiveScaling(params), { samples: 50, seed: 1 });
 * const teleporter = await createTeleporter({ search, loss, params, batch });
 */
export function randomSearch<P>(symmetry: Symmetry<P>, options: RandomSearchOptions = {}): SearchFactory<P> {
  requireSymmetry("randomSearch", symmetry);
  const { samples, seed, bound = symmetry.bound.value } = randomSearchOptions.read(options);
  const region: TrustRegion = { kind: symmetry.bound.kind, value: bound };
  return async (problem) => {
    const elements = Array.from({ length: samples }, (_, k) => sampleOf(symmetry, region, seed, k));
    const given = {
      T: symmetry.algebra.map((_, i) =>
        stacked(
          elements.map((T) => T[i]),
          problem.dtype,
        ),
      ),
    };
    const noneActs = (refused: string) => `none of ${samples} random group elements can act: ${refused}`;
    const none: BigInt64Array = new BigInt64Array(samples);
    const proposals: OrbitWalkOptions<P, Ranking, typeof given> = {
      steps: 1,
      given,
      reasons: [
        noneHigher(samples),
        noneActs(symmetry.traceRefusal ?? "the action is not finite"),
        undefined,
      ],
      says: noneActs,
      first: { order: constant({ shape: [samples], data: none }), better: constant(0, problem.dtype) },
      element({ given: { T } }, { order }, { halvings }) {
        // After the last one, when the walk is over, the index is not used.
        const k = gather(order, reshape(cast(minimum(halvings, samples - 1), "int64"), [1]));
        return T.map((all, i) => reshape(gather(all, k), symmetry.algebra[i]));
      },
      hasOther: (_from, { better }, { halvings }) => less(add(halvings, 1), better),
      onward({ params, batch, memory, given: { T }, objective: level }) {
        const [acting, values] = scan(
          (acts: Tensor, element: readonly Tensor[]) => {
            const moved = symmetry.trace(params, element, batch);
            const value = reshape(problem.objective(moved, batch, memory), []);
            return [where(hasNumbers(moved), 1, acts), where(hasValue(value), value, -Infinity)];
          },
          constant(0, problem.dtype),
          T as readonly Tensor[],
          { length: samples },
        );
        const better = sum(where(greater(values, level), fillLike(values, 1), 0));
        const order = argsort(values, { descending: true });
        const { isCertain } = contextAt(symmetry, params, batch, problem.dtype);
        const stop = firstOf(
          [
            [logicalNot(isSet(isCertain)), 3],
            [logicalNot(isSet(acting)), 2],
            [lessEqual(better, 0), 1],
          ],
          problem.dtype,
        );
        return { state: { order, better }, stop };
      },
    };
    return orbitSearch(symmetry, region, await compileOrbitWalk(symmetry, problem, proposals), { steps: 1 });
  };
}

const noneHigher = (samples: number) => `none of ${samples} random group elements raises the objective`;

/** The numbers of all elements, the best first, and how many of them are better than the start. */
interface Ranking {
  readonly order: Tensor;
  readonly better: Tensor;
}

function sampleOf<P>(symmetry: Symmetry<P>, region: TrustRegion, seed: number, k: number): NdArray[] {
  const T = randomElement(symmetry, region, seed, k);
  if (region.kind === "element") return T;
  // A random element has half the bound as its norm.
  return timesElement(T, 2 * createRng(seed).fork("norm").fork(k).next());
}
