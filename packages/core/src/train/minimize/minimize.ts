// Minimization: a training without data, whose steps are points of a path.
import { astype, ndarray, zeros } from "../../array.js";
import { type Batch, forAnyBatch, type NoBatch } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { checkLabels } from "../../graph/labels.js";
import { simplify } from "../../graph/simplify.js";
import { type Spec, spec } from "../../graph/trace.js";
import { requireOptimizer } from "../../optim/optimizer.js";
import { requireKnown } from "../../options.js";
import { pickCompileOptions } from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import { Resources } from "../../runtime/resources.js";
import { warmUp } from "../../teleport/search/walk-program.js";
import { floatTypeOf, namedArrays } from "../../tree.js";
import { advance, finiteCount, type StepLoop } from "../advance.js";
import { resumedState } from "../checkpoint.js";
import type { StepData } from "../feed.js";
import { emptyHistory, type History, historyUpTo } from "../history.js";
import { mostSteps, recordedTree } from "../recorded.js";
import type { Run } from "../run.js";
import { dataChecksum, graphChecksum, type RunSettings, ratesOf } from "../run-settings.js";
import { learningRateOf, requireSteps } from "../run-steps.js";
import { arraysOf, type TrainState } from "../state.js";
import { type BeforeStep, compileSteps, type StepParts, traceStep } from "../step.js";
import { createTeleportLoop, type LoopedTeleport, type TeleportExamples } from "../teleport-loop.js";
import { createTeleports, firstSchedule, planText, requirePlan } from "../teleports.js";
import {
  type Jump,
  type Minimization,
  type MinimizationProblem,
  type MinimizeOptions,
  type MinimizeRunOptions,
  type Minimizer,
  minimizeOptions,
  requireProblem,
  runOptions,
  startOf,
} from "./minimize-options.js";

export type NoState = Readonly<Record<string, never>>;

/** Target seconds per call if `onLoop` is called after each. */
const glance = 0.25;

/** Runs a minimization once and disposes it. */
export async function runOnce<M, O>({ run, dispose }: Minimizer<M, O>, options?: O): Promise<M> {
  try {
    return await run(options);
  } finally {
    await dispose();
  }
}

/**
 * Minimizes a function or a loss on fixed data: w_{t+1} = update(grad L(w_t)), with teleports before the
 * steps that the plan selects. The step is compiled once and run in loops. Teleports are a branch of the same loop where
 * their steps are known in advance (`every`, `atSteps`) and all of a teleport is one program in float64 and JavaScript;
 * else the run returns to the host for each.
 *
 * @throws OptionError for settings out of range; DataError for a checkpoint of another run
 *
 * @example
 * const problem = booth();
 * const teleport = { when: atSteps([4]), search: bestAngle(problem.symmetry()) };
 * const { loss } = await minimize(problem, { optimizer: gd(), learningRate: 0.08, steps: 10, teleport });
 */
export async function minimize<P, B extends Batch = NoBatch>(
  problem: MinimizationProblem<P, B>,
  options: MinimizeOptions<P, B> & MinimizeRunOptions<P>,
): Promise<Minimization<P>> {
  requireSteps("minimize", options, [...new Set([...minimizeOptions, ...runOptions])]);
  const { start, onLoop, pauses, checkpoint, allowChanges, ...own } = options;
  return runOnce(await createMinimizer(problem, own), {
    start,
    onLoop,
    pauses,
    checkpoint,
    allowChanges,
  });
}

/**
 * Compiles a minimization, see {@link minimize}: for several runs, from other starts, at other learning rates, or to measure the
 * time of a warm run.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const minimizer = await createMinimizer(booth(), { optimizer: gd(), learningRate: 0.08, steps: 10 });
 * const cold = (await minimizer.run()).seconds.at(-1);
 * const warm = (await minimizer.run()).seconds.at(-1);
 * const elsewhere = await minimizer.run({ start: vector([1, 1]) });
 * const slower = await minimizer.run({ learningRate: 0.04 });
 * await minimizer.dispose();
 */
