import { astype, isNdArray, type NdArray } from "../../array.js";
import type { Batch, NoBatch } from "../../batch.js";
import { NumericalError, OptionError } from "../../errors.js";
import { valueAndGrad } from "../../graph/autodiff.js";
import { checkLabels } from "../../graph/labels.js";
import { splitVector, vectorOf } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { addScaled, dotOf } from "../../math/dense.js";
import { gd } from "../../optim/sgd.js";
import { requireKnown } from "../../options.js";
import {
  type CompileOptions,
  compile,
  compileOptionNames,
  pickCompileOptions,
} from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import { Resources } from "../../runtime/resources.js";
import { parameterVector } from "../../teleport/parameter-vector.js";
import { flatten, floatTypeOf, namedArrays, unflatten } from "../../tree.js";
import { teleportIfDue } from "../advance.js";
import { emptyHistory, type History } from "../history.js";
import type { DirectionRule } from "../line-search/directions.js";
import { wolfeSearch } from "../line-search/wolfe.js";
import type { Run } from "../run.js";
import { requireSteps } from "../run-steps.js";
import type { TrainState } from "../state.js";
import { createTeleports, firstSchedule, requirePlan, type TeleportPlan } from "../teleports.js";
import { type NoState, runOnce } from "./minimize.js";
import {
  type Jump,
  type Minimization,
  type MinimizationProblem,
  type Minimizer,
  requireProblem,
  type StartOptions,
  startOf,
} from "./minimize-options.js";

export interface LineSearchMinimizeOptions<P, B extends Batch = Batch>
  extends Omit<CompileOptions, "scan" | "dtype"> {
  /** `steepestDescent`, `conjugateDirections` or `lbfgs()`. */
  readonly directions: DirectionRule;
  readonly steps: number;
  /** First step length to try; default that of a move of length 1. */
  readonly firstStep?: number | undefined;
  /**
   * Teleports; default none. The directions restart after a teleport, and the objective `modelDecrease` fits
   * a line search.
   */
  readonly teleport?: TeleportPlan<P, B> | undefined;
  /** Whether the parameters of every step are stored; default false. */
  readonly trajectory?: boolean | undefined;
}

export interface LineSearchMinimization<P> extends Omit<Minimization<P>, "status"> {
  /** Number of evaluations of loss and gradient up to each point, without teleports. */
  readonly evaluations: readonly number[];
  /** `stalled` if no step lowers the loss any more: the lists then end there. */
  readonly status: "done" | "stalled";
}

/**
 * Minimizes by line searches, the baseline for a tuned learning rate:
 *
 * w <- w + a d, where a meets the strong Wolfe conditions along the direction d
 *
 * The searches run on the host, with a call of the runtime for each evaluation.
 *
 * @throws OptionError for settings out of range; NumericalError if loss or gradient at the start is not finite
 *
 * @example
 * const { loss } = await minimizeByLineSearch(rosenbrock(), { directions: lbfgs(), steps: 50 });
 */
export async function minimizeByLineSearch<P, B extends Batch = NoBatch>(
  problem: MinimizationProblem<P, B>,
  options: LineSearchMinimizeOptions<P, B>,
): Promise<LineSearchMinimization<P>> {
  return runOnce(await createLineSearchMinimizer(problem, options));
}

/**
 * Compiles a minimization by line searches, see {@link minimizeByLineSearch}, for several runs.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const minimizer = await createLineSearchMinimizer(rosenbrock(), { directions: lbfgs(), steps: 50 });
 * const { loss } = await minimizer.run();
 * await minimizer.dispose();
 */
