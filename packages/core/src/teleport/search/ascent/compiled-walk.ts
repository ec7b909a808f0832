// Gradient ascent on an orbit, guard included, as one compiled loop.
import type { NdArray } from "../../../array.js";
import { isNdArray } from "../../../array.js";
import { isSpecLeaf, type SpecLeaf } from "../../../graph/trace.js";
import { namedArrays } from "../../../named-arrays.js";
import { compile, lacksFloat64 } from "../../../runtime/compile.js";
import type { Symmetry } from "../../../symmetry/symmetry.js";
import { flatten, leavesAt, unflatten } from "../../../tree.js";
import { type Limits, limitsOf, objection } from "../../guard.js";
import type { Point } from "../../point.js";
import { stepsTaken } from "../../report.js";
import { boundsOf, constantBounds } from "../guard-graph.js";
import { type CompiledWalk, type SearchProblem, type Setting, tracedPushOf } from "../search.js";
import { pushed } from "../traced-symmetry.js";
import { warmUp } from "../warm-up.js";
import { whyNoAscent } from "./ascent-direction.js";
import type { WalkFromOrigin } from "./several-starts.js";
import { type AscentOptions, ascentWalk, passWidth, traceAscentPass } from "./walk-graph.js";

/** An ascent that takes all its steps in one run, or in a few runs if the guard refuses some. */
export interface CompiledAscent<P> {
  walk(start: P, setting: Setting<P>, steps: number, limits: Limits): Promise<CompiledWalk<P> | undefined>;
  readonly tracedWalk?: WalkFromOrigin<P> | undefined;
  dispose(): Promise<void>;
}

/** Compiles gradient ascent as a loop over {@link traceAscentPass}; undefined where the provider lacks float64. */
export async function compileAscent<P>(
  symmetry: Symmetry<P>,
  act: Symmetry<P>["trace"],
  problem: SearchProblem<P>,
  options: AscentOptions & { readonly steps: number },
): Promise<CompiledAscent<P> | undefined> {
  const { params, batch, memory, dtype, compileOptions } = problem;
  const race = problem.race?.start ?? {};
  const { graph, begin } = traceAscentPass(symmetry, act, problem, options);
  if (lacksFloat64(graph, compileOptions)) return undefined;
  const { paths } = flatten<NdArray>({ params, ...begin }, isNdArray);
  const ends = { bound: options.region.value, refused: symmetry.traceRefusal, dtype };
  const carried = paths.map((path) => `from.${path}`);
  const still = Object.values(namedArrays(begin));
  const carry = Object.fromEntries(paths.map((path, i) => [path, carried[i]]));
  const loop = await compile(graph, { ...compileOptions, scan: { carry } });
  const unguarded = boundsOf(limitsOf(false, dtype), 20, dtype);
  const given = flatten<SpecLeaf>({ batch, memory, race }, isSpecLeaf);
  const names = [...carried, ...given.paths, "bounds"];
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const endPaths = flatten<NdArray>({ params }, isNdArray).paths;
  await warmUp(loop, named<SpecLeaf>(names, [...leaves, ...still, ...given.leaves, unguarded]), {
    steps: 20,
  });

  const walk = ascentWalk(symmetry, act, problem, options);
  const tracedWalk: WalkFromOrigin<P> = {
    push: tracedPushOf(symmetry),
    trace(start, setting, limits) {
      const bounds = constantBounds(limits, options.steps, dtype);
      const most = { steps: options.steps, halvings: limits.halvings };
      return walk(start, { ...setting, bounds }, most);
    },
    read(numbers, limits, start) {
      const width = passWidth(problem.race);
      const rows = { shape: [numbers.length / width, width], data: numbers };
      const replayed = replay(record([], { measured: rows }), options.steps, limits, { ...ends, start });
      return replayed === "disagrees" ? undefined : replayed;
    },
  };

  // Starting a run of generated JavaScript takes as long as a few passes.
  const isCheap = loop.runtime === "javascript";

  return {
    async walk(start, { batch: b, memory: m, race: r = {} }, steps, limits) {
      const fixed = [
        ...leavesAt<NdArray>(given.def, { batch: b, memory: m, race: r }),
        boundsOf(limits, steps, dtype),
      ];
      const passes: Pass[] = [];
      const first = [...leavesAt<NdArray>(def, start), ...still];
      // Passes after the end change nothing, but each costs a race.
      const most = problem.race ? 2 + limits.halvings : Infinity;
      let results = await loop.run(named(names, [...first, ...fixed]), { steps: Math.min(steps + 1, most) });
      let walked = replay(record(passes, results), steps, limits, ends);
      while (walked === undefined) {
        const left = steps + 1 - passes.filter(({ isTaken }) => isTaken).length;
        const more = left + (isCheap ? limits.halvings : 0);
        const last = paths.map((path) => results[path]);
        results = await loop.run(named(names, [...last, ...fixed]), { steps: Math.min(more, most) });
        walked = replay(record(passes, results), steps, limits, ends);
      }
      // Runtime and host may round differently at a bound: then the host decides, step by step.
      if (walked === "disagrees") return undefined;
      const end = endPaths.map((path) => results[path]);
      return {
        params: unflatten(def, end) as P,
        ...walked,
        ...(symmetry.pushForward
          ? {
              pushForward: (tree, power) => {
                const taken = passes.filter(({ isTaken }) => isTaken).slice(1);
                const elements = symmetry.additive
                  ? [symmetry.algebra.map((_, i) => results[`total.${i}`])]
                  : taken.map(({ step }) => step());
                return pushed(symmetry, tree, elements, { power, start, batch: b });
              },
            }
          : {}),
      };
    },
    ...(isCheap && dtype === "float64" ? { tracedWalk } : {}),
    dispose: () => loop.dispose(),
  };
}

