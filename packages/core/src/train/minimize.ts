import type { NdArray } from "../array.js";
import { array, dtypeOf, isNdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { dot, valueAndGrad } from "../graph/autodiff.js";
import type { Tensor } from "../graph/tensor.js";
import { type TensorsOf, trace } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import type { Optimizer, OptimizerState } from "../optim/optimizer.js";
import { type CompileOptions, compile, pickCompileOptions } from "../runtime/compile.js";
import { Resources } from "../runtime/resources.js";
import type { Batch, BatchTensors } from "../symmetry/symmetry.js";
import type { BatchLoss } from "../teleport/objective/objective.js";
import { flatten, unflatten } from "../tree.js";
import { createTeleports, firstSchedule, type TeleportEvent, type TeleportPlan } from "./teleports.js";

/** What is minimised: a problem of `problems/`, or one's own. */
export interface MinimizationProblem<P> {
  readonly loss: BatchLoss<TensorsOf<P>>;
  readonly start: P;
  /** Data that the loss sees; default none. */
  readonly batch?: Batch;
}

export interface MinimizeOptions<P> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...). */
  readonly learningRate: number | ((step: number) => number);
  readonly steps: number;
  /** Default none. */
  readonly teleport?: TeleportPlan<P>;
  /** Whether the parameters of every step are kept; default false. */
  readonly trajectory?: boolean;
}

/** What a minimisation went through. Entry t of each list is the point before step t; the last one is the end. */
export interface Minimization<P> {
  readonly params: P;
  readonly loss: readonly number[];
  readonly gradNormSq: readonly number[];
  /** Seconds of computing up to each point, teleports included, compilation not. */
  readonly seconds: readonly number[];
  /** With `trajectory`: the parameters of each point. A teleport before step t shows as a jump to point t. */
  readonly trajectory?: readonly P[];
  readonly teleports: readonly TeleportEvent[];
  /** `diverged` where a loss or gradient is no longer finite: the lists then end before it. */
  readonly status: "done" | "diverged";
}

/** Points computed in one call of the runtime: a run that diverges ends soon. */
const chunk = 1000;

/** A minimisation, compiled. */
export interface Minimizer<M> {
  /** From the start to the end; again and again. Just-in-time compilers make later runs faster than the first. */
  run(): Promise<M>;
  dispose(): Promise<void>;
}

/** Runs a minimisation once, and gives back what it holds. */
export async function runOnce<M>({ run, dispose }: Minimizer<M>): Promise<M> {
  try {
    return await run();
  } finally {
    await dispose();
  }
}

/**
 * Minimises a function or a loss on fixed data: w_{t+1} = update(grad L(w_t)), with teleports before the steps that the
 * plan names. The step is compiled once and run in loops.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const problem = booth();
 * const teleport = { when: atSteps([4]), search: bestAngle(problem.symmetry()) };
 * const { loss } = await minimize(problem, { optimizer: gd(), learningRate: 0.08, steps: 10, teleport });
 */
export async function minimize<P>(
  problem: MinimizationProblem<P>,
  options: MinimizeOptions<P>,
): Promise<Minimization<P>> {
  return runOnce(await createMinimizer(problem, options));
}

/**
 * Compiles a minimisation, see {@link minimize}: for one that is run several times, as to measure its time when warm.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const minimizer = await createMinimizer(booth(), { optimizer: gd(), learningRate: 0.08, steps: 10 });
 * const cold = (await minimizer.run()).seconds.at(-1);
 * const warm = (await minimizer.run()).seconds.at(-1);
 * await minimizer.dispose();
 */
