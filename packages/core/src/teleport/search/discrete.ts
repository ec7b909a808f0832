// Search over discrete symmetries: Armenta et al., arXiv 2012.01118; Zhao et al., NeurIPS 2022, section 4.1.

import { OptionError } from "../../errors.js";
import { createRng } from "../../math/rng.js";
import { integerFrom } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import type { DiscreteElement, DiscreteSymmetry } from "../../symmetry/discrete/discrete.js";
import { compileObjective } from "./objective-value.js";
import type { SearchFactory } from "./search.js";

export interface DiscreteSearchOptions {
  /** Number of moves to try in one walk; default 100. */
  readonly tries?: number | undefined;
  /** Number of walks, all but the first from a random element; default 1. */
  readonly starts?: number | undefined;
  /** Seed of the order of moves and of the random starts; default 0. */
  readonly seed?: number | undefined;
}

export const discreteSearchOptions = optionTable("discreteSearch", {
  tries: integerFrom(0).default(100),
  starts: integerFrom(1).default(1),
  seed: integerFrom(0).default(0),
} satisfies OptionRows<DiscreteSearchOptions>);

/** Relative rise of the objective above which it is not rounding. */
const significant = { float32: 1e-5, float64: 1e-10 };

/**
 * Tries elementary moves, such as swaps of two units or flips of one, in a random order and continues from
 * each that raises the objective, until none does: a local maximum with respect to the moves. Each try costs
 * one evaluation of the objective.
 *
 * Permutations and flips are orthogonal: ||grad L||^2 stays the same, and a teleport then reports that no move raises
 * it. They help with objectives that distinguish parameters, such as one with an optimizer's moments, which
 * do not move.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const { signs } = symmetriesOf(loss, params, batch).found;
 * const search = discreteSearch(signFlips(params, signs), { tries: 200 });
 * const teleporter = await createTeleporter({ search, objective, loss, params, batch });
 */
export function discreteSearch<P>(
  symmetry: DiscreteSymmetry<P>,
  options: DiscreteSearchOptions = {},
): SearchFactory<P> {
  const { tries, starts, seed } = discreteSearchOptions.read(options);
  return async (problem) => {
    const objective = await compileObjective(problem);
    return {
      name: symmetry.name,
      exact: symmetry.exact,
      claim: {
        name: symmetry.name,
        generators: symmetry.generators,
        move: async (params, _, rng) => symmetry.act(params, symmetry.random(rng)),
      },
      steps: tries,
      starts,
      async walk(start, setting, index) {
        const rng = createRng(seed).fork(index);
        let total: DiscreteElement = index > 0 ? symmetry.random(rng) : symmetry.identity;
        let current = index > 0 ? symmetry.act(start, total) : start;
        let level: number | undefined;
        let left = tries;
        /** Moves that have not yet failed at this point, the next one last. */
        let untried = shuffledMoves();
        let candidate:
          | { readonly params: P; readonly move: DiscreteElement; readonly level: number }
          | undefined;
        return {
          origin: index > 0 ? current : undefined,
          async propose() {
            level ??= await objective.at(current, setting);
            const least = level + significant[problem.dtype] * Math.abs(level);
            for (; left > 0; left--) {
              const index = untried.pop();
              if (index === undefined)
                return { stopped: `none of the ${symmetry.moves} moves raises the objective` };
              const move = symmetry.move(index);
              const params = symmetry.act(current, move);
              const value = await objective.at(params, setting);
              if (!(value > least)) continue;
              left--;
              candidate = { params, move, level: value };
              return params;
            }
            return { stopped: `${tries} moves were tried` };
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            total = symmetry.compose(candidate.move, total);
            ({ params: current, level } = candidate);
            candidate = undefined;
            untried = shuffledMoves();
          },
          pushForward: async (tree, power) => symmetry.pushForward(tree, total, power),
        };

        function shuffledMoves(): number[] {
          return rng.shuffle(Array.from({ length: symmetry.moves }, (_, i) => i));
        }
      },
      dispose: objective.dispose,
    };
  };
}
