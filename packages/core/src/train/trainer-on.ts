import { checkClasses } from "../graph/labels.js";
import { torchGenerator } from "../math/mt19937.js";
import { quantitiesOf } from "../metrics/metric.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { withAdaptiveClipping } from "../optim/adaptive-clip.js";
import { clipByGlobalNorm } from "../optim/clip.js";
import { type Optimizer, seeing } from "../optim/optimizer.js";
import { requireKnown } from "../options.js";
import { compile, pickCompileOptions } from "../runtime/compile.js";
import { Lifetime } from "../runtime/lifetime.js";
import { createAdvance, meanOf, type Progress } from "./advance.js";
import { requireDefaultLabels, typesOf, usesByOutput } from "./dataset.js";
import { checkBest } from "./epoch-ends.js";
import type { EpochRow } from "./epoch-row.js";
import { createEvaluator } from "./evaluator.js";
import type { Feed, FeedOptions } from "./feed.js";
import { emptyHistory, historyUpTo } from "./history.js";
import { modelInBatches } from "./predictor.js";
import { graphChecksum, ratesOf } from "./run-settings.js";
import { learningRateOf, requireCount, runSteps } from "./run-steps.js";
import { arraysOf, checkState, evaluatedState, type TrainState } from "./state.js";
import { traceStep } from "./step.js";
import { teleportLoss } from "./teleport-batches.js";
import { createTeleports, firstSchedule, planText } from "./teleports.js";
import type { Trainer, TrainerOptions } from "./trainer-options.js";
import { createTeleportLoop, teleportData } from "./trainer-teleports.js";

/** The optimizer with the trainer's clipping, which teleports see as well: their races, and the state after them. */
function clipping<P, S>({
  optimizer,
  clipNorm,
  adaptiveClip,
}: Pick<TrainerOptions<P, S>, "optimizer" | "clipNorm" | "adaptiveClip">): Optimizer {
  const bounded =
    clipNorm === undefined ? optimizer : seeing(optimizer, (g) => clipByGlobalNorm(g, clipNorm));
  return adaptiveClip ? withAdaptiveClipping(bounded, adaptiveClip) : bounded;
}

/** A trainer whose options are checked and whose data are open. */
export async function trainerOn<P, S>(
  feed: Feed,
  options: TrainerOptions<P, S> & Required<Pick<FeedOptions, "seed" | "dtype">>,
): Promise<Trainer<P, S>> {
  const { model, learningRate, loss = crossEntropy, seed, dtype } = options;
  const { clipNorm, adaptiveClip, gradNorm = false } = options;
  const optimizer = clipping(options);
  const { evaluationBatchSize = 500 } = options;
  requireCount("createTrainer: evaluationBatchSize", evaluationBatchSize, 1);
  const { data, batchSize, stepsPerEpoch } = feed;
  if (options.loss === undefined) requireDefaultLabels(typesOf(data));
  const { params, state } = model.init(torchGenerator(seed), { dtype });
  const start: TrainState<P, S> = {
    step: 0,
    params,
    state,
    optimizer: optimizer.init(params),
    ...(options.teleport ? { schedule: firstSchedule(options.teleport.when) } : {}),
  };
  const run: Progress<P, S> = { current: start, history: emptyHistory(), pause: 0 };
  const ratesAfter = (epochs: () => readonly EpochRow<unknown>[]) =>
    learningRateOf("createTrainer", learningRate, () => ({ stepsPerEpoch, epochs: epochs() }));
  const rateOf = ratesAfter(() => run.history.epochs);
  const stepParts = {
    model,
    loss,
    params,
    state,
    data: typesOf(data),
    batchSize,
    optimizer,
    optimizerState: start.optimizer,
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
    model,
    loss,
    like: start,
    dtype,
    compileOptions,
    batchSize: evaluationBatchSize,
  });
  /** The state as it is evaluated. */
  const evaluated = () => evaluatedState(optimizer, run.current);
  const predictions = modelInBatches({
    model,
    like: { params, state },
    dtype,
    compileOptions,
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
  const inLoop =
    branch &&
    (await createTeleportLoop<P, S>(branch, examples, {
      like: start,
      stepsPerEpoch,
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
  const lifetime = new Lifetime("trainer", "createTrainer");
  let checksums: { readonly data: string; readonly computation: string } | undefined;

  const advance = createAdvance(run, {
    feed,
    executable,
    inLoop,
    teleports,
    examples,
    rateOf,
    gradNorm,
    seed,
    dtype,
  });

  return {
    get current() {
      return run.current;
    },
    get history() {
      return run.history;
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
        lifetime,
        stepsPerEpoch,
        optimizer,
        advance,
        current: () => run.current,
        change(parts) {
          run.current = { ...run.current, ...(parts as Partial<TrainState<P, S>>) };
        },
        rows: () => run.history.epochs as EpochRow<never>[],
        training: (first) => ({
          loss: meanOf(run.history.loss.slice(first)),
          seconds: run.history.seconds.at(-1) ?? 0,
        }),
        quantities: (metrics = {} as never) => quantitiesOf("run", metrics, ["loss", "accuracy"]),
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
    restore(given, past = run.history) {
      lifetime.requireIdle("restore");
      checkState(given, run.current);
      checkBest(given, run.current);
      run.history = historyUpTo(given.step, past);
      run.current = { ...run.current, best: undefined, seen: undefined, ...given };
      run.pause = 0;
    },
    dispose: () =>
      lifetime.end(async () => {
        await feed.dispose();
        await executable.dispose();
        await inLoop?.executable.dispose();
        await evaluator.dispose();
        await predictions.dispose();
        await teleports?.dispose();
      }),
  };
}
