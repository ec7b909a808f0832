import type { NdArray } from "../array.js";
import { array, dtypeOf, isNdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { dot, valueAndGrad } from "../graph/autodiff.js";
import type { Tensor } from "../graph/tensor.js";
import { type TensorsOf, trace } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import { type Optimizer, type OptimizerState, requireOptimizer } from "../optim/optimizer.js";
import { requireKnown } from "../options.js";
import { type CompileOptions, compile, pickCompileOptions } from "../runtime/compile.js";
import { Lifetime } from "../runtime/lifetime.js";
import { Resources } from "../runtime/resources.js";
import type { Batch, BatchTensors } from "../symmetry/symmetry.js";
import type { BatchLoss } from "../teleport/objective/objective.js";
import { flatten, unflatten } from "../tree.js";
import { type Checkpoint, resumedState } from "./checkpoint.js";
import { emptyHistory, type History, historyUpTo } from "./history.js";
import {
  dataChecksum,
  graphChecksum,
  type ResumeOptions,
  type RunSettings,
  ratesOf,
} from "./run-settings.js";
import { type LearningRate, learningRateOf, requireSteps } from "./run-steps.js";
import type { TrainState } from "./state.js";
import {
  createTeleports,
  firstSchedule,
  planText,
  requirePlan,
  type TeleportEvent,
  type TeleportPlan,
} from "./teleports.js";

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
  readonly learningRate: LearningRate;
  readonly steps: number;
  /** Default none. */
  readonly teleport?: TeleportPlan<P>;
  /** Whether the parameters of every step are kept, and where teleports led; default false. */
  readonly trajectory?: boolean;
}

/** How one run of a minimisation goes. */
export interface MinimizeRunOptions<P> {
  /** Told some times a second where the run is; `true` ends it there. */
  readonly onLoop?: (at: MinimizationProgress<P>) => boolean | undefined | Promise<boolean | undefined>;
  /** To go on with, of a run with the same problem and options: it ends with the same numbers, bit for bit. */
  readonly checkpoint?: Checkpoint;
  /** Settings that may differ from those of the checkpoint's run: see {@link ResumeOptions}. */
  readonly allowChanges?: ResumeOptions["allowChanges"];
}

const runOptions = ["onLoop", "checkpoint", "allowChanges"] as const;
const minimizeOptions = [
  ...(["optimizer", "learningRate", "steps", "teleport", "trajectory"] as const),
  ...(["runtime", "provider", "threads"] as const),
];

/** A teleport that was accepted, with the points that it led from and to. */
export interface Jump<P> {
  readonly step: number;
  readonly from: P;
  readonly to: P;
}

/** A minimisation under way: `encodeCheckpoint(progress)` is its checkpoint. */
export interface MinimizationProgress<P> {
  readonly current: TrainState<P, Record<string, never>>;
  /** One entry a step that was done. */
  readonly history: History;
  /** What the numbers of the run depend on besides its state. */
  readonly settings: RunSettings;
  /** With `trajectory`: see {@link Minimization}. */
  readonly trajectory: readonly P[];
  readonly jumps: readonly Jump<P>[];
}

/** What a minimisation went through. Entry t of each list is the point before step t; the last one is the end. */
export interface Minimization<P> {
  readonly params: P;
  readonly loss: readonly number[];
  readonly gradNormSq: readonly number[];
  /** Seconds of computing up to each point, teleports included, compilation not. */
  readonly seconds: readonly number[];
  /**
   * With `trajectory`: the parameters of each point, from the checkpoint on where it went on from one. A teleport before
   * step t shows as a jump to point t.
   */
  readonly trajectory?: readonly P[];
  /** With `trajectory`: the accepted teleports of these points. */
  readonly jumps?: readonly Jump<P>[];
  readonly teleports: readonly TeleportEvent[];
  /** `diverged` where a loss or gradient is no longer finite: the lists then end before it. `stopped` by `onLoop`. */
  readonly status: "done" | "diverged" | "stopped";
}

/** Points computed in one call of the runtime, at most: a run that diverges ends soon. */
const chunk = 1000;
/** Seconds of one call where somebody is told after it. */
const glance = 0.25;

