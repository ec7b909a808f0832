// A whole walk on an orbit as one compiled program, for symmetries whose action can be traced.
import type { NdArray } from "../../array.js";
import type { BatchTensors } from "../../batch.js";
import { add } from "../../graph/ops/arithmetic.js";
import { equal, greater, where } from "../../graph/ops/compare.js";
import { fill } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import type { Memory } from "../objective/objective.js";
import { pushedAlong } from "./ascent/compiled-walk.js";
import { stepNumbers } from "./guard-graph.js";
import type { Onward, Status } from "./guarded-loop.js";
import { type Search, type SearchProblem, tracedPushOf } from "./search.js";
import type { WalkInputs, WalkOptions } from "./walk.js";
import { compileWalkProgram } from "./walk-program.js";

export type Blocks = readonly Tensor[];

/** A point of the orbit, with what a search measures by. */
export interface OrbitPoint<P, G> {
  readonly params: TensorsOf<P>;
  /** Sum of all T from the start. */
  readonly total: Blocks;
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** What the host gives to the program. */
  readonly given: TensorsOf<G>;
}

/** What an orbit's search proposes. Traced. */
export interface OrbitProposals<P, S, G> {
  /** The state before the first pass. */
  readonly first: S;
  /** T from the last accepted point to the candidate; not asked for before the start is accepted. Traced. */
  element(from: OrbitPoint<P, G>, state: S, status: Status<Tensor>): Blocks;
  /** See `Visit.onward`. */
  onward(point: OrbitPoint<P, G>): Onward<S>;
  /** Whether there is another candidate after a refused one, as a bool; left out: always, at half the step. */
  hasOther?(state: S, status: Status<Tensor>): Tensor;
}

export type OrbitWalkOptions<P, S, G> = OrbitProposals<P, S, G> &
  Pick<WalkOptions<P, Place<P>, S, G>, "steps" | "given" | "reasons">;

interface Place<P> {
  readonly params: TensorsOf<P>;
  readonly total: Blocks;
  /** The elements of all steps, a row each. */
  readonly elements: Blocks;
}

/** Compiles a search as a loop of guarded passes; undefined where the provider lacks float64. */
export async function compileOrbitWalk<P, S, G>(
  symmetry: Symmetry<P>,
  act: NonNullable<Symmetry<P>["trace"]>,
  problem: SearchProblem<P>,
  { steps, given, reasons, first, element, onward, hasOther }: OrbitWalkOptions<P, S, G>,
) {
  const { dtype } = problem;
  const pointAt = (
    { params, total }: Place<P>,
    { batch, memory, given: own }: WalkInputs<G>,
  ): OrbitPoint<P, G> => ({ params, total, batch, memory, given: own });
  const program = await compileWalkProgram<P, Place<P>, S, G>(problem, {
    steps,
    given,
    reasons,
    first: () => first,
    push: tracedPushOf(symmetry),
    elementsOf: ({ total, elements }) => (symmetry.additive ? total : elements),
    begin: (params) => ({
      params,
      total: symmetry.algebra.map((shape) => fill(shape, 0, dtype)),
      elements: symmetry.algebra.map((shape) => fill([steps, ...shape], 0, dtype)),
    }),
    candidate(base, state, status, inputs) {
      const isStart = greater(0, status.taken);
      const T = element(pointAt(base, inputs), state, status).map((t) => where(isStart, 0, t));
      return {
        params: act(base.params, T, inputs.batch),
        total: base.total.map((t, i) => add(t, T[i])),
        elements: base.elements.map((all, i) =>
          where(equal(stepNumbers(steps, T[i].rank, dtype), status.taken), T[i], all),
        ),
      };
    },
    onward: (place, _measured, inputs) => onward(pointAt(place, inputs)),
    ...(hasOther ? { retry: (_base, state, status) => ({ state, hasOther: hasOther(state, status) }) } : {}),
  });
  if (program === undefined) return undefined;
  const { walk: run, tracedWalk, dispose } = program;
  const walk: NonNullable<Search<P>["compiledWalk"]> = async (start, setting, count, limits) => {
    const end = await run(start, setting, count, limits);
    if (end === undefined) return undefined;
    const { params, record, results } = end;
    const elementsOf = () =>
      symmetry.additive
        ? [symmetry.algebra.map((_, i) => results[`total.${i}`])]
        : Array.from({ length: record.steps }, (_, k) =>
            symmetry.algebra.map((shape, i) => {
              const { data } = results[`elements.${i}`];
              const size = data.length / steps;
              return { shape, data: data.subarray(k * size, (k + 1) * size) } as NdArray;
            }),
          );
    return {
      params,
      ...record,
      ...(symmetry.pushForward
        ? {
            pushForward: (tree, power) =>
              pushedAlong(symmetry, tree, elementsOf(), { power, start, batch: setting.batch }),
          }
        : {}),
    };
  };
  return { walk, ...(tracedWalk ? { tracedWalk } : {}), dispose };
}
