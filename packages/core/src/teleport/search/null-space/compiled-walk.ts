// Runs a whole ascent in the null spaces of layers at once.
import { isNdArray, type NdArray, zeros } from "../../../array.js";
import type { Graph } from "../../../graph/graph.js";
import { sub } from "../../../graph/ops/arithmetic.js";
import { constant } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import type { Tensor } from "../../../graph/tensor.js";
import { type TensorsOf, trace } from "../../../graph/trace.js";
import { namedArrays } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import { lazy } from "../../../runtime/lazy.js";
import { flatten, unflatten } from "../../../tree.js";
import type { Limits } from "../../guard.js";
import type { Point } from "../../point.js";
import { pointsOf, rowOf } from "../guarded-loop.js";
import type { CompiledWalk, SearchProblem, Setting } from "../search.js";
import { compileWalkProgram } from "../walk-program.js";
import { basisRows, type InputSpace, isWide } from "./input-space.js";
import type { LinearMap } from "./layer-inputs.js";
import { tracedSpans } from "./traced-spans.js";
import {
  type NullSpaceRule,
  type NullSpaceStart,
  nullSpaceSteps,
  type Spans,
  type WalkedMaps,
} from "./walk-graph.js";

export interface NullSpaceWalks<P> {
  /** A step from a point, the point's measurements, and why there is none: see {@link stops}. */
  direction(here: P, setting: Setting<P>, open: readonly InputSpace[]): Promise<Direction<P>>;
  /** Takes all steps in the null spaces at the start. Undefined where the host has to take them. */
  walk(
    start: P,
    setting: Setting<P>,
    open: readonly InputSpace[],
    steps: number,
    limits: Limits,
  ): Promise<CompiledWalk<P> | undefined>;
  dispose(): Promise<void>;
}

export interface Direction<P> {
  readonly point: Point;
  readonly stop?: number | undefined;
  /** The point after a fraction of the step. */
  moved(scale: number): P;
}

/** What a walk needs to know of a loss. */
export interface NullSpaceProblem<P> {
  readonly joint: Graph;
  readonly problem: SearchProblem<P>;
  readonly maps: Omit<WalkedMaps, "open">;
  readonly rule: NullSpaceRule & { readonly steps: number };
}

/** Compiles a walk for these open maps, whose spans are computed from what the host gives, or from the inputs of maps. */
function compileNullSpaceWalk<P, G>(
  { joint, problem, maps, rule }: NullSpaceProblem<P>,
  open: readonly LinearMap[],
  {
    given,
    reads = [],
    reasons,
    spansOf,
  }: {
    readonly given: G;
    readonly reasons: readonly string[];
    /** Nodes of the joint graph that spans are computed from. */
    readonly reads?: readonly Tensor[];
    spansOf(formOf: (node: Tensor) => Tensor, given: TensorsOf<G>): Spans;
  },
) {
  const traced = nullSpaceSteps<P>(joint, { ...maps, open }, rule, problem.dtype);
  const { first, formsAt, candidate, measure, onward } = traced;
  return compileWalkProgram<P, { readonly params: TensorsOf<P> }, typeof first, G, NullSpaceStart>(problem, {
    steps: rule.steps,
    push: undefined,
    given,
    first: () => first,
    candidate,
    reasons,
    begin: (params) => ({ params }),
    invariant(start, inputs) {
      const forms = formsAt(start, inputs, reads);
      return { forms, ...spansOf((node) => forms.get(node) as Tensor, inputs.given) };
    },
    measure: (place, { invariant }) => measure(place, invariant),
    onward: (place, measured, { invariant }) => onward(place, measured, invariant),
  });
}

/** Why a walk stops; with {@link nowhere}, the host is to say why nothing moves. */
export const noGradient = "the gradient is not finite";
export const nowhere = "nothing can move at the same outputs";

/**
 * A walk as one program, spans included. Undefined where most likely nothing can move, as no map has fewer samples than
 * inputs, and where convolutions have so many inputs that the host does not look at all of them.
 */
