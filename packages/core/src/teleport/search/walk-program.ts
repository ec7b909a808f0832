// A whole walk, guard and race included, as one compiled program: a loop of guarded passes.
import { isNdArray, type NdArray } from "../../array.js";
import type { BatchTensors } from "../../batch.js";
import { cond } from "../../graph/control/cond.js";
import { whileLoop } from "../../graph/control/while.js";
import { add } from "../../graph/ops/arithmetic.js";
import { equal, greater, greaterEqual, less, logicalAnd, where } from "../../graph/ops/compare.js";
import { constant, fill, fillLike } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { namedLike } from "../../named-arrays.js";
import { compile, lacksFloat64 } from "../../runtime/compile.js";
import { flatten, unflatten } from "../../tree.js";
import { type Limits, limitsOf } from "../guard.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { RaceArrays } from "../race.js";
import {
  type Bounds,
  boundNames,
  boundsOf,
  constantBounds,
  type Measured,
  stepNumbers,
  unpacked,
} from "./guard-graph.js";
import {
  type Carried,
  endOf,
  firstStatus,
  guardedPass,
  type Onward,
  pointsOf,
  type Retry,
  rowOf,
  type Status,
  statusNames,
  statusSize,
  type TracedProposals,
  widthOf,
} from "./guarded-loop.js";
import type { Elements, SearchProblem, Setting, TracedWalk, WalkRecord } from "./search.js";
import { warmUp } from "./warm-up.js";

/** What moves in a walk. */
interface Place<P> {
  readonly params: TensorsOf<P>;
}

/** What a walk depends on besides its start. */
export interface WalkInputs<G, I = undefined> {
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** What the host gives to the program. */
  readonly given: TensorsOf<G>;
  /** See {@link WalkProgramOptions.invariant}. */
  readonly invariant: I;
  /** Where the race begins, if there is one. */
  readonly race: TensorsOf<RaceArrays | object>;
  readonly bounds: Bounds;
}

/**
 * What a walk proposes. Traced.
 *
 * @typeParam X the parameters, and what else moves with them
 * @typeParam S tree of what a proposal depends on
 * @typeParam G tree of what the host gives
 * @typeParam I what is computed once, at the start
 */
export interface WalkProgramOptions<P, X extends Place<P>, S, G, I = undefined> {
  readonly steps: number;
  /** See {@link TracedWalk.push}, and {@link TracedEnd.elements}. */
  readonly push: TracedWalk<P>["push"];
  elementsOf?(place: X): Elements;
  /** Example of what the host gives, and its values where a walk is not given others. */
  readonly given: G;
  /** Reasons to stop, by number from 1; undefined: the host has to decide. */
  readonly reasons: readonly (string | undefined)[];
  /** The place before the first pass, and the state there. */
  begin(start: TensorsOf<P>): X;
  readonly first: S;
  /** What stays the same along a walk; left out: nothing. */
  invariant?(start: TensorsOf<P>, inputs: Omit<WalkInputs<G, I>, "invariant">): I;
  /** See {@link TracedProposals}; before the start is accepted, the start itself. */
  candidate(base: X, state: S, status: Status<Tensor>, inputs: WalkInputs<G, I>): X;
  onward(place: X, measured: Measured, inputs: WalkInputs<G, I>): Onward<S>;
  /**
   * A measurement that shares what stays the same along the walk, also with what follows; the last point is measured without
   * that. Left out: all are.
   */
  measure?(place: X, inputs: WalkInputs<G, I>): Measured;
  retry?(base: X, state: S, status: Status<Tensor>, inputs: WalkInputs<G, I>): Retry<S>;
}

/** What a program did. */
export interface ProgramEnd<P> {
  readonly params: P;
  readonly record: WalkRecord;
  /** The last place, by name. */
  readonly results: Readonly<Record<string, NdArray>>;
}

/** Passes at most: a bound that no walk comes near. */
const mostPasses = 100_000;

/** What is carried from pass to pass. */
interface Walked<X, S> extends Carried<X, S> {
  /** See `endOf`: the rows of accepted points but that of the last step, and that one or the last refused one. */
  readonly points: Tensor;
  readonly latest: Tensor;
}

