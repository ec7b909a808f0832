// Search over discrete symmetries: Armenta et al., arXiv 2012.01118; Zhao et al., NeurIPS 2022, section 4.1.

import { describeValue } from "../../describe.js";
import { OptionError } from "../../errors.js";
import { whileLoop } from "../../graph/control/while.js";
import { add, cast, mul } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, logicalNot, where } from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import { gather } from "../../graph/ops/gather.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { createRng, type Rng } from "../../math/rng.js";
import { integerFrom } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import type { DiscreteElement, DiscreteSymmetry } from "../../symmetry/discrete/discrete.js";
import { all, chosen, stepNumbers } from "./guard-graph.js";
import { objectiveWhenNeeded } from "./objective-value.js";
import type { Search, SearchFactory, SearchProblem } from "./search.js";
import type { WalkInputs } from "./walk.js";
import { compileWalkProgram } from "./walk-program.js";

export interface DiscreteSearchOptions extends OptionsOf<typeof discreteSearchOptions> {}

export const discreteSearchOptions = optionTable("discreteSearch", {
  /** Number of moves to try in one walk; default 100. */
  tries: integerFrom(0).default(100),
  /** Number of walks, all but the first from a random element; default 1. */
  starts: integerFrom(1).default(1),
  /** Seed of the order of moves and of the random starts; default 0. */
  seed: integerFrom(0).default(0),
});

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
 * @throws OptionError for settings out of range, and for anything but a discrete symmetry
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
  requireDiscrete(symmetry);
  const { tries, starts, seed } = discreteSearchOptions.read(options);
  const shuffled = (rng: Rng) => rng.shuffle(Array.from({ length: symmetry.moves }, (_, i) => i));
  return async (problem) => {
    const objective = objectiveWhenNeeded(problem);
    const isWhole = starts === 1 && tries > 0 && tries * symmetry.moves <= mostOrdered;
    const whole = isWhole ? await compileDiscrete(symmetry, problem, orders()) : undefined;

    /** The moves to try after each accepted one, as many as there are tries. */
    function orders(): number[][] {
      const rng = createRng(seed).fork(0);
      return Array.from({ length: tries }, () => shuffled(rng).reverse().slice(0, tries));
    }

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
        let untried = shuffled(rng);
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
              if (index === undefined) return { stopped: noneRaises(symmetry.moves) };
              const move = symmetry.move(index);
              const params = symmetry.act(current, move);
              const value = await objective.at(params, setting);
              if (!(value > least)) continue;
              left--;
              candidate = { params, move, level: value };
              return params;
            }
            return { stopped: allTried(tries) };
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            total = symmetry.compose(candidate.move, total);
            ({ params: current, level } = candidate);
            candidate = undefined;
            untried = shuffled(rng);
          },
          pushForward: async (tree, power) => symmetry.pushForward(tree, total, power),
        };
      },
      ...(whole ? { compiledWalk: whole.compiledWalk, tracedWalk: whole.tracedWalk, races: true } : {}),
      async dispose() {
        await whole?.dispose();
        await objective.dispose();
      },
    };
  };
}

function requireDiscrete(value: unknown): void {
  const { moves, move, act } = (value ?? {}) as Partial<DiscreteSymmetry<unknown>>;
  if (Number.isInteger(moves) && typeof move === "function" && typeof act === "function") return;
  throw new OptionError(
    `discreteSearch takes a discrete symmetry, such as signFlips(params, signs); got ${describeValue(value)}. Where symmetriesOf finds no such group, its entry is undefined.`,
  );
}

const noneRaises = (moves: number) => `none of the ${moves} moves raises the objective`;
const allTried = (tries: number) => `${tries} moves were tried`;

/** Places in the orders of moves that are drawn in advance at most: beyond that, the host draws them. */
const mostOrdered = 2 ** 20;