/** A minimisation, compiled. */
export interface Minimizer<M, O = Readonly<Record<never, never>>> {
  /** From the start to the end; again and again. Just-in-time compilers make later runs faster than the first. */
  run(options?: O): Promise<M>;
  dispose(): Promise<void>;
}

/** Refuses what is no problem. @throws OptionError */
export function requireProblem<P>(owner: string, problem: MinimizationProblem<P>): void {
  if (typeof problem?.loss === "function" && problem.start !== undefined) return;
  const got =
    typeof problem === "object" && problem !== null ? Object.keys(problem).join(", ") : typeof problem;
  throw new OptionError(
    `${owner} takes a problem { loss, start, batch }, such as rosenbrock(), and then its options; got ${got || "no entries"}.`,
  );
}

/** Runs a minimisation once, and gives back what it holds. */
export async function runOnce<M, O>({ run, dispose }: Minimizer<M, O>, options?: O): Promise<M> {
  try {
    return await run(options);
  } finally {
    await dispose();
  }
}

/**
 * Minimises a function or a loss on fixed data: w_{t+1} = update(grad L(w_t)), with teleports before the steps that the
 * plan names. The step is compiled once and run in loops.
 *
 * @throws OptionError for settings out of range; DataError for a checkpoint of another run
 *
 * @example
 * const problem = booth();
 * const teleport = { when: atSteps([4]), search: bestAngle(problem.symmetry()) };
 * const { loss } = await minimize(problem, { optimizer: gd(), learningRate: 0.08, steps: 10, teleport });
 */
