import type { Batch } from "../../batch.js";
import { NumericalError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { pickCompileOptions } from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import { restartedAt } from "../../teleport/state/restarted.js";
import { stepSeed } from "../../train/batch-order.js";
import type { EpochRow } from "../../train/epoch-row.js";
import { graphChecksum, ratesOf } from "../../train/run-settings.js";
import { learningRateOf, runSteps } from "../../train/run-steps.js";
import { evaluatedState } from "../../train/state.js";
import { conflictOf } from "../conflict.js";
import { traceLosses } from "../gradients/measure-graph.js";
import { keepsRows } from "../gradients/strategy.js";
import { taskGradients } from "../gradients/task-gradients.js";
import { taskUpdates } from "../gradients/task-updates.js";
import { multiTaskEvaluator, type TaskMetricSets } from "./evaluate.js";
import { advice, requireFinite } from "./finite.js";
import { columnsOf, emptyHistory, historyFrom, recordStep } from "./history.js";
import { labelChecks } from "./label-checks.js";
import type { Sources } from "./sources.js";
import type { RunSetup, StepChange, StepContext } from "./step-hook.js";
import { type StepPlan, type StepPoint, stepPoint } from "./step-point.js";
import { requireTaskMetrics, taskModesOf, taskValues, trainingFrom } from "./task-metrics.js";
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
    ...{ losses, params, state, batch, tasks: named, taskOf, representation },
    ...{ headAlignment: method.headAlignment, isFrozen: optimizer.isFrozen },
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
  const epochOf = (step: number) => (stepsPerEpoch === Infinity ? 0 : Math.floor(step / stepsPerEpoch));

  let current: MultiTaskState<P> = {
    step: 0,
    params,
    state,
    optimizer: optimizerStart,
    method: method.init(tasks.length),
    epochLosses: new Float64Array(tasks.length),
  };
  let history = emptyHistory(tasks);
  const ratesAfter = (epochs: () => readonly EpochRow<unknown>[]) =>
    learningRateOf("createMultiTaskTrainer", learningRate, () => ({ stepsPerEpoch, epochs: epochs() }));
  const rateOf = ratesAfter(() => history.epochs);
  const lifetime = new Lifetime("trainer", "createMultiTaskTrainer");
  let checksums: { readonly data: string; readonly computation: string } | undefined;

  const contextOf = (point: StepPoint<P>, batch: Batch, rate: number): StepContext<P> => {
    const { step, params: p, optimizer: optimizerState, memory, method: methodState } = current;
    return {
      setup,
      step,
      epoch: epochOf(step),
      stepsPerEpoch,
      params: p,
      optimizer: optimizerState,
      state: current.state,
      learningRate: rate,
      batch,
      memory,
      history,
      losses: () => point.losses(),
      gramian: () => point.gramian(),
      conflict: async () => conflictOf(await point.gramian()),
      async direction() {
        const { kind, update } = await point.combined(methodState);
        return updates.direction(kind, update);
      },
      sample: (count, label = 0) => sources.sample(count, step, label),
      async unload() {
        await gradients.unload();
        await updates.unload();
      },
    };
  };

  /** One step; nothing changes when it fails. */
  const advance = async (): Promise<Float64Array> => {
    const begin = performance.now();
    const { step } = current;
    const rate = rateOf(step);
    const batches: Batch[] = [];
    for (let i = 0; i < (method.samplesPerStep ?? 1); i++) {
      batches.push(await sources.batchOf(step, i, current.seen));
    }
    const seen = sources.seenAfter(step);
    const place = {
      step,
      epoch: epochOf(step),
      state: current.state,
      learningRate: rate,
      dropout: stepSeed(seed, step),
      batches,
    };
    let point = stepPoint(plan, current.params, place);
    const change: StepChange<P> = (await beforeStep?.(contextOf(point, batches[0], rate))) ?? {};
    const hookSeconds = (performance.now() - begin) / 1000;
    if (change.params !== undefined) point = stepPoint(plan, change.params, place);
    requireFinite(await point.losses(), tasks, { step, rate });
    const { input, combination, kind, update, state: nextState } = await point.combined(current.method);
    const memoryBefore = change.optimizer ?? current.optimizer;
    const updated = await updates.apply(kind, update, {
      optimizer: change.params ? restartedAt(optimizer, memoryBefore, change.params) : memoryBefore,
      learningRate: rate,
      reuse: change.reuse,
    });
    if (!Number.isFinite(updated.norm)) {
      throw new NumericalError(
        `The shared gradient became ${updated.norm} at step ${step}, with learning rate ${rate}. ${advice(step)}`,
      );
    }
    let methodState = combination.state;
    if (method.afterStep) {
      const pass = { seed: place.dropout, state: place.state };
      const { losses: after } = await gradients.forward(updated.params, batches[0], pass);
      methodState = method.afterStep(after, input, methodState);
    }
    const epochLosses = current.epochLosses.map((sum, k) => sum + input.losses[k]);
    const endsEpoch = (step + 1) % stepsPerEpoch === 0;
    if (endsEpoch && method.endEpoch) {
      methodState = method.endEpoch(
        epochLosses.map((sum) => sum / stepsPerEpoch),
        methodState,
      );
    }
    // First, as it throws for gradients whose products are not finite.
    recordStep(history, {
      losses: input.losses,
      weights: combination.weights,
      gramian: input.gramian,
      directionNorm: updated.norm,
      seconds: (performance.now() - begin) / 1000,
      note: combination.note,
    });
    if (change.event !== undefined) history.events.push({ step, seconds: hookSeconds, event: change.event });
    current = {
      ...current,
      step: step + 1,
      params: updated.params,
      state: nextState,
      optimizer: updated.optimizer,
      method: methodState,
      epochLosses: endsEpoch ? epochLosses.fill(0) : epochLosses,
      ...(change.memory === undefined ? {} : { memory: change.memory }),
      ...(seen === undefined ? {} : { seen }),
    };
    return input.losses;
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
        ...{ lifetime, stepsPerEpoch, optimizer, advance: advanceTogether },
        current: () => current,
        change(parts) {
          current = { ...current, ...(parts as Partial<MultiTaskState<P>>) };
        },
        evaluated,
        rows: () => history.epochs,
        training: (first) => trainingFrom(history, first),
        modes: (sets = {} as never) => taskModesOf("run", sets, { tasks, hasOutputs }),
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
      history = historyFrom(tasks, columnsOf(past), past, given.step);
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