export async function createLineSearchMinimizer<P, B extends Batch = NoBatch>(
  problem: MinimizationProblem<P, B>,
  options: LineSearchMinimizeOptions<P, B>,
): Promise<Minimizer<LineSearchMinimization<P>, StartOptions<P>>> {
  requireSteps("minimizeByLineSearch", options, [
    ...(["directions", "steps", "firstStep", "teleport", "trajectory"] as const),
    ...compileOptionNames,
  ]);
  requireProblem("minimizeByLineSearch", problem);
  const { loss, start, batch = {} as B } = problem;
  const { directions: rule, steps, firstStep, trajectory = false, teleport: plan } = options;
  if (typeof rule !== "function") {
    throw new OptionError(
      `minimizeByLineSearch: directions must be steepestDescent, conjugateDirections or lbfgs(); got ${typeof rule}.`,
    );
  }
  if (plan) requirePlan(plan);
  if (firstStep !== undefined && !(firstStep > 0 && firstStep < Infinity)) {
    throw new OptionError(
      `minimizeByLineSearch: firstStep must be a finite number > 0; got ${firstStep}. Leave it out for a move of length 1.`,
    );
  }
  const compileOptions = pickCompileOptions(options);
  const dtype = floatTypeOf("minimizeByLineSearch", start);
  const space = parameterVector(start);
  const resources = new Resources();
  const { evaluate, teleports } = await resources.releasedOnError(async () => ({
    evaluate: resources.keep(await compileVectorLoss(problem, compileOptions)).evaluate,
    teleports:
      plan &&
      resources.keep(
        await createTeleports({
          plan,
          loss,
          params: start,
          batch,
          dtype,
          compileOptions,
          // The step as an objective sees it: w - a g.
          optimizer: gd(),
        }),
      ),
  }));

  const lifetime = new Lifetime("minimizer", "createLineSearchMinimizer");
  const minimized = async (given: StartOptions<P> = {}): Promise<LineSearchMinimization<P>> => {
    lifetime.requireOpen();
    requireKnown("minimizeByLineSearch: run", given, ["start"]);
    const from = startOf("minimizeByLineSearch", start, given.start);
    const run: Run<TrainState<P, NoState>, History> = {
      current: {
        step: 0,
        params: from,
        state: {},
        optimizer: {},
        ...(plan ? { schedule: firstSchedule(plan.when) } : {}),
      },
      history: emptyHistory(),
      pause: 0,
    };
    const { history } = run;
    const evaluationsUpTo: number[] = [];
    const points: P[] = [];
    const jumps: Jump<P>[] = [];
    const directions = rule();
    let begin = performance.now();
    let evaluations = 1;
    let at = await evaluate(space.vectorOf(from));
    if (!Number.isFinite(at.value) || !Number.isFinite(dotOf(at.g, at.g))) {
      throw new NumericalError(
        `minimizeByLineSearch: the loss at the start is ${at.value}, and it or its gradient is not finite; start elsewhere.`,
      );
    }
    let last: LastStep | undefined;

    const loop = {
      stepsPerEpoch: 1,
      teleports,
      examples: { at: async () => ({ batch }) },
      rateOf: () => last?.length ?? firstStep ?? 1 / Math.sqrt(dotOf(at.g, at.g)),
    };
    const teleportAt = async (step: number): Promise<void> => {
      const params = space.treeOf(at.w);
      run.current = { ...run.current, step, params };
      const before = performance.now();
      await teleportIfDue(run, loop);
      // `pause` has what counts of it.
      begin += performance.now() - before;
      const { params: to } = run.current;
      if (to === params) return;
      if (trajectory) jumps.push({ step, from: params, to });
      at = await evaluate(space.vectorOf(to));
      directions.reset();
      last = last && { length: last.length, slope: last.slope };
    };
    const record = (): void => {
      history.loss.push(at.value);
      history.gradNormSq.push(dotOf(at.g, at.g));
      history.seconds.push((performance.now() - begin) / 1000 + run.pause);
      evaluationsUpTo.push(evaluations);
      if (trajectory) points.push(space.treeOf(at.w));
    };
    /** Takes a step; returns whether there was one. */
    const advance = async (): Promise<boolean> => {
      const { w, value, g } = at;
      const d = directions.next(g, last?.moved);
      const slope = dotOf(g, d);
      const along = async (step: number) => {
        evaluations++;
        const there = await evaluate(addScaled(w, step, d));
        return { ...there, step, slope: dotOf(there.g, d) };
      };
      const first = directions.isScaled ? 1 : firstTrial(d, slope, last, firstStep);
      if (!(slope < 0 && first > 0)) return false;
      const found = await wolfeSearch(along, { value, slope }, { first, slope: directions.slope });
      if (found === undefined) return false;
      last = { length: found.step, slope, moved: addScaled(found.w, -1, w) };
      at = found;
      return true;
    };

    let isGoing = true;
    for (let t = 0; isGoing; t++) {
      if (teleports && t < steps) await teleportAt(t);
      record();
      isGoing = t < steps && (await advance());
    }
    const { loss: losses, gradNormSq, seconds, teleports: events } = history;
    return {
      params: space.treeOf(at.w),
      loss: losses,
      gradNormSq,
      seconds,
      evaluations: evaluationsUpTo,
      ...(trajectory ? { trajectory: points, jumps } : {}),
      teleports: events,
      status: losses.length > steps ? "done" : "stalled",
    };
  };
  return { run: minimized, dispose: () => lifetime.end(() => resources.release()) };
}

/** The last step: its length, the slope at its start, and its displacement; left out after a teleport. */
interface LastStep {
  readonly length: number;
  readonly slope: number;
  readonly moved?: Float64Array | undefined;
}

/** The step length that would change the loss as much as the last step did (eq. 3.60). */
function firstTrial(d: Float64Array, slope: number, last: LastStep | undefined, given?: number): number {
  if (last === undefined) return given ?? 1 / Math.sqrt(dotOf(d, d));
  return (last.length * last.slope) / slope;
}

// The loss of a minimization and its gradient as functions of one vector: one array goes in, and one comes out.

/** A point, with its loss and gradient. */
interface Place {
  readonly w: Float64Array;
  readonly value: number;
  readonly g: Float64Array;
}

async function compileVectorLoss<P, B extends Batch>(
  { loss, start, batch = {} as B }: MinimizationProblem<P, B>,
  compileOptions: CompileOptions,
) {
  const { leaves, def } = flatten<NdArray>(start, isNdArray);
  const dtype = floatTypeOf("minimizeByLineSearch", start);
  const size = leaves.reduce((sum, { data }) => sum + data.length, 0);
  const shapes = leaves.map(({ shape }) => shape);
  const treeOf = (w: Tensor) => unflatten(def, splitVector(w, shapes)) as TensorsOf<P>;
  const { graph } = trace(
    ({ w, batch: b }) => {
      const [value, slopes] = valueAndGrad(loss)(treeOf(w), b);
      return { loss: value, g: vectorOf(flatten(slopes, isTensor).leaves) };
    },
    { w: spec([size], dtype), batch },
  );
  const fixed = namedArrays({ batch });
  checkLabels(graph, fixed);
  const executable = await compile(graph, compileOptions);
  return {
    async evaluate(w: Float64Array): Promise<Place> {
      const results = await executable.run({ w: astype({ shape: [size], data: w }, dtype), ...fixed });
      const g = astype(results.g, "float64").data as Float64Array;
      return { w, value: Number(results.loss.data[0]), g };
    },
    dispose: () => executable.dispose(),
  };
}