/** Compiles a search as a loop of guarded passes; undefined where the provider lacks float64. */
export async function compileWalkProgram<P, X extends Place<P>, S, G, I = undefined>(
  { loss, objective, race, params, batch, memory, dtype, compileOptions }: SearchProblem<P>,
  options: WalkProgramOptions<P, X, S, G, I>,
) {
  const {
    steps,
    push,
    elementsOf,
    given,
    reasons,
    begin,
    first,
    invariant,
    measure,
    candidate,
    onward,
    retry,
  } = options;
  const example = { params, batch, memory, given, race: race?.start ?? {} };
  const width = widthOf(race);
  const scalar = (x: Tensor) => reshape(x, []);
  const flat = (x: Tensor) => reshape(x, [x.size]);
  const walked = (start: TensorsOf<P>, from: Omit<WalkInputs<G, I>, "invariant">) => {
    const { batch: b, memory: m, race: raceStart, bounds: limits } = from;
    const inputs: WalkInputs<G, I> = { ...from, invariant: invariant?.(start, from) as I };
    const measured = (p: TensorsOf<P>): Measured => ({
      loss: scalar(loss(p, b)),
      objective: scalar(objective(p, b, m)),
      gradNormSq: gradNormSq(loss)(p, b, m),
    });
    const proposals: TracedProposals<X, S> = {
      candidate: (base, state, status) => candidate(base, state, status, inputs),
      visit(place, { taken }) {
        const p = place.params;
        const last = () => ({ own: measured(p), state: first, stop: fillLike(taken, 0) });
        const shared = (own: Measured) => ({ own, ...onward(place, own, inputs) });
        const { own, ...next } = measure
          ? cond(greaterEqual(add(taken, 1), limits.steps), last, () => shared(measure(place, inputs)))
          : last();
        const here = {
          ...own,
          ...(race ? { racedLoss: scalar(race.lossAfter(p, b, raceStart as TensorsOf<RaceArrays>)) } : {}),
        };
        return { measured: here, onward: () => (measure ? next : onward(place, here, inputs)) };
      },
      ...(retry ? { retry: (base, state, status) => retry(base, state, status, inputs) } : {}),
    };
    const still: Walked<X, S> = {
      base: begin(start),
      state: first,
      status: constant(firstStatus(dtype)),
      points: fill([steps, width], 0, dtype),
      latest: fill([width], 0, dtype),
    };
    const end = whileLoop<Walked<X, S>>(
      ({ status }) => equal(unpacked(status, statusNames).outcome, 0),
      ({ points, latest, ...from }) => {
        const { next, row, taken, isStepping } = guardedPass<X, S>(from, proposals, limits);
        return {
          ...next,
          points: where(logicalAnd(isStepping, equal(stepNumbers(steps, 1, dtype), taken)), row, points),
          latest: where(isStepping, latest, row),
        };
      },
      still,
      { most: mostPasses },
    );
    const { base, status, points, latest } = end;
    const all = concat([latest, flat(points)]);
    if (!measure) return { ...base, status, numbers: concat([status, all]) };
    const { taken, racedLoss } = unpacked(status, statusNames);
    const last = cond(
      less(taken, limits.steps),
      () => rowOf({ ...measured(base.params), ...(race ? { racedLoss } : {}) }),
      () => latest,
    );
    return { ...base, status, numbers: concat([status, last, all]) };
  };
  const { graph } = trace(
    ({ params: start, bounds: vector, ...inputs }) => {
      const { status: _, ...end } = walked(start as TensorsOf<P>, {
        ...(inputs as Omit<WalkInputs<G>, "bounds" | "invariant">),
        bounds: unpacked(vector, boundNames),
      });
      return end;
    },
    { ...example, bounds: spec([boundNames.length], dtype) },
  );
  if (lacksFloat64(graph, compileOptions)) return undefined;
  const executable = await compile(graph, compileOptions);
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  const inputsOf = namedLike(flatten<SpecLeaf>(example, isSpecLeaf));
  await warmUp(executable, {
    ...inputsOf<SpecLeaf>(example),
    bounds: boundsOf(limitsOf(false, dtype), steps, dtype),
  });

  /** What a walk did; undefined where the host has to decide. */
  const read = (numbers: NdArray["data"], count: number, limits: Limits): WalkRecord | undefined => {
    const status = numbers.subarray(0, statusSize);
    const all = pointsOf(numbers, width, statusSize);
    const last = measure && all.shift();
    const [latest, ...others] = all;
    const taken = Number(status[statusNames.indexOf("taken")]);
    const before = others.slice(0, Math.min(taken + 1, count));
    const points = taken === count ? [...before, latest] : before;
    if (last && taken >= 0) points[taken] = last;
    const end = endOf({ points, refused: latest, status }, limits);
    const reason = end?.reason ?? (end?.stop === undefined ? undefined : reasons[end.stop - 1]);
    if (end === undefined || reason === undefined) return undefined;
    return { steps: end.steps, halvings: end.halvings, points, reason };
  };
  const tracedWalk: TracedWalk<P> = {
    push,
    trace(start, setting, limits) {
      const bounds = unpacked(constantBounds(limits, steps, dtype), boundNames);
      const all = flatten<NdArray>(given, isNdArray);
      const constants = unflatten(
        all.def,
        all.leaves.map((x) => constant(x)),
      ) as TensorsOf<G>;
      const inputs = { ...setting, given: constants, bounds };
      const { status, numbers, ...place } = walked(start, inputs);
      const isMoved = greater(unpacked(status, statusNames).taken, 0);
      const elements = elementsOf?.(place as unknown as X) ?? [];
      return { params: place.params, elements, isMoved, numbers };
    },
    read: (numbers, limits) => read(numbers, steps, limits),
  };
  const isPart = executable.runtime === "javascript" && dtype === "float64";
  const walk = async (
    start: P,
    setting: Setting<P>,
    count: number,
    limits: Limits,
    givenHere: G = given,
  ): Promise<ProgramEnd<P> | undefined> => {
    const inputs = {
      params: start,
      batch: setting.batch,
      memory: setting.memory,
      given: givenHere,
      race: setting.race ?? {},
    };
    const results = await executable.run({ ...inputsOf(inputs), bounds: boundsOf(limits, count, dtype) });
    const record = read(results.numbers.data, count, limits);
    if (record === undefined) return undefined;
    const { params: moved } = unflatten(
      def,
      paths.map((path) => results[path]),
    ) as { readonly params: P };
    return { params: moved, record, results };
  };
  return { walk, ...(isPart ? { tracedWalk } : {}), dispose: () => executable.dispose() };
}
