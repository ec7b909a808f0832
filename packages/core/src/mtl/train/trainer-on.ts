import { requireKnown } from "../../options.js";
import { pickCompileOptions } from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import type { EpochRow } from "../../train/epoch-row.js";
import { graphChecksum, ratesOf } from "../../train/run-settings.js";
import { learningRateOf, runSteps } from "../../train/run-steps.js";
import { evaluatedState } from "../../train/state.js";
import { traceLosses } from "../gradients/measure-graph.js";
import { keepsRows } from "../gradients/strategy.js";
import { taskGradients } from "../gradients/task-gradients.js";
import { taskUpdates } from "../gradients/task-updates.js";
import { multiTaskEvaluator, type TaskMetricSets } from "./evaluate.js";
import { columnsOf, emptyHistory, historyFrom, recordStep } from "./history.js";
import { labelChecks } from "./label-checks.js";
import type { Sources } from "./sources.js";
import { multiTaskStep } from "./step.js";
import type { RunSetup } from "./step-hook.js";
import type { StepPlan } from "./step-point.js";
import { requireTaskMetrics, taskQuantities, taskValues, trainingFrom } from "./task-metrics.js";
import { checkState, type MultiTaskState } from "./train-state.js";
import type { MultiTaskData, MultiTaskTrainer, MultiTaskTrainerOptions } from "./trainer-options.js";
import { traceOptimizer } from "./trainer-start.js";