export async function compileWholeWalk<P>(of: NullSpaceProblem<P>, free: readonly LinearMap[]) {
  if (!free.some(isWide) || free.some((map) => !isWide(map) && map.head)) return undefined;
  return compileNullSpaceWalk(of, free, {
    // Where nothing moves or a span is not certain, the host decides.
    given: {},
    reasons: [noGradient],
    reads: free.map(({ inputs }) => inputs),
    spansOf: (formOf) => tracedSpans(free, formOf),
  });
}

/** Spans that the host found. */
const givenSpans = (open: readonly LinearMap[], bases: readonly Tensor[]): Spans => ({
  outside: open.map((map, i) => (x) => {
    const along = matmul(matmul(x, bases[i], { transposeB: true }), bases[i]);
    return isWide(map) ? sub(x, along) : along;
  }),
  isCertain: constant(1, "bool"),
});

/** Walks in spaces that the host found, compiled once for each set of open maps that occurs. */
export function nullSpaceWalks<P>(of: NullSpaceProblem<P>): NullSpaceWalks<P> {
  const { joint, problem, maps, rule } = of;
  const { params, batch, memory, dtype, compileOptions } = problem;
  const walks = lazy<Awaited<ReturnType<typeof compileWalkFor>>>();
  const steps = lazy<Awaited<ReturnType<typeof compileStepFor>>>();
  const nameOf = (open: readonly LinearMap[]) => open.map((map) => maps.movable.indexOf(map)).join();
  const mapsOf = (spaces: readonly InputSpace[]) => spaces.map(({ map }) => map);
  const basesOf = (spaces: readonly InputSpace[]) => spaces.map(({ basis }) => basis as NdArray);
  const emptyBases = (open: readonly LinearMap[]): readonly NdArray[] =>
    open.map((map) => zeros([basisRows(map), map.columns], "float64"));

  const compileWalkFor = (open: readonly LinearMap[]) =>
    compileNullSpaceWalk(of, open, {
      given: { bases: emptyBases(open) },
      reasons: [noGradient, nowhere],
      spansOf: (_, { bases }) => givenSpans(open, bases),
    });

  async function compileStepFor(open: readonly LinearMap[]) {
    const { leaves, formsAt, measure, onward } = nullSpaceSteps<P>(joint, { ...maps, open }, rule, dtype);
    const { graph } = trace(
      ({ bases, ...inputs }) => {
        const place = { params: inputs.params as TensorsOf<P> };
        const start = { forms: formsAt(place.params, inputs), ...givenSpans(open, bases) };
        const measured = measure(place, start);
        const { state, stop } = onward(place, measured, start);
        return { row: rowOf(measured), ...state, stop };
      },
      { params, batch, memory, bases: emptyBases(open) },
    );
    const executable = await compile(graph, compileOptions);
    return { executable, leaves, dispose: () => executable.dispose() };
  }

  return {
    async direction(here, { batch: b, memory: m }, spaces) {
      const open = mapsOf(spaces);
      const { executable, leaves: moving } = await steps.get(nameOf(open), () => compileStepFor(open));
      const results = await executable.run(
        namedArrays({ params: here, batch: b, memory: m, bases: basesOf(spaces) }),
      );
      const stop = Number(results.stop.data[0]);
      const { leaves, def } = flatten<NdArray>(here, isNdArray);
      return {
        point: pointsOf(results.row.data)[0],
        stop: stop === 0 ? undefined : stop,
        moved: (scale) =>
          unflatten(
            def,
            leaves.map((x, k) =>
              moving.includes(k) ? stepped(x, results[`step.${moving.indexOf(k)}`], scale) : x,
            ),
          ) as P,
      };
    },
    async walk(start, setting, spaces, count, limits) {
      const open = mapsOf(spaces);
      const { run } = await walks.get(nameOf(open), () => compileWalkFor(open));
      return run(start, setting, limits, {}, { bases: basesOf(spaces) }, count);
    },
    async dispose() {
      await walks.dispose();
      await steps.dispose();
    },
  };
}

function stepped(base: NdArray, step: NdArray, scale: number): NdArray {
  const data = (base.data as Float64Array).map((x, i) => x + scale * Number(step.data[i]));
  return { shape: base.shape, data };
}
