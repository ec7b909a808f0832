// A whole walk, guard and race included, as one compiled program: a loop of guarded passes.
import { isNdArray, type NdArray } from "../../array.js";
import type { BatchTensors } from "../../batch.js";
import { whileLoop } from "../../graph/control/while.js";
import { equal, greater, logicalAnd, where } from "../../graph/ops/compare.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { compile, lacksFloat64 } from "../../runtime/compile.js";
import { flatten, unflatten } from "../../tree.js";
import { type Limits, limitsOf } from "../guard.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { Point } from "../point.js";
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
  pointsOf,
  type Retry,
  type Status,
  statusNames,
  statusSize,
  type TracedProposals,
  widthOf,
} from "./guarded-loop.js";
import type { SearchProblem, Setting, TracedWalk, WalkRecord } from "./search.js";
import { warmUp } from "./warm-up.js";

/** What moves in a walk. */
interface Place<P> {
  readonly params: TensorsOf<P>;
  /** See {@link TracedEnd.total}. */
  readonly total?: readonly Tensor[] | undefined;
}

/** What a walk depends on besides its start. */
export interface WalkInputs<G> {
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** What the host gives to the program. */
  readonly given: TensorsOf<G>;
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
 */
export interface WalkProgramOptions<P, X extends Place<P>, S, G> {
  readonly steps: number;
  /** See {@link TracedWalk.push}. */
  readonly push: TracedWalk<P>["push"];
  /** Example of what the host gives, and its values. */
  readonly given: G;
  /** Reasons to stop, by number from 1; undefined: the host has to decide. */
  readonly reasons: readonly (string | undefined)[];
  /** The place before the first pass, and the state there. */
  begin(start: TensorsOf<P>): X;
  readonly first: S;
  /** See {@link TracedProposals}; before the start is accepted, the start itself. */
  candidate(base: X, state: S, status: Status<Tensor>, inputs: WalkInputs<G>): X;
  onward(place: X, measured: Measured, inputs: WalkInputs<G>): { readonly state: S; readonly stop: Tensor };
  retry?(base: X, state: S, status: Status<Tensor>, inputs: WalkInputs<G>): Retry<S>;
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
export async function compileWalkProgram<P, X extends Place<P>, S, G>(
  { loss, objective, race, params, batch, memory, dtype, compileOptions }: SearchProblem<P>,
  { steps, push, given, reasons, begin, first, candidate, onward, retry }: WalkProgramOptions<P, X, S, G>,
) {
  const example = { params, batch, memory, given, race: race?.start ?? {} };
  const walked = (start: TensorsOf<P>, inputs: WalkInputs<G>) => {
    const { batch: b, memory: m, race: raceStart, bounds: limits } = inputs;
    const scalar = (x: Tensor) => reshape(x, []);
    const proposals: TracedProposals<X, S> = {
      candidate: (base, state, status) => candidate(base, state, status, inputs),
      visit(place) {
        const p = place.params;
        const measured = {
          loss: scalar(loss(p, b)),
          objective: scalar(objective(p, b, m)),
          gradNormSq: gradNormSq(loss)(p, b, m),
          ...(race ? { racedLoss: scalar(race.lossAfter(p, b, raceStart as TensorsOf<RaceArrays>)) } : {}),
        };
        return { measured, onward: () => onward(place, measured, inputs) };
      },
      ...(retry ? { retry: (base, state, status) => retry(base, state, status, inputs) } : {}),
    };
    const width = widthOf(race);
    const still: Walked<X, S> = {
      ...{ base: begin(start), state: first, status: constant(firstStatus(dtype)) },
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
    return { ...base, status, points, latest };
  };
  const { graph } = trace(
    ({ params: start, bounds: vector, ...inputs }) =>
      walked(start as TensorsOf<P>, {
        ...(inputs as Omit<WalkInputs<G>, "bounds">),
        bounds: unpacked(vector, boundNames),
      }),
    { ...example, bounds: spec([boundNames.length], dtype) },
  );
  if (lacksFloat64(graph, compileOptions)) return undefined;
  const executable = await compile(graph, compileOptions);
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  const { leaves, paths: names } = flatten<SpecLeaf>(example, isSpecLeaf);
  await warmUp(executable, {
    ...Object.fromEntries(names.map((name, k) => [name, leaves[k]])),
    bounds: boundsOf(limitsOf(false, dtype), steps, dtype),
  });

  /** What a walk did; undefined where the host has to decide. */
  const read = (
    status: NdArray,
    [latest, ...others]: readonly Point[],
    count: number,
    limits: Limits,
  ): WalkRecord | undefined => {
    const taken = Number(status.data[statusNames.indexOf("taken")]);
    const before = others.slice(0, Math.min(taken + 1, count));
    const points = taken === count ? [...before, latest] : before;
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
      const { params, total = [], status, points, latest } = walked(start, inputs);
      const isMoved = greater(unpacked(status, statusNames).taken, 0);
      const rows = reshape(points, [points.size]);
      return { params, total, isMoved, numbers: concat([status, latest, rows]) };
    },
    read(numbers, limits) {
      const data = numbers.subarray(statusSize);
      const width = widthOf(race);
      const rows = { shape: [data.length / width, width], data };
      const status = { shape: [statusSize], data: numbers.subarray(0, statusSize) };
      return read(status, pointsOf(rows), steps, limits);
    },
  };
  const isPart = executable.runtime === "javascript" && dtype === "float64";
  const walk = async (
    start: P,
    setting: Setting<P>,
    count: number,
    limits: Limits,
  ): Promise<ProgramEnd<P> | undefined> => {
    const inputs = {
      params: start,
      batch: setting.batch,
      memory: setting.memory,
      given,
      race: setting.race ?? {},
    };
    const results = await executable.run({ ...namedArrays(inputs), bounds: boundsOf(limits, count, dtype) });
    const record = read(
      results.status,
      [...pointsOf(results.latest), ...pointsOf(results.points)],
      count,
      limits,
    );
    if (record === undefined) return undefined;
    const { params: moved } = unflatten(
      def,
      paths.map((path) => results[path]),
    ) as { readonly params: P };
    return { params: moved, record, results };
  };
  return { walk, ...(isPart ? { tracedWalk } : {}), dispose: () => executable.dispose() };
}