/** A trainer of several tasks whose options are checked and whose data are open. */
export async function trainerOn<P>(
  sources: Sources,
  options: MultiTaskTrainerOptions<P>,
  {
    params,
    state,
    dtype,
    seed,
  }: {
    readonly params: P;
    readonly state: unknown;
    readonly dtype: "float32" | "float64";
    readonly seed: number;
  },
): Promise<MultiTaskTrainer<P>> {
  const { method, optimizer, learningRate, beforeStep, metrics, representation } = options;
  const labels = labelChecks(options.losses);
  const { losses } = labels;
  const { clipNorm = method.clipNorm, strategy = "auto" } = options;
  const compileOptions = pickCompileOptions(options);
  const batch = await sources.batchOf(0);
  const { tasks: named, taskOf } = options;
  const shapes = {
    losses,
    params,
    state,
    batch,
    tasks: named,
    taskOf,
    representation,
    headAlignment: method.headAlignment,
    isFrozen: optimizer.isFrozen,
  };
  const probe = taskGradients({ ...shapes, ...compileOptions });
  sources.checkBy((arrays) => labels.check(arrays));
  const { tasks, parts } = probe;
  const measures = method.needs !== "losses" || options.recordGradients === true;
  const keeps = measures && (method.needs === "jacobian" || keepsRows(strategy, probe));
  const gradients = keeps ? taskGradients({ ...shapes, ...compileOptions, keep: true }) : probe;
  const optimizerStart = optimizer.init(params);
  const updates = taskUpdates({
    gradients,
    optimizer,
    optimizerState: optimizerStart,
    clipNorm: clipNorm !== undefined && clipNorm > 0 ? clipNorm : undefined,
    ...compileOptions,
  });
  const evaluator = multiTaskEvaluator({
    losses: options.losses,
    metrics,
    outputs: options.outputs,
    representation,
    params,
    state,
    dtype,
    ...compileOptions,
  });
  const setup: RunSetup<P> = {
    losses: options.losses,
    representation,
    tasks,
    sharedPaths: parts.split.shared.map((i) => parts.split.paths[i]),
    isFrozen: optimizer.isFrozen,
    dtype,
    compileOptions,
  };
  const plan: StepPlan<P> = {
    gradients,
    method,
    measures,
    keeps,
    headGradient: options.headGradient,
    hasRepresentation: representation !== undefined,
    seed,
  };
  await gradients.compile(measures ? "measure" : "losses");
  const { stepsPerEpoch } = sources;

  let current: MultiTaskState<P> = {
    step: 0,
    params,
    state,
    optimizer: optimizerStart,
    method: method.init(tasks.length),
    epochLosses: new Float64Array(tasks.length),
  };
  let history = emptyHistory(tasks, measures);
  const ratesAfter = (epochs: () => readonly EpochRow<unknown>[]) =>
    learningRateOf("createMultiTaskTrainer", learningRate, () => ({ stepsPerEpoch, epochs: epochs() }));
  const rateOf = ratesAfter(() => history.epochs);
  const lifetime = new Lifetime("trainer", "createMultiTaskTrainer");
  let checksums: { readonly data: string; readonly computation: string } | undefined;

  const step = multiTaskStep({ plan, setup, sources, updates, optimizer, beforeStep });
  /** One step; nothing changes when it fails. */
  const advance = async (): Promise<Float64Array> => {
    const { next, record, event } = await step(current, { rate: rateOf(current.step), history });
    // First, as it throws for gradients whose products are not finite.
    recordStep(history, record);
    if (event) history.events.push(event);
    current = next;
    return record.losses;
  };

  const advanceTogether = async (count: number): Promise<{ readonly losses: Float64Array }> => {
    const sums = new Float64Array(tasks.length);
    for (let i = 0; i < count; i++) {
      for (const [k, loss] of (await advance()).entries()) sums[k] += loss;
    }
    return { losses: sums.map((sum) => sum / count) };
  };

  const hasOutputs = options.outputs !== undefined;
  const evaluated = () => evaluatedState(optimizer, current);
  const evaluateNow = <M extends TaskMetricSets>(set: MultiTaskData, sets: M, size?: number) =>
    evaluator.evaluate(evaluated().params, set, { state: current.state, metrics: sets, batchSize: size });

  return {
    get current() {
      return current;
    },
    get history() {
      return history;
    },
    get settings() {
      checksums ??= {
        data: sources.checksum(),
        computation: graphChecksum([
          traceLosses(probe.parts),
          traceOptimizer(optimizer, params, optimizerStart),
        ]),
      };
      return {
        tasks,
        method: method.name,
        optimizer: optimizer.name,
        learningRate: ratesOf(ratesAfter(() => [])),
        batchSize: options.batchSize ?? null,
        seed,
        clipNorm: clipNorm ?? null,
        headGradient: options.headGradient ?? null,
        beforeStep: beforeStep !== undefined,
        ...checksums,
      };
    },
    stepsPerEpoch,
    setup,
    run: (runOptions) =>
      runSteps(runOptions, {
        lifetime,
        stepsPerEpoch,
        optimizer,
        advance: advanceTogether,
        current: () => current,
        change(parts) {
          current = { ...current, ...(parts as Partial<MultiTaskState<P>>) };
        },
        evaluated,
        rows: () => history.epochs,
        training: (first) => trainingFrom(history, first),
        quantities: (sets = {} as never) => taskQuantities("run", sets, { tasks, hasOutputs }),
        measure: (set, sets = {} as never) =>
          lifetime.compute("run", async () => taskValues(await evaluateNow(set, sets), tasks)),
      }),
    async evaluate(set, evaluateOptions = {}) {
      lifetime.requireIdle("evaluate");
      requireKnown("evaluate", evaluateOptions, ["metrics", "batchSize"], "evaluate(data, { metrics: {} })");
      const { metrics: sets = {} as never, batchSize } = evaluateOptions;
      requireTaskMetrics("evaluate", sets, { tasks, hasOutputs });
      return evaluateNow(set, sets, batchSize);
    },
    restore(given, past = history) {
      lifetime.requireIdle("restore");
      checkState(given, current);
      history = historyFrom(tasks, columnsOf(past), past, { steps: given.step, measures });
      current = given;
    },
    dispose: () =>
      lifetime.end(async () => {
        await sources.dispose();
        await probe.dispose();
        await gradients.dispose();
        await updates.dispose();
        await evaluator.dispose();
      }),
  };
}
