// Search over discrete symmetries: Armenta et al., arXiv 2012.01118; Zhao et al., NeurIPS 2022, section 4.1.

import type { NdArray } from "../../array.js";
import { describeValue, OptionError } from "../../errors.js";
import { whileLoop } from "../../graph/control/while.js";
import { add, cast, div, mul, sub } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, logicalAnd, logicalNot, where } from "../../graph/ops/compare.js";
import { abs, floor } from "../../graph/ops/elementary.js";
import { gather } from "../../graph/ops/gather.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { createRng, type Rng } from "../../math/rng.js";
import { integerFrom, type OptionsOf, optionTable } from "../../options.js";
import type { DiscreteSymmetry } from "../../symmetry/discrete/discrete.js";
import { all, chosen, hasValue, stepNumbers } from "./guard-graph.js";
import type { SearchFactory, SearchProblem } from "./search.js";
import type { WalkInputs } from "./walk.js";
import { compileWalkProgram } from "./walk-program.js";

export interface DiscreteSearchOptions extends OptionsOf<typeof discreteSearchOptions> {}

export const discreteSearchOptions = optionTable("discreteSearch", {
  /** Number of moves to try in one walk; default 100. */
  tries: integerFrom(0).default(100),
  /** Number of walks, all but the first from a random element, which counts once a step from it is accepted; default 1. */
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
    requireTracedMoves(symmetry);
    const { run, tracedWalk, dispose } = await compileDiscrete(symmetry, problem, {
      tries,
      orders: ordersBy(createRng(seed).fork(0)),
    });

    /** The moves to try after each accepted one. */
    function ordersBy(rng: Rng): NdArray {
      const width = Math.min(symmetry.moves, tries);
      const rows = Math.max(1, Math.min(tries, Math.floor(mostOrdered / Math.max(1, width))));
      const orders = new BigInt64Array(rows * Math.max(1, width));
      for (let k = 0; k < rows; k++) {
        orders.set(shuffled(rng).reverse().slice(0, width).map(BigInt), k * width);
      }
      return { shape: [rows, Math.max(1, width)], data: orders };
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
      races: true,
      async run(start, setting, limits, how = {}) {
        const { index = 0 } = how;
        if (index === 0) return run(start, setting, limits, how);
        const rng = createRng(seed).fork(index);
        const first = symmetry.random(rng);
        const origin = symmetry.act(start, first);
        const reason = await how.whyNot?.(origin);
        if (reason !== undefined) return { params: start, steps: 0, points: [], reason };
        const walked = await run(origin, setting, limits, how, { order: ordersBy(rng) });
        return {
          ...walked,
          pushForward: async (tree, power) =>
            walked.pushForward?.(symmetry.pushForward(tree, first, power), power) as Promise<P>,
        };
      },
      tracedWalk: starts === 1 ? tracedWalk : undefined,
      dispose,
    };
  };
}

/** @throws OptionError that says what is missing */
function requireTracedMoves<P>(symmetry: DiscreteSymmetry<P>): asserts symmetry is TracedMoves<P> {
  if (symmetry.trace && symmetry.traceMove) return;
  throw new OptionError(
    `discreteSearch needs the action of "${symmetry.name}" as traced functions, \`trace(params, element)\` and \`traceMove(index)\`, beside \`act\` and \`move\`: a search is one program.`,
  );
}

type TracedMoves<P> = DiscreteSymmetry<P> & Required<Pick<DiscreteSymmetry<P>, "trace" | "traceMove">>;

function requireDiscrete(value: unknown): void {
  const { moves, move, act } = (value ?? {}) as Partial<DiscreteSymmetry<unknown>>;
  if (Number.isInteger(moves) && typeof move === "function" && typeof act === "function") return;
  throw new OptionError(
    `discreteSearch takes a discrete symmetry, such as signFlips(params, signs); got ${describeValue(value)}. Where symmetriesOf finds no such group, its entry is undefined.`,
  );
}

const noneRaises = (moves: number) => `none of the ${moves} moves raises the objective`;
const allTried = (tries: number) => `${tries} moves were tried`;

/** Places in the orders of moves at most, which are drawn in advance: after more accepted moves they come again. */
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
 * The search as a program.
 *
 * @param orders the moves to try after each accepted one
 */
async function compileDiscrete<P>(
  symmetry: TracedMoves<P>,
  problem: SearchProblem<P>,
  { tries, orders }: { readonly tries: number; readonly orders: NdArray },
) {
  const { trace, traceMove } = symmetry;
  const { dtype, objective } = problem;
  const width = Math.min(symmetry.moves, tries);
  const steps = Math.max(tries, 1);
  const given = { order: orders };
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
    const [rows] = order.shape;
    // The number of the row, which begins again after the last.
    const row = gather(order, cast(sub(taken, mul(rows, floor(div(taken, rows)))), "int64"));
    const { isFound, ...state } = whileLoop(
      ({ place, count, isFound: is }) => all(logicalNot(is), less(place, width), less(count, tries)),
      ({ place, count }) => {
        const move = gather(row, cast(place, "int64"));
        const value = reshape(objective(movedBy(params, move), batch, memory), []);
        const isFound = logicalAnd(hasValue(value), greater(value, least));
        return { move, place: add(place, 1), count: add(count, 1), isFound };
      },
      { ...from, move: noMove, isFound: constant(0, "bool") },
      { most: steps },
    );
    return { state, isFound };
  };
  return compileWalkProgram<P, Place, Tried, typeof given>(problem, {
    steps: tries,
    given,
    push: "host",
    reasons: [noneRaises(symmetry.moves), allTried(tries)],
    begin: (params) => ({ params, moves: fill([steps], 0, "int64"), taken: number(-1), count: number(0) }),
    first: () => ({ move: noMove, place: number(0), count: number(0) }),
    candidate: ({ params, moves, taken }, { move, count }) => ({
      params: chosen(greater(0, taken), params, movedBy(params, move)),
      moves: where(equal(stepNumbers(steps, 0, dtype), taken), move, moves),
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
    pushForward:
      ({ place, steps: count }) =>
      async (tree, power) => {
        const total = Array.from(place.moves.data.subarray(0, count), Number)
          .map((index) => symmetry.move(index))
          .reduce((first, then) => symmetry.compose(then, first), symmetry.identity);
        return symmetry.pushForward(tree, total, power);
      },
  });
}
