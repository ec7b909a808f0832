// Runs a whole ascent in the null spaces of layers at once.
import { isNdArray, type NdArray, zeros } from "../../../array.js";
import type { Graph } from "../../../graph/graph.js";
import { namedArrays } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import type { Executable } from "../../../runtime/executable.js";
import { lazy } from "../../../runtime/lazy.js";
import type { Disposable } from "../../../runtime/resources.js";
import { flatten, unflatten } from "../../../tree.js";
import { type Limits, limitsOf } from "../../guard.js";
import type { Point } from "../../point.js";
import { stepsTaken } from "../../report.js";
import { boundsOf } from "../guard-graph.js";
import { endOf, firstStatus, type PassesEnd, pointsOf } from "../guarded-loop.js";
import type { SearchProblem, Setting } from "../search.js";
import type { InputSpace } from "./input-space.js";
import type { LinearMap } from "./layer-inputs.js";
import { type NullSpaceRule, stops, traceNullSpacePass, type WalkedMaps } from "./walk-graph.js";

export interface NullSpaceWalks<P> {
  /** Compiles for these open maps in advance; otherwise that happens on first use. */
  prepare(open: readonly LinearMap[]): Promise<void>;
  /** A step from a point, the point's measurements, and why there is none: see {@link stops}. */
  direction(here: P, setting: Setting<P>, open: readonly InputSpace[]): Promise<Direction<P>>;
  /** Takes all steps in the null spaces at the start. Undefined where the host has to take them. */
  walk(
    start: P,
    setting: Setting<P>,
    open: readonly InputSpace[],
    steps: number,
    limits: Limits,
  ): Promise<(PassesEnd & { readonly params: P }) | undefined>;
  dispose(): Promise<void>;
}

export interface Direction<P> {
  readonly point: Point;
  readonly stop?: number | undefined;
  /** The point after a fraction of the step. */
  moved(scale: number): P;
}

interface Program {
  readonly loop: Executable;
  /** Numbers of the parameters' arrays that move. */
  readonly leaves: readonly number[];
}

/** Compiles a loop of {@link traceNullSpacePass}, once for each set of open maps that occurs. */
export function nullSpaceWalks<P>(
  joint: Graph,
  { params, dtype, compileOptions }: SearchProblem<P>,
  maps: Omit<WalkedMaps, "open">,
  rule: NullSpaceRule,
): NullSpaceWalks<P> {
  const { leaves: arrays, def } = flatten<NdArray>(params, isNdArray);
  const programs = lazy<Program & Disposable>();

  /** Numbers of the arrays that hold the weights of maps. */
  const leavesOf = (open: readonly LinearMap[]): number[] => {
    const places = new Set(open.flatMap(({ rows }) => Array.from(rows)));
    let first = 0;
    return arrays.flatMap(({ data }, k) => {
      const isHeld = data.some((_: unknown, i: number) => places.has(first + i));
      first += data.length;
      return isHeld ? [k] : [];
    });
  };
  const programFor = (open: readonly LinearMap[]) =>
    programs.get(open.map((map) => maps.movable.indexOf(map)).join(), async () => {
      const leaves = leavesOf(open);
      const graph = traceNullSpacePass(joint, { ...maps, open }, leaves, rule, dtype);
      const carry = Object.fromEntries(
        graph.outputs.flatMap(({ name }) =>
          graph.inputs.some((port) => port.name === `from.${name}`) ? [[name, `from.${name}`]] : [],
        ),
      );
      const loop = await compile(graph, { ...compileOptions, scan: { carry } });
      return { loop, leaves, dispose: () => loop.dispose() };
    });

  /** Inputs that stay the same, and those of the first pass. */
  const inputsAt = (
    start: P,
    { batch, memory }: Setting<P>,
    spaces: readonly InputSpace[],
    moving: readonly NdArray[],
  ) => ({
    fixed: namedArrays({ params: start, batch, memory, basis: spaces.map(({ basis }) => basis) }),
    from: namedArrays({
      from: {
        base: moving,
        step: moving.map(({ shape }) => zeros(shape, "float64")),
        status: firstStatus(dtype),
      },
    }),
  });
  const take = async (start: P, spaces: readonly InputSpace[]) => {
    const { loop, leaves } = await programFor(spaces.map(({ map }) => map));
    const all = flatten<NdArray>(start, isNdArray).leaves;
    /** The parameters with other arrays in place of those that move. */
    const withMoved = (moved: readonly NdArray[]) =>
      unflatten(
        def,
        all.map((x, k) => (leaves.includes(k) ? moved[leaves.indexOf(k)] : x)),
      ) as P;
    return { loop, moving: leaves.map((k) => all[k]), withMoved };
  };

  return {
    async prepare(open) {
      if (open.length > 0) await programFor(open);
    },
    async direction(here, setting, spaces) {
      const { loop, moving, withMoved } = await take(here, spaces);
      const { fixed, from } = inputsAt(here, setting, spaces, moving);
      const bounds = boundsOf(limitsOf(false, dtype), 2, dtype);
      const results = await loop.run({ ...fixed, ...from, bounds });
      const [point] = pointsOf(results.row);
      const end = endOf(
        { points: [point], refused: undefined, status: results.status },
        limitsOf(false, dtype),
      );
      return {
        point,
        stop: end === undefined ? stops.noGradient : end.stop,
        moved: (scale) => withMoved(moving.map((x, i) => stepped(x, results[`step.${i}`], scale))),
      };
    },
    async walk(start, setting, spaces, steps, limits) {
      const { loop, moving, withMoved } = await take(start, spaces);
      const inputs = inputsAt(start, setting, spaces, moving);
      const fixed = { ...inputs.fixed, bounds: boundsOf(limits, steps, dtype) };
      let { from } = inputs;
      const points: Point[] = [];
      let refused: Point | undefined;
      for (let passes = steps; ; passes = steps - points.length) {
        const results = await loop.run({ ...fixed, ...from }, { steps: passes });
        for (const [pass, point] of pointsOf(results.row).entries()) {
          if (results.isStepping.data[pass] === 1) points.push(point);
          else refused = point;
        }
        const end = endOf({ points, refused, status: results.status }, limits);
        if (end === undefined) return undefined;
        if (end.reason !== undefined || end.stop !== undefined) {
          return { ...end, params: withMoved(moving.map((_, i) => results[`base.${i}`])) };
        }
        if (points.length === steps) {
          // The candidate of the last step, which the guard is to measure.
          const moved = moving.map((_, i) => stepped(results[`base.${i}`], results[`step.${i}`], end.scale));
          return { ...end, params: withMoved(moved), steps, reason: stepsTaken(steps) };
        }
        const last = Object.keys(from).map((name) => [name, results[name.slice("from.".length)]]);
        from = Object.fromEntries(last);
      }
    },
    dispose: () => programs.dispose(),
  };
}

function stepped(base: NdArray, step: NdArray, scale: number): NdArray {
  const data = (base.data as Float64Array).map((x, i) => x + scale * Number(step.data[i]));
  return { shape: base.shape, data };
}
