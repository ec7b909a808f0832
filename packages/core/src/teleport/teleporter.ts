// Symmetry teleportation: Zhao, Dehmamy, Walters, Yu, NeurIPS 2022, algorithm 1, inside a guard.
import type { NdArray } from "../array.js";
import { dtypeOf, isNdArray, item } from "../array.js";
import { OptionError } from "../errors.js";
import type { Tensor } from "../graph/tensor.js";
import { type SpecLeaf, type TensorsOf, trace } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import { isRefusal, type Symmetry } from "../symmetry/symmetry.js";
import { flatten } from "../tree.js";
import { traceAscent } from "./ascent.js";
import { type GuardOptions, isFinitePoint, limitsOf, objection, type Point, relativeDrift } from "./guard.js";
import { type BatchLoss, gradNormSq, type Objective } from "./objective.js";
import { createRace } from "./race.js";
import type { TeleportReport } from "./report.js";

/** A batch: examples along the first axis. */
export interface Batch {
  readonly x: NdArray;
  readonly y: NdArray;
}

export interface TeleporterOptions<P> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly symmetry: Symmetry<P>;
  /** The loss that is kept, and whose objective is raised. */
  readonly loss: BatchLoss<TensorsOf<P>>;
  /** Default: {@link gradNormSq}. */
  readonly objective?: Objective;
  /** Example parameters and batch: their shapes count. */
  readonly params: P;
  readonly batch: { readonly x: SpecLeaf; readonly y: SpecLeaf };
  /** Gradient-ascent steps; default 10. */
  readonly steps?: number;
  /** Norm of T in one ascent step; default a fifth of the symmetry's bound. */
  readonly stepSize?: number;
  /** Largest total of T; default the symmetry's bound. */
  readonly bound?: number;
  readonly guard?: GuardOptions;
}

export interface Teleporter<P> {
  /**
   * Moves parameters along the level set of the loss to a point with a larger objective.
   * Returns the very same parameters when the guard accepts no move; the report says why.
   *
   * @param options `heldOut`: a batch of the same shapes on which the loss has to stay, too
   */
  teleport(
    params: P,
    batch: Batch,
    options?: { heldOut?: Batch },
  ): Promise<{ params: P; report: TeleportReport }>;
  readonly compileSeconds: number;
  dispose(): Promise<void>;
}

/**
 * Compiles a teleport: gradient ascent in the group's algebra, each step an exact action from where the last one led.
 *
 * The gradient in T at the identity is the pull-back of the objective's gradient through the action's derivative,
 * d/dT f(T.w) = (dw/dT)' grad f(w): for ||grad L||^2 one Hessian-vector product and one product with dw/dT.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const teleporter = await createTeleporter({ symmetry: positiveScaling(params), loss, params, batch });
 * const { params: moved, report } = await teleporter.teleport(params, batch);
 */