export async function minimize<P>(
  problem: MinimizationProblem<P>,
  options: MinimizeOptions<P> & MinimizeRunOptions<P>,
): Promise<Minimization<P>> {
  requireSteps("minimize", options, [...minimizeOptions, ...runOptions]);
  const { onLoop, checkpoint, allowChanges, ...own } = options;
  return runOnce(await createMinimizer(problem, own), {
    ...(onLoop ? { onLoop } : {}),
    ...(checkpoint ? { checkpoint } : {}),
    ...(allowChanges ? { allowChanges } : {}),
  });
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
  problem: MinimizationProblem<P>,
  options: MinimizeOptions<P>,
): Promise<Minimizer<Minimization<P>, MinimizeRunOptions<P>>> {
  requireSteps("minimize", options, minimizeOptions);
  requireProblem("minimize", problem);
  const { loss, start, batch = {} } = problem;
  const { optimizer, learningRate, steps, trajectory: isKept = false } = options;
  requireOptimizer("minimize", optimizer);
  const dtype = dtypeOf(flatten<NdArray>(start, isNdArray).leaves[0]) as "float32" | "float64";
  const rateOf = learningRateOf("minimize", learningRate);
  rateOf(0);
  const compileOptions = pickCompileOptions(options);
  const step = (p: TensorsOf<P>, state: OptimizerState, b: BatchTensors, rate: Tensor) => {
    const [value, g] = valueAndGrad(loss)(p, b);
    const updated = optimizer.update(g, state, p, rate);
    return {
      params: updated.params,
      optimizer: updated.state,
      loss: value,
      gradNormSq: dot(g, g),
      ...(isKept ? { at: p } : {}),
    };
  };
  const plan = options.teleport;
  if (plan) requirePlan(plan);
  const first = { params: start, optimizer: optimizer.init(start) };
  const { graph } = trace(step as never, [start, first.optimizer, batch, array(0, dtype)], {
    names: ["params", "optimizer", "batch", "rate"],
  });
  const { paths, def } = flatten<NdArray>(first, isNdArray);
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

  const lifetime = new Lifetime("minimizer", "createMinimizer");
  let checksums: { readonly data: string; readonly computation: string } | undefined;
  const settings = (): RunSettings => {
    checksums ??= {
      data: dataChecksum(namedArrays({ batch })),
      computation: graphChecksum([executable.graph], (name) => name !== "at" && !name.startsWith("at.")),
    };
    return {
      optimizer: optimizer.name,
      learningRate: ratesOf(rateOf),
      teleport: plan ? planText(plan, 1) : null,
      ...checksums,
    };
  };

  const run = async (given: MinimizeRunOptions<P> = {}): Promise<Minimization<P>> => {
    lifetime.requireOpen();
    requireKnown("minimize: run", given, runOptions);
    const { onLoop, checkpoint, allowChanges = [] } = given;
    const begun = {
      step: 0,
      ...first,
      state: {},
      ...(plan ? { schedule: firstSchedule(plan.when) } : {}),
    };
    let current = checkpoint
      ? resumedState({ current: begun, settings: settings() }, checkpoint, { allowChanges })
      : begun;
    const history = checkpoint ? historyUpTo(current.step, checkpoint.history) : emptyHistory();
    const trajectory: P[] = [];
    const jumps: Jump<P>[] = [];
    let clock = history.seconds.at(-1) ?? 0;

    /** Runs steps; what they compute belongs to the points before them. Returns what it took. */
    const advance = async (count: number): Promise<number> => {
      const rates = Array.from({ length: count }, (_, t) => rateOf(Math.min(current.step + t, steps)));
      const { params, optimizer: state } = current;
      const begin = performance.now();
      const results = await executable.run(
        { ...namedArrays({ params, optimizer: state, batch }), rate: array(rates, dtype) },
        { steps: count },
      );
      const seconds = (performance.now() - begin) / 1000;
      for (let t = 0; t < count; t++) {
        history.seconds.push(clock + (seconds * t) / count);
        if (isKept) trajectory.push(pointAt(start, results, t));
      }
      history.loss.push(...Array.from(results.loss.data, Number));
      history.gradNormSq.push(...Array.from(results.gradNormSq.data, Number));
      const moved = unflatten(
        def,
        paths.map((path) => results[path]),
      ) as typeof first;
      current = { ...current, ...moved, step: current.step + count };
      clock += seconds;
      return seconds;
    };
    /** Returns the step at which it wants to be asked next. */
    const teleportIfDue = async (): Promise<number> => {
      if (teleports === undefined || current.schedule === undefined) return Infinity;
      const due = teleports.due(current.schedule, 1);
      if (current.step < due) return due;
      const { params: from, optimizer: state, step: at } = current;
      const { event, seconds, ...crossed } = await teleports.cross(
        {
          step: at,
          // All data in every step.
          stepsPerEpoch: 1,
          losses: history.loss,
          params: from,
          optimizer: state,
          learningRate: rateOf(at),
          batch,
        },
        current.schedule,
      );
      current = { ...current, ...crossed };
      clock += seconds;
      if (event) history.teleports.push(event);
      if (isKept && event?.accepted) jumps.push({ step: at, from, to: crossed.params });
      return teleports.due(crossed.schedule, 1);
    };

    let isStopped = false;
    let { params } = current;
    let pace = onLoop ? 10 : chunk;
    while (current.step < steps && allFinite(history) && !isStopped) {
      const due = await teleportIfDue();
      const count = Math.min(steps - current.step, due - current.step, pace);
      const seconds = await advance(count);
      if (!onLoop || !allFinite(history)) continue;
      pace = Math.min(chunk, Math.max(1, Math.ceil((count * glance) / Math.max(seconds, 1e-9))));
      const isAsked = await onLoop({ current, history, settings: settings(), trajectory, jumps });
      isStopped = isAsked === true && current.step < steps;
    }
    ({ params } = current);
    // The end is a point, too: what one more step would see.
    if (allFinite(history)) await advance(1);
    const finite = finiteCount(history);
    return {
      params,
      loss: history.loss.slice(0, finite),
      gradNormSq: history.gradNormSq.slice(0, finite),
      seconds: history.seconds.slice(0, finite),
      ...(isKept ? { trajectory: trajectory.slice(0, finite - (checkpoint?.rest.step ?? 0)), jumps } : {}),
      teleports: history.teleports,
      status: isStopped ? "stopped" : finite > steps ? "done" : "diverged",
    };
  };
  return { run, dispose: () => lifetime.end(() => resources.release()) };
}

/** How many points there are before the first whose numbers are not finite. */
function finiteCount({ loss, gradNormSq }: History): number {
  const first = loss.findIndex((value, t) => !Number.isFinite(value) || !Number.isFinite(gradNormSq[t]));
  return first < 0 ? loss.length : first;
}

/** Whether all numbers are finite: once one is not, those after it are not either, so the last tells of all. */
const allFinite = ({ loss, gradNormSq }: History): boolean =>
  loss.length === 0 || (Number.isFinite(loss.at(-1)) && Number.isFinite(gradNormSq.at(-1)));

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
