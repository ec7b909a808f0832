// Random sampling of group elements: Zhao et al., NeurIPS 2022, section 4.1.

import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { scan } from "../../graph/control/scan.js";
import { add, cast } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, where } from "../../graph/ops/compare.js";
import { gather } from "../../graph/ops/gather.js";
import { constant, fillLike } from "../../graph/ops/leaf.js";
import { sum } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import { argsort } from "../../graph/ops/sort.js";
import type { Tensor } from "../../graph/tensor.js";
import { createRng } from "../../math/rng.js";
import { integerFrom, positive } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import { isRefusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { orbitPath } from "./ascent/orbit-path.js";
import type { TrustRegion } from "./ascent/trust-region.js";
import { claimOf } from "./claim.js";
import { isSet } from "./guard-graph.js";
import { objectiveWhenNeeded } from "./objective-value.js";
import { compileOrbitWalk, type OrbitWalkOptions } from "./orbit-walk.js";
import { randomElement, stacked } from "./random-element.js";
import { isStop, type SearchFactory, type Setting, type Stop } from "./search.js";

export interface RandomSearchOptions extends OptionsOf<typeof randomSearchOptions> {}

export const randomSearchOptions = optionTable("randomSearch", {
  /** Number of group elements to try; default 20. */
  samples: integerFrom(1).default(20),
  /** Seed of the random elements; default 0. */
  seed: integerFrom(0).default(0),
  /** Largest T; default the symmetry's bound. */
  bound: positive.otherwise("the symmetry's bound"),
});

interface Sample {
  readonly T: readonly NdArray[];
  readonly objective: number;
}

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
    const objective = objectiveWhenNeeded(problem);
    await symmetry.prepare?.(problem.params, problem.batch);
    const { trace } = symmetry;
    const whole = trace && (await compileOrbitWalk(symmetry, trace, problem, proposalsOf(trace)));

    /** All samples that are better than the start, the best first, or why none of them can act. */
    const better = async (start: P, setting: Setting<P>): Promise<Sample[] | Stop> => {
      const level = await objective.at(start, setting);
      const found: Sample[] = [];
      const refusals: string[] = [];
      for (let k = 0; k < samples; k++) {
        const T = sampleOf(symmetry, region, seed, k);
        const params = await symmetry.act(start, T, setting.batch);
        if (isRefusal(params)) {
          refusals.push(params.refused);
          continue;
        }
        const value = await objective.at(params, setting);
        if (value > level) found.push({ T, objective: value });
      }
      if (refusals.length === samples) {
        return { stopped: `none of ${samples} random group elements can act: ${refusals[0]}` };
      }
      return found.sort((a, b) => b.objective - a.objective);
    };

    function proposalsOf(
      act: NonNullable<Symmetry<P>["trace"]>,
    ): OrbitWalkOptions<P, Ranking, { readonly T: readonly NdArray[] }> {
      const elements = Array.from({ length: samples }, (_, k) => sampleOf(symmetry, region, seed, k));
      const given = {
        T: symmetry.algebra.map((_, i) =>
          stacked(
            elements.map((T) => T[i]),
            problem.dtype,
          ),
        ),
      };
      const none: BigInt64Array = new BigInt64Array(samples);
      return {
        // Where the program cannot tell whether the group acts, the host decides.
        steps: 1,
        given,
        reasons: [noneHigher("none", samples), undefined],
        first: { order: constant({ shape: [samples], data: none }), better: constant(0, problem.dtype) },
        element({ given: { T } }, { order }, { halvings }) {
          const k = gather(order, reshape(cast(halvings, "int64"), [1]));
          return T.map((all, i) => reshape(gather(all, k), symmetry.algebra[i]));
        },
        hasOther: ({ better }, { halvings }) => less(add(halvings, 1), better),
        onward({ params, batch, memory, given: { T } }) {
          const valueAt = (p: typeof params) => reshape(problem.objective(p, batch, memory), []);
          const level = valueAt(params);
          const [, values] = scan(
            (c: readonly Tensor[], element: readonly Tensor[]) => {
              const value = valueAt(act(params, element, batch));
              return [c, where(equal(value, value), value, -Infinity)];
            },
            [],
            T as readonly Tensor[],
            { length: samples },
          );
          const better = sum(where(greater(values, level), fillLike(values, 1), 0));
          const order = argsort(values, { descending: true });
          const isCertain = symmetry.traceContext?.(params, batch).isCertain ?? fillLike(better, 1);
          const stop = where(isSet(isCertain), where(greater(better, 0), fillLike(better, 0), 1), 2);
          return { state: { order, better }, stop };
        },
      };
    }

    return {
      name: symmetry.name,
      exact: symmetry.exact,
      claim: claimOf(symmetry, region),
      steps: 1,
      async walk(start, setting) {
        const path = orbitPath(symmetry, start, setting.batch);
        let ranking: Sample[] | Stop | undefined;
        let tried = false;
        let candidate: { readonly params: P; readonly T: readonly NdArray[] } | undefined;
        return {
          async propose() {
            ranking ??= await better(start, setting);
            if (isStop(ranking)) return ranking;
            const next = ranking.shift();
            if (next === undefined) {
              return { stopped: noneHigher(tried ? "no other" : "none", samples) };
            }
            tried = true;
            const params = await symmetry.act(start, next.T, setting.batch);
            if (isRefusal(params)) return params;
            candidate = { params, T: next.T };
            return params;
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            path.take(candidate.params, candidate.T);
          },
          pushForward: path.pushForward,
        };
      },
      ...(whole ? { compiledWalk: whole.walk, tracedWalk: whole.tracedWalk, races: true } : {}),
      async dispose() {
        await whole?.dispose();
        await objective.dispose();
        await symmetry.dispose?.();
      },
    };
  };
}

const noneHigher = (which: string, samples: number) =>
  `${which} of ${samples} random group elements raises the objective`;

/** The numbers of all elements, the best first, and how many of them are better than the start. */
interface Ranking {
  readonly order: Tensor;
  readonly better: Tensor;
}

function sampleOf<P>(symmetry: Symmetry<P>, region: TrustRegion, seed: number, k: number): NdArray[] {
  const T = randomElement(symmetry, region, seed, k);
  if (region.kind === "element") return T;
  // A random element has half the bound as its norm.
  const factor = 2 * createRng(seed).fork("norm").fork(k).next();
  return T.map(({ shape, data }) => ({ shape, data: data.map((v) => factor * v) }));
}