export async function createMinimizer<P>(
  { loss, start, batch = {} }: MinimizationProblem<P>,
  options: MinimizeOptions<P>,
): Promise<Minimizer<Minimization<P>>> {
  const { optimizer, learningRate, steps, trajectory = false } = options;
  if (!Number.isSafeInteger(steps) || steps < 0) {
    throw new OptionError(`minimize: steps must be an integer >= 0; got ${steps}.`);
  }
  const dtype = dtypeOf(flatten<NdArray>(start, isNdArray).leaves[0]) as "float32" | "float64";
  const rateOf = (step: number): number => {
    const rate = typeof learningRate === "function" ? learningRate(step) : learningRate;
    if (Number.isFinite(rate) && rate >= 0) return rate;
    throw new OptionError(`minimize: the learning rate must be a finite number >= 0; got ${rate}.`);
  };
  rateOf(0);
  const compileOptions = pickCompileOptions(options);
  const step = (p: TensorsOf<P>, state: OptimizerState, b: BatchTensors, rate: Tensor) => {
    const [value, g] = valueAndGrad(loss)(p, b);
    const updated = optimizer.update(g, state, p, rate);
    return {
      params: updated.params,
      state: updated.state,
      loss: value,
      gradNormSq: dot(g, g),
      ...(trajectory ? { at: p } : {}),
    };
  };
  const first = optimizer.init(start);
  const { graph } = trace(step as never, [start, first, batch, array(0, dtype)], {
    names: ["params", "state", "batch", "rate"],
  });
  const { paths, def } = flatten<NdArray>({ params: start, state: first }, isNdArray);
  const plan = options.teleport;
  const resources = new Resources();
  const { executable, teleports } = await resources.releasedOnError(async () => ({
    executable: resources.keep(
      await compile(graph, {
        ...compileOptions,
        scan: { carry: Object.fromEntries(paths.map((path) => [path, path])), sequences: ["rate"] },
      }),
    ),
    teleports:
      plan &&
      resources.keep(
        await createTeleports<P>({ plan, loss, params: start, batch, optimizer, dtype, compileOptions }),
      ),
  }));

  const run = async (): Promise<Minimization<P>> => {
    const points: Points<P> = { loss: [], gradNormSq: [], seconds: [], trajectory: [] };
    const events: TeleportEvent[] = [];
    let current = { params: start, state: first };
    let schedule = plan && firstSchedule(plan.when);
    let clock = 0;

    /** Runs steps; what they compute belongs to the points before them. */
    const advance = async (count: number, keep: number): Promise<void> => {
      const from = points.loss.length;
      const rates = Array.from({ length: count }, (_, t) => rateOf(Math.min(from + t, steps)));
      const begin = performance.now();
      const results = await executable.run(
        { ...namedArrays(current), ...namedArrays({ batch }), rate: array(rates, dtype) },
        { steps: count },
      );
      const seconds = (performance.now() - begin) / 1000;
      const leaves = paths.map((path) => results[path]);
      for (let t = 0; t < count; t++) {
        points.seconds.push(clock + (seconds * t) / count);
        if (trajectory) points.trajectory.push(pointAt(start, results, t));
      }
      points.loss.push(...Array.from(results.loss.data, Number));
      points.gradNormSq.push(...Array.from(results.gradNormSq.data, Number));
      if (keep > 0) {
        current = unflatten(def, leaves) as typeof current;
        clock += seconds;
      }
    };
    const teleportIfDue = async (at: number): Promise<number> => {
      if (teleports === undefined || schedule === undefined) return Infinity;
      const due = teleports.due(schedule, 1);
      if (at < due) return due;
      const crossed = await teleports.cross(
        {
          step: at,
          // All data in every step.
          stepsPerEpoch: 1,
          losses: points.loss,
          params: current.params,
          optimizer: current.state,
          learningRate: rateOf(at),
          batch,
        },
        schedule,
      );
      ({ schedule } = crossed);
      current = { params: crossed.params, state: crossed.optimizer };
      clock += crossed.seconds;
      if (crossed.event) events.push(crossed.event);
      return teleports.due(schedule, 1);
    };

    while (points.loss.length < steps && finiteCount(points) === points.loss.length) {
      const at = points.loss.length;
      const due = await teleportIfDue(at);
      const count = Math.min(steps - at, due - at, chunk);
      await advance(count, count);
    }
    // The end is a point, too: what one more step would see.
    if (finiteCount(points) === points.loss.length) await advance(1, 0);
    const finite = finiteCount(points);
    return {
      params: current.params,
      loss: points.loss.slice(0, finite),
      gradNormSq: points.gradNormSq.slice(0, finite),
      seconds: points.seconds.slice(0, finite),
      ...(trajectory ? { trajectory: points.trajectory.slice(0, finite) } : {}),
      teleports: events,
      status: finite > steps ? "done" : "diverged",
    };
  };
  return { run, dispose: () => resources.release() };
}

interface Points<P> {
  readonly loss: number[];
  readonly gradNormSq: number[];
  readonly seconds: number[];
  readonly trajectory: P[];
}

/** How many points there are before the first whose numbers are not finite. */
function finiteCount<P>({ loss, gradNormSq }: Points<P>): number {
  // Once a number is not finite, those after it are not either: the last tells of all.
  const isGood = (t: number) => Number.isFinite(loss[t]) && Number.isFinite(gradNormSq[t]);
  if (loss.length === 0 || isGood(loss.length - 1)) return loss.length;
  return loss.findIndex((_, t) => !isGood(t));
}

/** The parameters that were recorded at one step of a run. */
function pointAt<P>(like: P, results: Readonly<Record<string, NdArray>>, t: number): P {
  const { paths, def } = flatten<NdArray>({ at: like }, isNdArray);
  const leaves = paths.map((path): NdArray => {
    const { shape, data } = results[path];
    const size = data.length / shape[0];
    return { shape: shape.slice(1), data: data.slice(t * size, (t + 1) * size) as Float64Array };
  });
  return (unflatten(def, leaves) as { at: P }).at;
}
