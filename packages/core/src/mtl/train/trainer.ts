import { astype, dtypeOf, isNdArray, type NdArray } from "../../array.js";
import type { NoBatch } from "../../batch.js";
import { describeValue, OptionError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { isFloat } from "../../graph/tensor.js";
import { spec, trace } from "../../graph/trace.js";
import { type Mt19937, torchGenerator } from "../../math/mt19937.js";
import { type Optimizer, type OptimizerState, requireOptimizer } from "../../optim/optimizer.js";
import { inCode, isFunction, type Kind, number, oneOf, requireKnown } from "../../options.js";
import { compileOptionNames, pickCompileOptions } from "../../runtime/compile.js";
import { Resources } from "../../runtime/resources.js";
import type { TaskMetricSets } from "../../train/evaluator.js";
import { graphChecksum } from "../../train/run-settings.js";
import { trainerOf } from "../../train/trainer-of.js";
import { flatten, unflatten } from "../../tree.js";
import { floatOf, splitParameters } from "../gradients/parameter-split.js";
import { keepsRows, taskGradients, traceLosses } from "../gradients/task-gradients.js";
import { taskUpdates } from "../gradients/task-updates.js";
import { multiTaskEvaluator, requireTaskMetrics, taskQuantities, taskValues } from "./evaluate.js";
import { emptyHistory, tasksUpTo } from "./history.js";
import { prepareSources, type Sources } from "./sources.js";
import { advanceTasks, multiTaskStep, type StepParts } from "./step.js";
import type { RunSetup } from "./step-hook.js";
import { labelChecks } from "./task-losses.js";
import { checkTasks, type MultiTaskState } from "./train-state.js";
import type {
  EvaluateTasksOptions,
  MultiTaskData,
  MultiTaskTrainer,
  MultiTaskTrainerOptions,
} from "./trainer-options.js";

export type { BeforeStep, RunSetup, StepChange, StepContext } from "./step-hook.js";
export type {
  MultiTaskData,
  MultiTaskProgress,
  MultiTaskTrainer,
  MultiTaskTrainerOptions,
  RunMultiTaskOptions,
} from "./trainer-options.js";

/**
 * Compiles a run of several tasks: gradients per task, a method that combines them, and an optimizer.
 *
 * A step measures losses and, if the method needs them, G = J J' or J on a batch, asks the method for weights
 * w, and steps along J' w (clipped) in the shared parameters and along w_k or 1 times grad L_k in the heads.
 *
 * @throws ShapeError, DTypeError, DataError, OptionError when losses, parameters, data and settings do not fit
 *
 * @example
 * const trainer = await createMultiTaskTrainer({
 *   losses, params, data: { x, left, right }, method: fairGrad(), optimizer: adam(), learningRate: 1e-3, batchSize: 256,
 * });
 * await trainer.run({ steps: 1000 });
 * trainer.history.losses[0]?.at(-1);
 */
export function createMultiTaskTrainer<P, const D extends MultiTaskData = NoBatch, S = unknown>(
  // The second part lets TypeScript infer types where another option is misspelled: its error then names that option.
  options: MultiTaskTrainerOptions<P, D, S> & Pick<MultiTaskTrainerOptions<P, D, S>, "params" | "data">,
): Promise<MultiTaskTrainer<P, D>>;
export async function createMultiTaskTrainer<P>(
  options: MultiTaskTrainerOptions<P>,
): Promise<MultiTaskTrainer<P>> {
  checkOptions(options);
  const { data = {}, batchSize, seed = 0 } = options;
  const start = startOf(options, seed);
  const resources = new Resources();
  return resources.releasedOnError(async () => {
    const sources = resources.keep(await prepareSources(data, { batchSize, seed, dtype: start.dtype }));
    return trainerOn(sources, { ...options, ...start, seed }, resources);
  });
}

/** A trainer whose options are checked and whose data are open. */
async function trainerOn<P>(
  sources: Sources,
  options: Omit<MultiTaskTrainerOptions<P>, keyof Start<P>> & Start<P> & { readonly seed: number },
  resources: Resources,
): Promise<MultiTaskTrainer<P>> {
  const { method, optimizer, beforeStep, outputs, headGradient, params, state, seed } = options;
  const { clipNorm = method.clipNorm } = options;
  const optimizerState = optimizer.init(params);
  const parts = await stepParts(sources, { ...options, clipNorm }, { optimizerState, resources });
  const step = multiTaskStep(parts);
  const { gradients, measures } = parts;
  const { tasks } = gradients;
  const evaluator = resources.keep(multiTaskEvaluator(options));
  const start: MultiTaskState<P> = {
    step: 0,
    params,
    state,
    optimizer: optimizerState,
    method: method.init(tasks.length),
    epochLosses: new Float64Array(tasks.length),
  };
  const named = { tasks, hasOutputs: outputs !== undefined };
  return trainerOf(
    {
      owner: "createMultiTaskTrainer",
      start,
      history: emptyHistory(tasks, measures),
      stepsPerEpoch: sources.stepsPerEpoch,
      optimizer,
      learningRate: options.learningRate,
      advance: (run, most, rateOf) => advanceTasks(run, step, { most, rateOf }),
      lossesOf: ({ losses }) => losses,
      historyUpTo: (steps, past) => tasksUpTo(steps, past, { tasks, measures }),
      checkState: (given) => checkTasks(given, tasks),
      settings: (learningRate) => ({
        tasks,
        method: method.name,
        optimizer: optimizer.name,
        learningRate,
        batchSize: options.batchSize ?? null,
        seed,
        clipNorm: clipNorm ?? null,
        headGradient: headGradient ?? null,
        beforeStep: beforeStep !== undefined,
      }),
      checksums: () => ({
        data: sources.checksum(),
        computation: graphChecksum([
          traceLosses(gradients.parts),
          traceOptimizer(optimizer, params, start.optimizer),
        ]),
      }),
      quantities: (sets = {}) => taskQuantities("run", sets, named),
      measure: async (at, data: MultiTaskData, sets) =>
        taskValues(await evaluator.evaluate(at.params, data, { state: at.state, metrics: sets }), tasks),
      resources,
    },
    (lifetime, evaluated) => ({
      setup: parts.setup,
      async evaluate<M extends TaskMetricSets>(
        data: MultiTaskData,
        evaluateOptions: EvaluateTasksOptions<M> = {},
      ) {
        lifetime.requireIdle("evaluate");
        requireKnown(
          "evaluate",
          evaluateOptions,
          ["metrics", "batchSize"],
          "evaluate(data, { metrics: {} })",
        );
        const { metrics: sets = {} as M, batchSize } = evaluateOptions;
        requireTaskMetrics("evaluate", sets, named);
        const at = evaluated();
        return evaluator.evaluate(at.params, data, { state: at.state, metrics: sets, batchSize });
      },
    }),
  );
}

/** Compiles what the steps of a run share. */
async function stepParts<P>(
  sources: Sources,
  options: Parameters<typeof trainerOn<P>>[1],
  { optimizerState, resources }: { readonly optimizerState: OptimizerState; readonly resources: Resources },
): Promise<StepParts<P>> {
  const { method, optimizer, representation, clipNorm, strategy = "auto", headGradient } = options;
  const { params, state, dtype, seed } = options;
  const compileOptions = pickCompileOptions(options);
  const labels = labelChecks(options.losses);
  const shapes = {
    losses: labels.losses,
    params,
    state,
    batch: await sources.batchOf(0),
    tasks: options.tasks,
    taskOf: options.taskOf,
    representation,
    headAlignment: method.headAlignment,
    spansHeads: method.spansHeads,
    isFrozen: optimizer.isFrozen,
    ...compileOptions,
  };
  const probe = resources.keep(taskGradients(shapes));
  sources.checkBy((arrays) => labels.check(arrays));
  const { tasks } = probe;
  const { shared, paths } = splitParameters(params, tasks, options.taskOf);
  const measures = method.needs !== "losses" || options.recordGradients === true;
  const keeps = measures && (method.needs === "jacobian" || keepsRows(strategy, probe));
  // A hook sees the shared part of the rows that span the heads.
  const gradients =
    keeps || method.spansHeads ? resources.keep(taskGradients({ ...shapes, keep: true })) : probe;
  const updates = resources.keep(
    taskUpdates({
      gradients,
      optimizer,
      optimizerState,
      clipNorm: clipNorm !== undefined && clipNorm > 0 ? clipNorm : undefined,
      ...compileOptions,
    }),
  );
  const setup: RunSetup<P> = {
    losses: options.losses,
    representation,
    tasks,
    sharedPaths: shared.map((i) => paths[i]),
    isFrozen: optimizer.isFrozen,
    dtype,
    compileOptions,
  };
  await gradients.compile(measures ? "measure" : "losses");
  const { beforeStep } = options;
  return {
    setup,
    sources,
    gradients,
    updates,
    method,
    optimizer,
    beforeStep,
    measures,
    keeps,
    headGradient,
    seed,
  };
}

/** Where a run begins. */
export interface Start<P> {
  readonly params: P;
  readonly state: unknown;
  readonly dtype: "float32" | "float64";
}

/** Initial parameters and state, and the precision of the run, which is that of the parameters unless the options set another one. */
function startOf<P>({ params, state = {}, dtype }: MultiTaskTrainerOptions<P>, seed: number): Start<P> {
  if (typeof params === "function") {
    const precision = dtype ?? "float32";
    const draw = params as (rng: Mt19937, options: object) => P;
    const drawn = draw(torchGenerator(seed), { dtype: precision });
    return { params: drawn, state: floatsAs(state, precision), dtype: precision };
  }
  const precision = dtype ?? floatOf(params);
  return { params: floatsAs(params, precision), state: floatsAs(state, precision), dtype: precision };
}

/** A tree of arrays whose floating-point numbers have another precision. */
function floatsAs<T>(tree: T, dtype: "float32" | "float64"): T {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  const cast = leaves.map((a) => (isFloat(dtypeOf(a)) ? astype(a, dtype) : a));
  return unflatten(def, cast) as T;
}

/** The optimizer's update as a graph, which shows the effect of its options. */
function traceOptimizer<P>(optimizer: Optimizer, params: P, state: OptimizerState): Graph {
  const { graph } = trace(
    (given) => optimizer.update(given.gradients, given.state, given.params, given.rate),
    {
      gradients: params,
      state,
      params,
      rate: spec([], floatOf(params)),
    },
  );
  return graph;
}

/** @throws OptionError for unknown options, and those that are not of their form */
function checkOptions<P>(options: MultiTaskTrainerOptions<P>): void {
  // A problem may be spread into the options: these are its other entries.
  const besides = ["name", "represent", "train", "test", "only"];
  const own = Object.fromEntries(Object.entries(options).filter(([name]) => !besides.includes(name)));
  requireKnown<Partial<typeof options>>("createMultiTaskTrainer", own, [
    ...(["losses", "params", "state", "data", "method", "optimizer", "learningRate", "batchSize"] as const),
    ...(["seed", "dtype", "tasks", "taskOf", "clipNorm", "headGradient", "representation"] as const),
    ...(["recordGradients", "strategy", "metrics", "outputs", "beforeStep", ...compileOptionNames] as const),
  ]);
  const { method, optimizer, representation, tasks } = options;
  for (const [name, { kind, example }] of Object.entries(checked)) {
    const value = options[name as keyof typeof options];
    if ((value === undefined && name !== "losses") || kind.test(value)) continue;
    throw new OptionError(
      `createMultiTaskTrainer: ${name} must be ${kind.expected}; got ${describeValue(value)}.${example ? ` Write ${example}, say.` : ""}`,
    );
  }
  if (new Set(tasks).size < (tasks?.length ?? 0)) {
    throw new OptionError(`createMultiTaskTrainer: names of tasks must differ; got ${describeValue(tasks)}.`);
  }
  requireOptimizer("createMultiTaskTrainer", optimizer);
  if (typeof method?.combine !== "function") {
    throw new OptionError(
      `createMultiTaskTrainer: method must be one such as fairGrad(); got ${typeof method}.${typeof method === "function" ? " Call it." : ""}`,
    );
  }
  if (representation === undefined && method.headAlignment) {
    throw new OptionError(
      `${method.name} aligns the tasks' gradients in a representation: give the option representation, such as a problem's represent.`,
    );
  }
  if (representation !== undefined && (method.samplesPerStep ?? 1) > 1) {
    throw new OptionError(
      `${method.name} takes ${method.samplesPerStep} batches a step, each with a representation of its own; leave representation out.`,
    );
  }
}

const aFunction = inCode("a function", isFunction);

/** What options of a fixed form must be. */
const checked: Readonly<Record<string, { readonly kind: Kind; readonly example?: string }>> = {
  seed: { kind: number({ integer: true }) },
  outputs: { kind: aFunction, example: "outputs: (p, batch) => ({ left: { output, labels } })" },
  losses: { kind: aFunction, example: "losses: (p, batch) => [first, second]" },
  beforeStep: { kind: aFunction, example: "beforeStep: hook.beforeStep" },
  tasks: { kind: inCode("a list of names", Array.isArray) },
  dtype: { kind: oneOf(["float32", "float64"]) },
  headGradient: { kind: oneOf(["weighted", "unweighted"]) },
  strategy: { kind: oneOf(["auto", "keep", "recompute"]) },
  clipNorm: { kind: inCode("a number >= 0, 0 for no limit", (value) => Number(value) >= 0) },
};