type Results = Readonly<Record<string, NdArray>>;

/** What a pass measured at its candidate, whether the candidate was accepted, and whether there is a next one. */
interface Pass extends Point {
  readonly isTaken: boolean;
  readonly slope: number;
  readonly isOpen: boolean;
  /** Whether the compiled program could tell whether the group acts there. */
  readonly isCertain: boolean;
  /** Whether the action's result is finite. */
  readonly isActing: boolean;
  /** The element that leads to the candidate, where a tree that is transformed along needs each one. */
  readonly step: () => readonly NdArray[];
}

/** Appends the passes of a run, a row of numbers each, to the earlier ones. */
function record(passes: Pass[], results: Results): readonly Pass[] {
  const { shape, data } = results.measured;
  const [count, width] = shape;
  for (let pass = 0; pass < count; pass++) {
    const row = data.subarray(pass * width, (pass + 1) * width) as Float64Array;
    const [loss, objective, gradNormSq, isTaken, slope, isOpen, isCertain, isActing, racedLoss] = row;
    passes.push({
      loss,
      objective,
      gradNormSq,
      slope,
      isTaken: isTaken === 1,
      isOpen: isOpen === 1,
      isCertain: isCertain === 1,
      isActing: isActing === 1,
      ...(racedLoss === undefined ? {} : { racedLoss }),
      step: () => rowsOf(results, "steps", pass),
    });
  }
  return passes;
}

/** One element along the first axis of each array of a list of results. */
function rowsOf(results: Results, list: string, row: number): NdArray[] {
  const arrays = Object.keys(results).filter((name) => name.startsWith(`${list}.`));
  return arrays.map((_, i) => {
    const { shape, data } = results[`${list}.${i}`];
    const size = data.length / shape[0];
    return { shape: shape.slice(1), data: data.subarray(row * size, (row + 1) * size) };
  });
}

type Replayed = Pick<CompiledWalk<unknown>, "points" | "steps" | "halvings" | "reason">;

/** The result of the passes as that of a walk; undefined if more passes are needed. */
function replay(
  passes: readonly Pass[],
  steps: number,
  limits: Limits,
  {
    bound,
    refused,
    dtype,
    start,
  }: {
    readonly bound: number;
    readonly refused: string | undefined;
    readonly dtype: "float32" | "float64";
    /** The point from which drift is counted; default the first one. */
    readonly start?: Point | undefined;
  },
): Replayed | "disagrees" | undefined {
  const points: Pass[] = [];
  let refusal: string | undefined;
  let halvings = 0;
  const end = (reason: string): Replayed => ({ points, steps: points.length - 1, halvings, reason });
  for (const pass of passes) {
    const last = points[points.length - 1];
    if (last === undefined && !pass.isTaken) return "disagrees";
    if (!pass.isCertain && Number.isFinite(pass.loss)) return "disagrees";
    refusal = last && (pass.isActing ? objection(start ?? points[0], last, pass, limits) : refused);
    if (pass.isTaken !== (refusal === undefined)) return "disagrees";
    if (refusal === undefined) {
      points.push(pass);
      if (points.length > steps) return end(stepsTaken(steps));
    } else if (halvings === limits.halvings) {
      // The action itself may have refused, and only the host's says why.
      return refused !== undefined || Number.isFinite(pass.loss) ? end(refusal) : "disagrees";
    } else {
      halvings++;
    }
    if (pass.isOpen) continue;
    if (refusal !== undefined) return end(refusal);
    // Squares of small and large slopes are 0 and infinite in float32, but not on the host.
    const isSquared = pass.slope > 0 && pass.slope < Infinity;
    return isSquared || dtype === "float64" ? end(whyStill(pass.slope, bound)) : "disagrees";
  }
  return undefined;
}

/** Arrays, or their shapes, by the names of a list. */
function named<A>(names: readonly string[], arrays: readonly A[]): Record<string, A> {
  const values: Record<string, A> = {};
  for (let i = 0; i < names.length; i++) values[names[i]] = arrays[i];
  return values;
}

function whyStill(slope: number, bound: number): string {
  if (!Number.isFinite(slope)) return whyNoAscent.infinite;
  if (slope === 0) return whyNoAscent.stationary;
  return `the bound ${bound} on the group element is reached`;
}