/** What a candidate follows from. */
interface Tried {
  /** The move that raises the objective. */
  readonly move: Tensor;
  /** How many moves were tried of this order, and of all. */
  readonly place: Tensor;
  readonly count: Tensor;
}

/**
 * The same search as one program, if the symmetry can be traced.
 *
 * @param orders the moves to try after each accepted one
 */
async function compileDiscrete<P>(
  symmetry: DiscreteSymmetry<P>,
  problem: SearchProblem<P>,
  orders: readonly (readonly number[])[],
): Promise<Pick<Search<P>, "compiledWalk" | "tracedWalk" | "dispose"> | undefined> {
  const { trace, traceMove } = symmetry;
  if (trace === undefined || traceMove === undefined) return undefined;
  const { dtype, objective } = problem;
  const [tries, width] = [orders.length, orders[0].length];
  const given = { order: { shape: [tries, width], data: BigInt64Array.from(orders.flat(), BigInt) } };
  type Inputs = WalkInputs<typeof given>;
  interface Place {
    readonly params: TensorsOf<P>;
    /** The moves of all steps, the number of those that led here, and how many moves were tried on the way. */
    readonly moves: Tensor;
    readonly taken: Tensor;
    readonly count: Tensor;
  }
  const number = (x: number) => constant(x, dtype);
  const noMove = constant(0, "int64");
  const movedBy = (params: TensorsOf<P>, move: Tensor) => trace(params, traceMove(move));
  /** The next move that raises the objective. */
  const nextMove = (
    { params, taken }: Place,
    level: Tensor,
    from: Omit<Tried, "move">,
    { batch, memory, given: { order } }: Inputs,
  ) => {
    const least = add(level, mul(significant[dtype], abs(level)));
    const row = gather(order, cast(taken, "int64"));
    const { isFound, ...state } = whileLoop(
      ({ place, count, isFound: is }) => all(logicalNot(is), less(place, width), less(count, tries)),
      ({ place, count }) => {
        const move = gather(row, cast(place, "int64"));
        const value = reshape(objective(movedBy(params, move), batch, memory), []);
        return { move, place: add(place, 1), count: add(count, 1), isFound: greater(value, least) };
      },
      { ...from, move: noMove, isFound: constant(0, "bool") },
      { most: tries },
    );
    return { state, isFound };
  };
  const program = await compileWalkProgram<P, Place, Tried, typeof given>(problem, {
    steps: tries,
    given,
    push: "host",
    reasons: [noneRaises(symmetry.moves), allTried(tries)],
    begin: (params) => ({ params, moves: fill([tries], 0, "int64"), taken: number(-1), count: number(0) }),
    first: () => ({ move: noMove, place: number(0), count: number(0) }),
    candidate: ({ params, moves, taken }, { move, count }) => ({
      params: chosen(greater(0, taken), params, movedBy(params, move)),
      moves: where(equal(stepNumbers(tries, 0, dtype), taken), move, moves),
      taken: add(taken, 1),
      count,
    }),
    onward(here, { objective: level }, inputs) {
      const { state, isFound } = nextMove(here, level, { place: number(0), count: here.count }, inputs);
      return { state, stop: where(isFound, number(0), where(equal(state.count, tries), number(2), 1)) };
    },
    retry(base, { place, count }, { objective: level }, inputs) {
      const { state, isFound } = nextMove(base, level, { place, count }, inputs);
      return { state, hasOther: isFound };
    },
  });
  return (
    program && {
      ...program,
      async compiledWalk(...given) {
        const end = await program.walk(...given);
        if (end === undefined) return undefined;
        const { params, record, results } = end;
        return {
          params,
          ...record,
          async pushForward(tree, power) {
            const moves = Array.from(results.moves.data.subarray(0, record.steps), Number);
            const total = moves
              .map((index) => symmetry.move(index))
              .reduce((first, then) => symmetry.compose(then, first), symmetry.identity);
            return symmetry.pushForward(tree, total, power);
          },
        };
      },
    }
  );
}
