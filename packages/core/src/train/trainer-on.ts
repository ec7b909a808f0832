import { array } from "../array.js";
import { checkClasses } from "../graph/labels.js";
import { torchGenerator } from "../math/mt19937.js";
import { modesOf } from "../metrics/metric.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { clipAdaptively } from "../optim/adaptive-clip.js";
import { clipByGlobalNorm } from "../optim/clip.js";
import { requireKnown } from "../options.js";
import { compile, pickCompileOptions } from "../runtime/compile.js";
import { Lifetime } from "../runtime/lifetime.js";
import { stepSeed } from "./batch-order.js";
import { requireDefaultLabels, typesOf, usesByOutput } from "./dataset.js";
import { checkBest } from "./epoch-ends.js";
import type { EpochRow } from "./epoch-row.js";
import { createEvaluator } from "./evaluator.js";
import type { Feed, FeedOptions } from "./feed.js";
import { requireFinite } from "./finite.js";
import { appendSteps, emptyHistory, historyUpTo } from "./history.js";
import { modelInBatches } from "./predictor.js";
import { graphChecksum, ratesOf } from "./run-settings.js";
import { learningRateOf, requireCount, runSteps } from "./run-steps.js";
import { arraysOf, checkState, evaluatedState, stateFrom, type TrainState } from "./state.js";
import { traceStep } from "./step.js";
import { teleportLoss } from "./teleport-batches.js";
import { createTeleports, firstSchedule, planText } from "./teleports.js";
import type { Trainer, TrainerOptions } from "./trainer-options.js";
import { createTeleportLoop, teleportData } from "./trainer-teleports.js";

