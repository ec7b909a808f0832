// A whole walk on an orbit as one compiled program, for symmetries whose action can be traced.
import type { NdArray } from "../../array.js";
import type { Batch, BatchTensors } from "../../batch.js";
import { backward, grad } from "../../graph/autodiff.js";
import type { Graph } from "../../graph/graph.js";
import { add } from "../../graph/ops/arithmetic.js";
import { equal, greater, where } from "../../graph/ops/compare.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { alias } from "../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { isRefusal, type Refusal, type Symmetry, type TracedContext } from "../../symmetry/symmetry.js";
import { tangentOf } from "../../symmetry/tangent.js";
import { flatten } from "../../tree.js";
import type { Memory, PointValue } from "../objective/objective.js";
import { stepNumbers } from "./guard-graph.js";
import type { Onward, Status } from "./guarded-loop.js";
import { type Search, type SearchProblem, tracedPushOf } from "./search.js";
import { claimOf, type TrustRegion } from "./trust-region.js";
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
  /** The objective there, and its gradient in the parameters, an array each; of an accepted point. */
  readonly objective: Tensor;
  slope(): readonly Tensor[];
}

/** What an orbit's search proposes. Traced. */
export interface OrbitProposals<P, S, G> {
  /** The state before the first pass. */
  readonly first: S;
  /** T from the last accepted point to the candidate; not asked for before the start is accepted. Traced. */
  element(from: Base<P, G>, state: S, status: Status<Tensor>): Blocks;
  /** See `WalkOptions.onward`; the state and the status are those before. */
  onward(point: OrbitPoint<P, G>, state: S, status: Status<Tensor>): Onward<S>;
  /** Whether there is another candidate after a refused one, as a bool; left out: always, at half the step. */
  hasOther?(from: Base<P, G>, state: S, status: Status<Tensor>): Tensor;
  /** Says why nothing moves where the symmetry cannot act; left out: as the symmetry does. */
  says?(refused: string): string;
}

export type OrbitWalkOptions<P, S, G> = OrbitProposals<P, S, G> &
  Pick<WalkOptions<P, Place<P>, S, G>, "steps" | "given" | "reasons" | "eager" | "isJump">;

/** An accepted point, without what was measured there. */
export type Base<P, G> = Omit<OrbitPoint<P, G>, "objective" | "slope">;

interface Place<P> {
  readonly params: TensorsOf<P>;
  readonly total: Blocks;
  /** The elements of all steps, a row each. */
  readonly elements: Blocks;
}

/** What a symmetry's derivative needs at a point. Traced. */
export const contextAt = <P>(
  { traceContext }: Pick<Symmetry<P>, "traceContext">,
  params: TensorsOf<P>,
  batch: BatchTensors,
  dtype: "float32" | "float64",
): TracedContext => traceContext?.(params, batch) ?? { context: [], isCertain: constant(1, dtype) };

/** The number of the first condition that holds, else 0. */
export const firstOf = (
  cases: readonly (readonly [Tensor, number])[],
  dtype: "float32" | "float64",
): Tensor =>
  cases.reduceRight<Tensor>((others, [holds, number]) => where(holds, number, others), constant(0, dtype));

/** What runs a search. */
export type OrbitProgram<P> = Pick<Search<P>, "run" | "tracedWalk" | "dispose">;

/** A search on the orbit of a symmetry, which it owns, by a program of {@link compileOrbitWalk}. */
export const orbitSearch = <P>(
  symmetry: Symmetry<P>,
  region: TrustRegion,
  program: OrbitProgram<P>,
  { steps, name = symmetry.name }: Pick<Search<P>, "steps"> & Partial<Pick<Search<P>, "name">>,
): Search<P> => ({
  name,
  exact: symmetry.exact,
  claim: claimOf(symmetry, region),
  steps,
  races: true,
  ...program,
  async dispose() {
    await program.dispose();
    await symmetry.dispose?.();
  },
});

