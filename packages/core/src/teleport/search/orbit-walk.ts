// A whole walk on an orbit, guard and race included, as one compiled program, for symmetries whose action can be traced.
import { array, astype, isNdArray, type NdArray } from "../../array.js";
import type { BatchTensors } from "../../batch.js";
import { whileLoop } from "../../graph/control/while.js";
import { add } from "../../graph/ops/arithmetic.js";
import { equal, greater, logicalAnd, where } from "../../graph/ops/compare.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { compile, lacksFloat64 } from "../../runtime/compile.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import { flatten, unflatten } from "../../tree.js";
import { type Limits, limitsOf } from "../guard.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { Point } from "../point.js";
import type { RaceArrays } from "../race.js";
import { pushedAlong } from "./ascent/compiled-walk.js";
import { type Bounds, boundNames, boundsOf, constantBounds, unpacked } from "./guard-graph.js";
import {
  type Carried,
  endOf,
  firstStatus,
  guardedPass,
  pointsOf,
  type Status,
  statusNames,
  statusSize,
  widthOf,
} from "./guarded-loop.js";
import type { Search, SearchProblem, TracedWalk, WalkRecord } from "./search.js";
import { warmUp } from "./warm-up.js";

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
  /** T from the last accepted point to the candidate; not asked for before the start is accepted. */
  element(from: OrbitPoint<P, G>, state: S, status: Status<Tensor>): Blocks;
  /** See `Visit.onward`. */
  onward(point: OrbitPoint<P, G>): { readonly state: S; readonly stop: Tensor };
  hasOther?(state: S, status: Status<Tensor>): Tensor;
}

interface WalkInputs<G> {
  readonly batch: BatchTensors;
  readonly memory: Memory;
  readonly given: TensorsOf<G>;
  /** Where the race begins, if there is one. */
  readonly race: TensorsOf<RaceArrays | object>;
  readonly bounds: Bounds;
}

export interface OrbitWalkOptions<P, S, G> extends OrbitProposals<P, S, G> {
  readonly steps: number;
  /** Example of what the host gives, and its values. */
  readonly given: G;
  /** Reasons to stop, by number from 1; undefined: the host has to decide. */
  readonly reasons: readonly (string | undefined)[];
}

/** Passes at most: a bound that no walk comes near. */
const mostPasses = 100_000;

interface Place<P> {
  readonly params: TensorsOf<P>;
  readonly total: Blocks;
  /** The elements of all steps, a row each. */
  readonly elements: Blocks;
}

/** What is carried from pass to pass. */
interface Walked<P, S> extends Carried<Place<P>, S> {
  /** See `endOf`: the rows of accepted points but that of the last step, and that one or the last refused one. */
  readonly points: Tensor;
  readonly latest: Tensor;
}

/** Compiles a search as a loop of guarded passes; undefined where the provider lacks float64. */
export async function compileOrbitWalk<P, S, G>(
  symmetry: Symmetry<P>,
  act: NonNullable<Symmetry<P>["trace"]>,
  { loss, objective, race, params, batch, memory, dtype, compileOptions }: SearchProblem<P>,
  { steps, given, reasons, first, element, onward, hasOther }: OrbitWalkOptions<P, S, G>,
) {
  const rowNumbers = (rank: number) =>
    reshape(constant(astype(array(Array.from({ length: steps }, (_, k) => k)), dtype)), [
      steps,
      ...Array<number>(rank).fill(1),
    ]);
  const example = { params, batch, memory, given, race: race?.start ?? {} };
  const walked = (
    start: TensorsOf<P>,
    { batch: b, memory: m, given: g, race: raceStart, bounds: limits }: WalkInputs<G>,
  ) => {
    const pointAt = ({ params: p, total }: Place<P>): OrbitPoint<P, G> => ({
      ...{ params: p, total, batch: b, memory: m, given: g },
    });
    const pass = (from: Carried<Place<P>, S>) =>
      guardedPass<Place<P>, S>(
        from,
        {
          candidate(base, state, status) {
            const isStart = greater(0, status.taken);
            const T = element(pointAt(base), state, status).map((t) => where(isStart, 0, t));
            return {
              params: act(base.params, T, b),
              total: base.total.map((t, i) => add(t, T[i])),
              elements: base.elements.map((all, i) =>
                where(equal(rowNumbers(T[i].rank), status.taken), T[i], all),
              ),
            };
          },
          visit(place) {
            const p = place.params;
            const scalar = (x: Tensor) => reshape(x, []);
            const measured = {
              loss: scalar(loss(p, b)),
              objective: scalar(objective(p, b, m)),
              gradNormSq: gradNormSq(loss)(p, b, m),
              ...(race
                ? { racedLoss: scalar(race.lossAfter(p, b, raceStart as TensorsOf<RaceArrays>)) }
                : {}),
            };
            return { measured, onward: () => onward(pointAt(place)) };
          },
          ...(hasOther ? { hasOther } : {}),
        },
        limits,
      );
    const width = widthOf(race);
    const zero = symmetry.algebra.map((shape) => fill(shape, 0, dtype));
    const begin: Walked<P, S> = {
      base: {
        params: start,
        total: zero,
        elements: symmetry.algebra.map((s) => fill([steps, ...s], 0, dtype)),
      },
      state: first,
      status: constant(firstStatus(dtype)),
      points: fill([steps, width], 0, dtype),
      latest: fill([width], 0, dtype),
    };
    const end = whileLoop<Walked<P, S>>(
      ({ status }) => equal(unpacked(status, statusNames).outcome, 0),
      ({ points, latest, ...from }) => {
        const { next, row, taken, isStepping } = pass(from);
        return {
          ...next,
          points: where(logicalAnd(isStepping, equal(rowNumbers(1), taken)), row, points),
          latest: where(isStepping, latest, row),
        };
      },
      begin,
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
    trace(start, setting, limits) {
      const bounds = unpacked(constantBounds(limits, steps, dtype), boundNames);
      const all = flatten<NdArray>(given, isNdArray);
      const constants = unflatten(
        all.def,
        all.leaves.map((x) => constant(x)),
      ) as TensorsOf<G>;
      const { params: end, status, points, latest } = walked(start, { ...setting, given: constants, bounds });
      const isMoved = greater(unpacked(status, statusNames).taken, 0);
      return { params: end, isMoved, numbers: concat([status, latest, reshape(points, [points.size])]) };
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
  const walk: NonNullable<Search<P>["compiledWalk"]> = async (start, setting, count, limits) => {
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
      ...{ params: moved, ...record },
      ...(symmetry.pushForward
        ? {
            pushForward: (tree, power) =>
              pushedAlong(symmetry, tree, elementsOf(), { power, start, batch: setting.batch }),
          }
        : {}),
    };
  };
  return { walk, ...(isPart ? { tracedWalk } : {}), dispose: () => executable.dispose() };
}