/** A trainer whose options are checked and whose data are open. */
export async function trainerOn<P, S>(
  feed: Feed,
  options: TrainerOptions<P, S> & Required<Pick<FeedOptions, "seed" | "dtype">>,
): Promise<Trainer<P, S>> {
  const { model, optimizer, learningRate, loss = crossEntropy, seed, dtype } = options;
  const { clipNorm, adaptiveClip, gradNorm = false } = options;
  const { evaluationBatchSize = 500 } = options;
  requireCount("createTrainer: evaluationBatchSize", evaluationBatchSize, 1);
  const { data, batchSize, stepsPerEpoch } = feed;
  if (options.loss === undefined) requireDefaultLabels(typesOf(data));
  let history = emptyHistory();
  const ratesAfter = (epochs: () => readonly EpochRow<unknown>[]) =>
    learningRateOf("createTrainer", learningRate, () => ({ stepsPerEpoch, epochs: epochs() }));
  const rateOf = ratesAfter(() => history.epochs);

  const { params, state } = model.init(torchGenerator(seed), { dtype });
  const start: TrainState<P, S> = {
    step: 0,
    params,
    state,
    optimizer: optimizer.init(params),
    ...(options.teleport ? { schedule: firstSchedule(options.teleport.when) } : {}),
  };
  const stepParts = {
    model,
    loss,
    params,
    state,
    data: typesOf(data),
    batchSize,
    optimizer,
    optimizerState: start.optimizer,
    clip<T>(gradients: T, weights: T): T {
      const bounded = adaptiveClip ? clipAdaptively(gradients, weights, adaptiveClip) : gradients;
      return clipNorm === undefined ? bounded : clipByGlobalNorm(bounded, clipNorm);
    },
    gradNorm,
    dtype,
  };
  const step = traceStep(stepParts);
  feed.checkBy((part) =>
    checkClasses("Labels", part.labels, step.uses.length > 0 ? step.uses : usesByOutput(part, step.output)),
  );
  const compileOptions = pickCompileOptions(options);
  const carry = Object.fromEntries(Object.keys(arraysOf(start)).map((path) => [path, path]));
  const sequences = ["batch", "learningRate", "seed"];
  const executable = await compile(step.graph, { ...compileOptions, scan: { carry, sequences } });
  const evaluator = createEvaluator({
    ...{ model, loss, like: start, dtype, compileOptions },
    batchSize: evaluationBatchSize,
  });
  /** The state as it is evaluated. */
  const evaluated = () => evaluatedState(optimizer, current);
  const predictions = modelInBatches({
    ...{ model, like: { params, state }, dtype, compileOptions },
    batchSize: evaluationBatchSize,
  });
  const { teleport } = options;
  const examples = teleportData<S>(feed, { size: teleport?.batchSize ?? batchSize, seed });
  const teleports =
    teleport &&
    (await createTeleports({
      plan: teleport,
      loss: teleportLoss({ model, loss, state, training: true }),
      // Held-out data show how a move changes evaluation, including running statistics.
      heldOutLoss: teleportLoss({ model, loss, state, training: false }),
      params,
      batch: (await examples.at(0, state)).batch,
      optimizer,
      dtype,
      compileOptions,
    }));

  const branch = executable.runtime === "javascript" ? teleports?.branch : undefined;
  /** Teleports within the loop; undefined where the host teleports. */
  let inLoop =
    branch &&
    (await createTeleportLoop<P, S>(branch, examples, {
      ...{ like: start, stepsPerEpoch },
      compileStep: (before) =>
        compile(traceStep({ ...stepParts, before }).graph, {
          ...compileOptions,
          runtime: "javascript",
          scan: {
            carry,
            sequences: [...sequences, ...Object.keys(before.inputs).map((n) => `teleport.${n}`)],
          },
        }),
    }));
  const inLoopProgram = inLoop?.executable;

  let current = start;
  /** Seconds spent on teleports and their schedule since the last step. */
  let pause = 0;
  const lifetime = new Lifetime("trainer", "createTrainer");
  let checksums: { readonly data: string; readonly computation: string } | undefined;

  /**
   * Runs some steps in one call of the runtime; nothing changes when they fail. Undefined where the host has to teleport.
   */
  const advance = async (most: number): Promise<number[] | undefined> => {
    const first = current.step;
    const wanted = Math.min(most, inLoop?.most ?? most);
    const whole = await feed.feed(first, wanted, current.seen);
    const [available] = whole.batch.shape;
    const planned = inLoop && current.schedule && inLoop.plan(current.schedule, first, available, whole);
    if (inLoop && planned === undefined) return undefined;
    const steps = planned?.steps ?? available;
    const feeding = steps < available ? await feed.feed(first, steps, current.seen) : whole;
    const { data: resident, batch, nameOf, seen } = feeding;
    const each = Array.from({ length: steps }, (_, t) => first + t);
    const rates = each.map(rateOf);
    const begin = performance.now();
    const program = planned?.now && inLoop ? inLoop.executable : executable;
    const results = await program.run(
      {
        ...planned?.inputs,
        ...arraysOf(current),
        inputs: resident.inputs,
        labels: resident.labels,
        batch,
        learningRate: array(rates, dtype),
        seed: { shape: [steps], data: BigInt64Array.from(each, (s) => stepSeed(seed, s)) },
      },
      { steps },
    );
    const seconds = (performance.now() - begin) / 1000;
    const losses = Array.from(results.loss.data, Number);
    const schedule = planned?.schedule ?? current.schedule;
    const next = { ...stateFrom(current, results, first + steps, schedule), ...(seen ? { seen } : {}) };
    const events = planned?.now && inLoop ? await inLoop.events(first, planned.now, results) : [];
    if (events === undefined) {
      // From here on the host teleports.
      inLoop = undefined;
      pause += seconds;
      return undefined;
    }
    requireFinite({ losses, rates, next, first, data: resident, nameOf });
    if (gradNorm) history.gradNormSq.push(...Array.from(results.gradNormSq.data, Number));
    appendSteps(history, { losses, events, seconds, pause });
    current = next;
    pause = 0;
    return losses;
  };

  /**
   * Teleports if the schedule says so before the next step; returns the step before which the schedule must
   * be asked again.
   */
  const teleportIfDue = async (): Promise<number> => {
    const { schedule, step: at } = current;
    if (teleports === undefined || schedule === undefined) return Infinity;
    const due = teleports.due(schedule, stepsPerEpoch);
    if (at < due) return due;
    const outcome = await teleports.maybeTeleport(
      {
        step: at,
        stepsPerEpoch,
        losses: history.loss,
        params: current.params,
        optimizer: current.optimizer,
        learningRate: rateOf(at),
        ...(await examples.at(at, current.state)),
      },
      schedule,
    );
    const { event, seconds, ...next } = outcome;
    current = { ...current, ...next };
    pause += seconds;
    if (event) history.teleports.push(event);
    return teleports.due(outcome.schedule, stepsPerEpoch);
  };

  /** Runs steps up to the next teleport, including the teleports due now; nothing changes when they fail. */
  const advanceTogether = async (most: number): Promise<{ readonly loss: number }> => {
    const kept = { current, teleports: history.teleports.length };
    try {
      let losses = inLoop && (await advance(most));
      if (losses === undefined) {
        const due = await teleportIfDue();
        losses = (await advance(Math.min(most, due - current.step))) as number[];
      }
      return { loss: meanOf(losses) };
    } catch (error) {
      // A teleport belongs to the steps after it.
      ({ current } = kept);
      history.teleports.length = kept.teleports;
      throw error;
    }
  };

  return {
    get current() {
      return current;
    },
    get history() {
      return history;
    },
    get settings() {
      checksums ??= {
        data: feed.checksum(),
        computation: graphChecksum([executable.graph], (name) => name !== "gradNormSq"),
      };
      return {
        optimizer: optimizer.name,
        learningRate: ratesOf(ratesAfter(() => [])),
        batchSize,
        seed,
        clipNorm: clipNorm ?? null,
        ...(adaptiveClip ? { adaptiveClip } : {}),
        gradNorm,
        teleport: teleport ? planText(teleport, stepsPerEpoch) : null,
        ...checksums,
      };
    },
    stepsPerEpoch,
    executable,
    batchOf: (s) => feed.batchOf(s).slice(),
    run: (runOptions) =>
      runSteps(runOptions, {
        ...{ lifetime, stepsPerEpoch, optimizer, advance: advanceTogether },
        current: () => current,
        change(parts) {
          current = { ...current, ...(parts as Partial<TrainState<P, S>>) };
        },
        rows: () => history.epochs as EpochRow<never>[],
        training: (first) => ({
          loss: meanOf(history.loss.slice(first)),
          seconds: history.seconds.at(-1) ?? 0,
        }),
        modes: (metrics = {} as never) => modesOf("run", metrics, ["loss", "accuracy"]),
        evaluated,
        measure: (set, metrics) =>
          lifetime.compute("run", () => evaluator.evaluate(evaluated(), set, metrics)),
      }),
    async evaluate(set, evaluateOptions = {}) {
      lifetime.requireIdle("evaluate");
      requireKnown("evaluate", evaluateOptions, ["metrics"], "evaluate(data, { metrics: { f1: f1() } })");
      return evaluator.evaluate(evaluated(), set, evaluateOptions.metrics);
    },
    async predict(inputs) {
      lifetime.requireIdle("predict");
      const { params: p, state: s } = evaluated();
      return predictions.run({ params: p, state: s }, [inputs]);
    },
    restore(given, past = history) {
      lifetime.requireIdle("restore");
      checkState(given, current);
      checkBest(given, current);
      history = historyUpTo(given.step, past);
      current = { ...current, best: undefined, seen: undefined, ...given };
      pause = 0;
    },
    dispose: () =>
      lifetime.end(async () => {
        await feed.dispose();
        await executable.dispose();
        await inLoopProgram?.dispose();
        await evaluator.dispose();
        await predictions.dispose();
        await teleports?.dispose();
      }),
  };
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