export async function createTeleporter<P>(options: TeleporterOptions<P>): Promise<Teleporter<P>> {
  const { symmetry, loss, objective = gradNormSq, params, batch, steps = 10, guard = {} } = options;
  const bound = options.bound ?? symmetry.bound.value;
  const stepSize = options.stepSize ?? bound / 5;
  const isSize = (v: number) => v > 0 && v < Infinity;
  if (!isSize(bound) || !isSize(stepSize) || !Number.isInteger(steps) || steps < 0) {
    throw new OptionError(
      `A teleport needs finite bound > 0 and stepSize > 0 and an integer steps >= 0; got ${bound}, ${stepSize}, ${steps}.`,
    );
  }
  const dtype = dtypeOf(flatten<NdArray>(params, isNdArray).leaves[0]) as "float32" | "float64";
  const limits = limitsOf(guard, dtype);
  const value = objective(loss);
  const beforeCompiling = performance.now();
  const graph = traceAscent(symmetry, value, { params, batch, dtype });
  const { runtime, provider, threads } = options;
  const compileOptions: CompileOptions = {
    ...(runtime !== undefined ? { runtime } : {}),
    ...(provider !== undefined ? { provider } : {}),
    ...(threads !== undefined ? { threads } : {}),
  };
  const figures = (p: TensorsOf<P>, x: Tensor, y: Tensor) => ({
    loss: loss(p, x, y),
    objective: value(p, x, y),
    gradNormSq: gradNormSq(loss)(p, x, y),
  });
  const measured = trace(figures as never, [params, batch.x, batch.y], { names: ["params", "x", "y"] });
  await symmetry.prepare?.(params, batch.x);
  const race = guard.race && (await createRace(loss, params, batch, dtype, guard.race, compileOptions));
  const gradient = await compile(graph, compileOptions);
  const measurement = await compile(measured.graph, compileOptions);
  const compileSeconds = (performance.now() - beforeCompiling) / 1000;

  const namedParams = (p: P) => namedArrays({ params: p });
  const measure = async (p: P, at: Batch, heldOut: Batch | undefined): Promise<Point> => {
    const here = await measurement.run({ ...namedParams(p), ...at });
    const elsewhere = heldOut && (await measurement.run({ ...namedParams(p), ...heldOut }));
    const finish =
      race && (await measurement.run({ ...namedParams(await race.run(p, at)), ...(heldOut ?? at) }));
    return {
      loss: item(here.loss),
      objective: item(here.objective),
      gradNormSq: item(here.gradNormSq),
      ...(elsewhere ? { heldOutLoss: item(elsewhere.loss) } : {}),
      ...(finish ? { racedLoss: item(finish.loss) } : {}),
    };
  };
  /** Direction of steepest ascent at the identity, or why there is none. */
  const direction = async (p: P, at: Batch): Promise<readonly NdArray[] | string> => {
    const arrays = await symmetry.context(p, at.x);
    if (isRefusal(arrays)) return arrays.refused;
    const named = Object.fromEntries(arrays.map((a, i) => [`context.${i}`, a]));
    const results = await gradient.run({ ...namedParams(p), x: at.x, y: at.y, ...named });
    const T = symmetry.algebra.map((_, i) => results[`T.${i}`]);
    const norm = Math.sqrt(T.flatMap((t) => Array.from(t.data, Number)).reduce((a, v) => a + v * v, 0));
    if (!Number.isFinite(norm)) return "the gradient is not finite";
    if (norm === 0) return "the objective is stationary along the orbit: there is nowhere to move";
    return T.map((t) => ({
      shape: t.shape,
      data: Float64Array.from(t.data as Float64Array, (v) => v / norm),
    }));
  };

  return {
    compileSeconds,
    async teleport(initial, at, { heldOut } = {}) {
      const startTime = performance.now();
      const start = await measure(initial, at, heldOut);
      const total = symmetry.algebra.map((shape) => new Float64Array(shape.reduce((a, b) => a * b, 1)));
      let [current, point] = [initial, start];
      let [taken, halved] = [0, 0];
      let size = stepSize;
      let reason = `${steps} ascent steps taken`;
      /** The point that T leads to, or why not to go there. */
      const attempt = async (T: readonly NdArray[]): Promise<{ params: P; point: Point } | string> => {
        const moved = await symmetry.act(current, T, at.x);
        if (isRefusal(moved)) return moved.refused;
        if (!isFiniteTree(moved)) return "a parameter of the new point is not finite";
        const next = await measure(moved, at, heldOut);
        return objection(start, point, next, limits) ?? { params: moved, point: next };
      };
      search: while (taken < steps) {
        const ascending = isFinitePoint(start)
          ? await direction(current, at)
          : "the loss or its gradient is not finite at the start";
        if (typeof ascending === "string") {
          reason = ascending;
          break;
        }
        for (;;) {
          const T = limited(ascending, total, size, symmetry.bound.kind, bound);
          if (T === undefined) {
            reason = `the bound ${bound} on the group element is reached`;
            break search;
          }
          const result = await attempt(T);
          if (typeof result !== "string") {
            ({ params: current, point } = result);
            T.forEach(({ data }, i) => {
              for (let k = 0; k < data.length; k++) total[i][k] += data[k];
            });
            taken++;
            break;
          }
          if (halved === limits.halvings) {
            reason = result;
            break search;
          }
          halved++;
          size /= 2;
        }
      }
      const report: TeleportReport = {
        symmetry: symmetry.name,
        accepted: taken > 0,
        reason,
        ...comparison(start.loss, point.loss),
        gradNormSqBefore: start.gradNormSq,
        gradNormSqAfter: point.gradNormSq,
        ...(start.heldOutLoss !== undefined && point.heldOutLoss !== undefined
          ? { heldOut: comparison(start.heldOutLoss, point.heldOutLoss) }
          : {}),
        steps: taken,
        halvings: halved,
        seconds: (performance.now() - startTime) / 1000,
      };
      return { params: current, report };
    },
    async dispose() {
      await gradient.dispose();
      await measurement.dispose();
      await race?.dispose();
      await symmetry.dispose();
    },
  };
}

const comparison = (lossBefore: number, lossAfter: number) => ({
  lossBefore,
  lossAfter,
  drift: relativeDrift(lossBefore, lossAfter),
});

/** Whether every element of a tree of floats is finite. */
function isFiniteTree(tree: unknown): boolean {
  return flatten<NdArray>(tree, isNdArray).leaves.every(({ data }) =>
    (data as Float64Array).every(Number.isFinite),
  );
}

/** A step of the given norm, cut where the total would leave the bound; undefined when nothing is left. */
function limited(
  ascending: readonly NdArray[],
  total: readonly Float64Array[],
  size: number,
  kind: "element" | "norm",
  bound: number,
): NdArray<Float64Array>[] | undefined {
  const step = ascending.map(({ shape, data }) => ({
    shape,
    data: Float64Array.from(data as Float64Array, (v) => size * v),
  }));
  if (kind === "element") {
    let longest = 0;
    step.forEach(({ data }, i) => {
      data.forEach((v, k) => {
        const room = Math.min(Math.max(total[i][k] + v, -bound), bound) - total[i][k];
        data[k] = room;
        longest = Math.max(longest, Math.abs(room));
      });
    });
    return longest > 1e-6 * Math.min(size, bound) ? step : undefined;
  }
  const length = Math.sqrt(total.reduce((a, t) => a + t.reduce((b, v) => b + v * v, 0), 0));
  const room = bound - length;
  if (room <= 1e-6 * bound) return undefined;
  const factor = Math.min(1, room / size);
  for (const { data } of step) for (let k = 0; k < data.length; k++) data[k] *= factor;
  return step;
}