/** Compiles a search as a loop of guarded passes. */
export async function compileOrbitWalk<P, S, G>(
  symmetry: Symmetry<P>,
  problem: SearchProblem<P>,
  {
    steps,
    given,
    reasons,
    first,
    element,
    onward,
    hasOther,
    eager,
    isJump,
    says = (refused) => refused,
  }: OrbitWalkOptions<P, S, G>,
) {
  const { dtype } = problem;
  const baseAt = ({ params, total }: Place<P>, { batch, memory, given: own }: WalkInputs<G>): Base<P, G> => ({
    params,
    total,
    batch,
    memory,
    given: own,
  });
  /** Whether a tree that is transformed along needs each element. */
  const isInRows = symmetry.pushForward !== undefined && !symmetry.additive;
  const uncertain = `the search computes what "${symmetry.name}" needs at this point too inaccurately`;
  const rows = Math.max(steps, 1);
  /** The elements of all steps, or their sum where elements add up. */
  const elementsIn = (place: Readonly<Record<string, NdArray>>, count: number) =>
    symmetry.additive
      ? [symmetry.algebra.map((_, i) => place[`total.${i}`])]
      : Array.from({ length: count }, (_, k) =>
          symmetry.algebra.map((shape, i) => {
            const { data } = place[`elements.${i}`];
            const size = data.length / rows;
            return { shape, data: data.subarray(k * size, (k + 1) * size) } as NdArray;
          }),
        );
  return compileWalkProgram<P, Place<P>, S, G>(problem, {
    steps,
    lost: symmetry.traceRefusal,
    given,
    reasons,
    eager,
    isJump,
    first: () => first,
    push: tracedPushOf(symmetry),
    elementsOf: ({ total, elements }) => (isInRows ? elements : total),
    async explain(end, { batch }) {
      const context = await symmetry.context?.(end, batch);
      return says(isRefusal(context) ? context.refused : uncertain);
    },
    pushForward: ({ place, steps: count, start, batch }) =>
      symmetry.pushForward &&
      ((tree, power) => pushed(symmetry, tree, elementsIn(place, count), { power, start, batch })),
    begin: (params) => ({
      params,
      total: symmetry.algebra.map((shape) => fill(shape, 0, dtype)),
      elements: isInRows ? symmetry.algebra.map((shape) => fill([rows, ...shape], 0, dtype)) : [],
    }),
    candidate(base, state, status, inputs) {
      const isStart = greater(0, status.taken);
      const T = element(baseAt(base, inputs), state, status).map((t) => where(isStart, 0, t));
      return {
        params: symmetry.trace(base.params, T, inputs.batch),
        total: base.total.map((t, i) => add(t, T[i])),
        elements: base.elements.map((all, i) =>
          where(equal(stepNumbers(rows, T[i].rank, dtype), status.taken), T[i], all),
        ),
      };
    },
    onward: (place, { objective, slope }, inputs, { state, status }) =>
      onward({ ...baseAt(place, inputs), objective, slope: slope as () => Blocks }, state, status),
    ...(hasOther
      ? {
          retry: (base, state, status, inputs) => ({
            state,
            hasOther: hasOther(baseAt(base, inputs), state, status),
          }),
        }
      : {}),
  });
}

/** A tree transformed along the actions of elements one after the other: see `Symmetry.pushForward`. */
async function pushed<P>(
  symmetry: Symmetry<P>,
  tree: P,
  elements: readonly (readonly NdArray[])[],
  { power, start, batch }: { readonly power: 1 | 2; readonly start: P; readonly batch: Batch },
): Promise<P | Refusal> {
  let [along, from]: [P | Refusal, P | Refusal] = [tree, start];
  for (const T of elements) {
    along = (await symmetry.pushForward?.(along, T, power, from, batch)) ?? along;
    if (isRefusal(along) || T === elements[elements.length - 1]) return along;
    from = await symmetry.act(from, T, batch);
    if (isRefusal(from)) return from;
  }
  return along;
}

// The derivative along a group's orbit: Zhao et al., NeurIPS 2022, section 4.1, by the chain rule through the action.

/**
 * Traces the gradient of a function of the parameters in the algebra's T at the identity,
 *
 * d/dT f(T.w) = (d(T.w)/dT)' grad f(w)
 *
 * For f = ||grad L||^2 it costs one Hessian-vector product (grad f = 2 H grad L) and one product with the
 * transposed derivative of the action. Inputs: `params`, `batch`, `memory`, `context`; outputs `T.0`, `T.1`,
 * ... in the algebra's shapes.
 *
 * @param value f
 */
export function traceAscent<P>(
  symmetry: Symmetry<P>,
  value: PointValue<P>,
  { params, batch, memory, dtype }: Pick<SearchProblem<P>, "params" | "batch" | "memory" | "dtype">,
): Graph {
  const context = (symmetry.contextShapes?.(batch) ?? []).map((shape) => spec(shape, dtype));
  const { graph } = trace(
    ({ params: p, batch: b, memory: m, context: c }) => {
      const slope = flatten(grad(value)(p, b, m), isTensor).leaves;
      return { T: ascentAlong(symmetry, slope, { params: p, batch: b, context: c, dtype }) };
    },
    { params, batch, memory, context },
  );
  return graph;
}

/** The gradient of {@link traceAscent} as part of a graph, from the function's gradient in the parameters, an array each. */
export function ascentAlong<P>(
  symmetry: Symmetry<P>,
  slope: readonly Tensor[],
  { params, batch, context, dtype }: AscentPoint<P>,
): Tensor[] {
  const T = symmetry.algebra.map((shape) => alias(fill(shape, 0, dtype)));
  return backward(tangentOf(symmetry, params, T, batch, context), slope, T);
}

interface AscentPoint<P> {
  readonly params: TensorsOf<P>;
  readonly batch: BatchTensors;
  readonly context: readonly Tensor[];
  readonly dtype: "float32" | "float64";
}