export async function createMinimizer<P, B extends Batch = NoBatch>(
  problem: MinimizationProblem<P, B>,
  options: MinimizeOptions<P, B>,
): Promise<Minimizer<Minimization<P>, MinimizeRunOptions<P>>> {
  requireSteps("minimize", options, minimizeOptions);
  requireProblem("minimize", problem);
  const { optimizer, learningRate, teleport: plan } = options;
  requireOptimizer("minimize", optimizer);
  learningRateOf("minimize", learningRate)(0);
  if (plan) requirePlan(plan);
  const resources = new Resources();
  const loop = await resources.releasedOnError(() => compileLoop(problem, options, resources));
  const lifetime = new Lifetime("minimizer", "createMinimizer");
  let checksums: { readonly data: string; readonly computation: string } | undefined;
  const settings = (rateOf: (step: number) => number): RunSettings => {
    checksums ??= {
      data: dataChecksum(namedArrays({ batch: problem.batch ?? {} })),
      // That of the steps alone: where the teleports are computed makes no difference.
      computation: graphChecksum([simplify(loop.graph)], (name) => name !== "at" && !name.startsWith("at.")),
    };
    return {
      optimizer: optimizer.name,
      learningRate: ratesOf(rateOf),
      teleport: plan ? planText(plan, 1) : null,
      ...checksums,
    };
  };

  return {
    async run(given = {}) {
      lifetime.requireOpen();
      requireKnown("minimize: run", given, runOptions);
      const rate = given.learningRate === undefined ? learningRate : given.learningRate;
      const rateOf = learningRateOf("minimize", rate);
      return minimized({ problem, options, loop, settings: () => settings(rateOf), rateOf }, given);
    },
    dispose: () => lifetime.end(() => resources.release()),
  };
}

/** A minimization whose options are checked and whose steps are compiled. */
interface OpenMinimizer<P, B extends Batch> {
  readonly problem: MinimizationProblem<P, B>;
  readonly options: MinimizeOptions<P, B>;
  readonly loop: Awaited<ReturnType<typeof compileLoop<P, B>>>;
  settings(): RunSettings;
  rateOf(step: number): number;
}

async function minimized<P, B extends Batch>(
  { problem, options, loop, settings, rateOf }: OpenMinimizer<P, B>,
  given: MinimizeRunOptions<P>,
): Promise<Minimization<P>> {
  const { steps, trajectory: isKept = false } = options;
  const { onLoop, pauses = [] } = given;
  const run = begun(given, problem, options, settings);
  const { history } = run;
  const first = run.current.step;
  const trajectory: P[] = [];
  const jumps: Jump<P>[] = [];
  const jumped = ({ event, ends }: LoopedTeleport<P>) => {
    if (isKept && event.accepted && ends) jumps.push({ step: event.step, ...ends });
  };
  const own: StepLoop<P, NoState, StepData> = {
    ...loop,
    rateOf: (step) => rateOf(Math.min(step, steps)),
    onTeleport: jumped,
    onSteps({ losses, results, teleports }) {
      teleports.forEach(jumped);
      if (!isKept) return;
      for (const t of losses.keys()) trajectory.push(recordedTree(results, "at", problem.start, t));
    },
  };
  let isStopped = false;
  let pace = onLoop ? 10 : Infinity;
  let nextPause = 0;
  while (run.current.step < steps && allFinite(history) && !isStopped) {
    const { step } = run.current;
    while (pauses[nextPause] <= step) nextPause++;
    const count = Math.min(Math.min(steps, pauses[nextPause] ?? Infinity) - step, pace, loop.most);
    const begin = performance.now();
    await advance(run, own, count);
    if (!onLoop || !allFinite(history)) continue;
    const { current } = run;
    const seconds = (performance.now() - begin) / 1000;
    pace = Math.max(1, Math.ceil(((current.step - step) * glance) / Math.max(seconds, 1e-9)));
    const isAsked = await onLoop({ current, history, settings: settings(), trajectory, jumps });
    isStopped = isAsked === true && current.step < steps;
  }
  const { params } = run.current;
  // The end is a point, too: what one more step would see.
  if (allFinite(history)) await advance(run, { ...own, inLoop: undefined, teleports: undefined }, 1);
  const finite = finiteCount(history);
  return {
    params,
    loss: history.loss.slice(0, finite),
    gradNormSq: history.gradNormSq.slice(0, finite),
    seconds: history.seconds.slice(0, finite),
    ...(isKept ? { trajectory: trajectory.slice(0, finite - first), jumps } : {}),
    teleports: history.teleports,
    status: isStopped ? "stopped" : finite > steps ? "done" : "diverged",
  };
}

/** What a step reads besides parameters and the optimizer's state. */
interface StepInputs {
  readonly batch: Batch;
  readonly rate: Spec;
}

/** Most points of a call, so that a run that diverges ends soon. */
const mostPoints = 1000;

