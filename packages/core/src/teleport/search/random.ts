// Random sampling of group elements: Zhao et al., NeurIPS 2022, section 4.1.

import type { NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { createRng } from "../../math/rng.js";
import { integerFrom, positive } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { isRefusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { orbitPath } from "./ascent/orbit-path.js";
import type { TrustRegion } from "./ascent/trust-region.js";
import { claimOf } from "./claim.js";
import { compileObjective } from "./objective-value.js";
import { randomElement } from "./random-element.js";
import type { SearchFactory, Setting } from "./search.js";

export interface RandomSearchOptions {
  /** Number of group elements to try; default 20. */
  readonly samples?: number | undefined;
  /** Seed of the random elements; default 0. */
  readonly seed?: number | undefined;
  /** Largest T; default the symmetry's bound. */
  readonly bound?: number | undefined;
}

export const randomSearchOptions = optionTable("randomSearch", {
  samples: integerFrom(1).default(20),
  seed: integerFrom(0).default(0),
  bound: positive.otherwise("the symmetry's bound"),
} satisfies OptionRows<RandomSearchOptions>);

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
    const objective = await compileObjective(problem);
    await symmetry.prepare?.(problem.params, problem.batch);

    /** All samples that are better than the start, the best first. */
    const better = async (start: P, setting: Setting<P>): Promise<Sample[]> => {
      const level = await objective.at(start, setting);
      const found: Sample[] = [];
      for (let k = 0; k < samples; k++) {
        const T = sampleOf(symmetry, region, seed, k);
        const params = await symmetry.act(start, T, setting.batch);
        if (isRefusal(params)) continue;
        const value = await objective.at(params, setting);
        if (value > level) found.push({ T, objective: value });
      }
      return found.sort((a, b) => b.objective - a.objective);
    };

    return {
      name: symmetry.name,
      exact: symmetry.exact,
      claim: claimOf(symmetry, region),
      steps: 1,
      async walk(start, setting) {
        const path = orbitPath(symmetry, start, setting.batch);
        let ranking: Sample[] | undefined;
        let tried = false;
        let candidate: { readonly params: P; readonly T: readonly NdArray[] } | undefined;
        return {
          async propose() {
            ranking ??= await better(start, setting);
            const next = ranking.shift();
            if (next === undefined) {
              return {
                stopped: `${tried ? "no other" : "none"} of ${samples} random group elements raises the objective`,
              };
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
      async dispose() {
        await objective.dispose();
        await symmetry.dispose?.();
      },
    };
  };
}

function sampleOf<P>(symmetry: Symmetry<P>, region: TrustRegion, seed: number, k: number): NdArray[] {
  const T = randomElement(symmetry, region, seed, k);
  if (region.kind === "element") return T;
  // A random element has half the bound as its norm.
  const factor = 2 * createRng(seed).fork("norm").fork(k).next();
  return T.map(({ shape, data }) => ({ shape, data: data.map((v) => factor * v) }));
}