/** Compiles the steps of a minimization, with the teleports between them that need nothing from the host, as one program. */
async function compileLoop<P, B extends Batch>(
  { loss, start, batch = {} as B }: MinimizationProblem<P, B>,
  { optimizer, teleport: plan, trajectory: keepsPoints = false, ...options }: MinimizeOptions<P, B>,
  resources: Resources,
) {
  const dtype = floatTypeOf("minimize", start);
  const compileOptions = pickCompileOptions(options);
  const begin = { step: 0, params: start, state: {}, optimizer: optimizer.init(start) };
  const rateOf: StepParts<P, NoState, StepInputs>["rateOf"] = ({ rate }) => rate;
  const parts: StepParts<P, NoState, StepInputs> = {
    start: { params: start, state: {}, optimizer: begin.optimizer },
    inputs: { batch, rate: spec([], dtype) },
    lossOf: (given, state) => (params) => ({ value: forAnyBatch(loss)(params, given.batch), state }),
    rateOf,
    optimizer,
    gradNorm: true,
    keepsPoints,
  };
  const graph = traceStep(parts);
  const fixed = namedArrays({ batch });
  checkLabels(graph, fixed);
  const teleports =
    plan &&
    resources.keep(
      await createTeleports({ plan, loss, params: start, batch, optimizer, dtype, compileOptions }),
    );
  const compileStep = async (before?: BeforeStep<P, NoState, StepInputs>) => {
    const of = { ...parts, before };
    const executable = await compileSteps(of, ["rate"], compileOptions, before ? undefined : graph);
    resources.keep(executable);
    // What is timed later is code that the engine has optimized, with teleports and without.
    const steps = 20;
    const now = Uint8Array.from({ length: steps }, (_, t) => (t === 0 ? 1 : 0));
    const sequences = { rate: zeros([steps], dtype), "teleport.now": { shape: [steps], data: now } };
    await warmUp(executable, { ...arraysOf(begin), ...fixed, ...sequences }, { steps });
    return executable;
  };
  /** The batch is always the same. */
  const examples: TeleportExamples<NoState, StepInputs, StepData> = {
    at: async () => ({ batch }),
    hasHeldOut: false,
    rows: {},
    rowsAt: () => ({}),
    taken: (_, given) => ({ batch: given.batch }),
  };
  const branch = teleports?.branch;
  const setup = { like: begin, stepsPerEpoch: 1, rateOf, compileStep };
  const inLoop =
    branch &&
    (await createTeleportLoop(branch, examples, {
      ...setup,
      keepsEnds: keepsPoints || branch.part.measuresEnds,
    }));
  return {
    graph,
    most: Math.min(mostPoints, mostSteps(graph, Object.keys(arraysOf(begin)))),
    executable: inLoop?.executable ?? (await compileStep()),
    // Every step uses all data.
    stepsPerEpoch: 1,
    inLoop,
    teleports,
    examples,
    timed: "before" as const,
    feed: async (_: number, steps: number): Promise<StepData> => ({
      steps,
      // Where no teleport is planned.
      inputs: { ...fixed, "teleport.now": { shape: [steps], data: new Uint8Array(steps) } },
    }),
    inputsOf: (_: number, rates: Float64Array) => ({ rate: astype(ndarray(rates, [rates.length]), dtype) }),
  };
}

/** Where a run begins: at a start, or at a checkpoint. */
function begun<P, B extends Batch>(
  { start, checkpoint, allowChanges = [] }: MinimizeRunOptions<P>,
  problem: MinimizationProblem<P, B>,
  { optimizer, teleport: plan }: MinimizeOptions<P, B>,
  settings: () => RunSettings,
): Run<TrainState<P, NoState>, History> {
  if (start !== undefined && checkpoint !== undefined) {
    throw new OptionError("minimize: a checkpoint has a start of its own; leave start or checkpoint out.");
  }
  const params = startOf("minimize", problem.start, start);
  const first = {
    step: 0,
    params,
    optimizer: optimizer.init(params),
    state: {},
    ...(plan ? { schedule: firstSchedule(plan.when) } : {}),
  };
  if (checkpoint === undefined) return { current: first, history: emptyHistory(), pause: 0 };
  const current = resumedState({ current: first, settings: settings() }, checkpoint, { allowChanges });
  return { current, history: historyUpTo(current.step, checkpoint.history), pause: 0 };
}

/** Whether all numbers are finite: once one is not, none of the later ones is, so checking the last one suffices. */
const allFinite = ({ loss, gradNormSq }: History): boolean =>
  loss.length === 0 || (Number.isFinite(loss.at(-1)) && Number.isFinite(gradNormSq.at(-1)));
