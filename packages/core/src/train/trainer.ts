import { astype, dtypeOf, type NdArray, ndarray } from "../array.js";
import type { Dataset } from "../data/dataset.js";
import type { DataStream } from "../data/stream.js";
import { describeValue, NumericalError, OptionError } from "../errors.js";
import { checkClasses, type LabelUse, labelUses } from "../graph/labels.js";
import { gather } from "../graph/ops/gather.js";
import type { Type } from "../graph/tensor.js";
import { spec } from "../graph/trace.js";
import { torchGenerator } from "../math/mt19937.js";
import { type MetricSet, quantitiesOf, requireMetrics } from "../metrics/metric.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { requireModel } from "../nn/require-model.js";
import { withAdaptiveClipping } from "../optim/adaptive-clip.js";
import { clipByGlobalNorm } from "../optim/clip.js";
import { type Optimizer, requireOptimizer, seeing } from "../optim/optimizer.js";
import { requireKnown } from "../options.js";
import { compileOptionNames, pickCompileOptions } from "../runtime/compile.js";
import { Resources } from "../runtime/resources.js";
import { advance, type Ran, type StepLoop } from "./advance.js";
import { stepSeed } from "./batch-order.js";
import { requireDefaultLabels, usesByOutput } from "./dataset.js";
import { createModelEvaluator } from "./evaluator.js";
import { createFeed, type Feed, type Feeding, type FeedOptions } from "./feed.js";
import { emptyHistory, historyUpTo } from "./history.js";
import { modelInBatches } from "./predictor.js";
import { graphChecksum } from "./run-settings.js";
import { requireCount } from "./run-steps.js";
import { arraysOf, type TrainState } from "./state.js";
import { type BeforeStep, compileSteps, type StepParts, traceStep } from "./step.js";
import { type StepInputs, teleportExamples, teleportLoss } from "./teleport-batches.js";
import { createTeleportLoop } from "./teleport-loop.js";
import { createTeleports, firstSchedule, planText, requirePlan } from "./teleports.js";
import { trainerOf } from "./trainer-of.js";
import type { EvaluateOptions, Trainer, TrainerOptions } from "./trainer-options.js";

/**
 * Compiles the training step and initializes the model as PyTorch would with the same seed.
 *
 * @throws ShapeError, DTypeError when model, data and loss do not fit; DataError for labels that are not classes;
 *   OptionError for settings out of range
 *
 * @example
 * const { images, labels } = digits();
 * const trainer = await createTrainer({
 *   model: mlp({ sizes: [64, 16, 10] }),
 *   data: { inputs: images, labels },
 *   optimizer: adam(),
 *   learningRate: 1e-3,
 *   batchSize: 50,
 *   teleport: { when: inEpochs([1], { batches: 4 }), symmetry: (p) => positiveScaling(p) },
 * });
 * await trainer.run({ steps: 200 });
 */
export async function createTrainer<P, S>(
  // The second part lets TypeScript infer P and S where another option is misspelled: its error then names that option.
  options: TrainerOptions<P, S> & Pick<TrainerOptions<P, S>, "model">,
): Promise<Trainer<P, S>> {
  const { seed = 0, dtype = "float32", batchSize } = options;
  if (dtype !== "float32" && dtype !== "float64") {
    throw new OptionError(`dtype must be float32 or float64; got ${describeValue(dtype)}.`);
  }
  requireParts(options);
  const resources = new Resources();
  return resources.releasedOnError(async () => {
    const feed = resources.keep(await createFeed(options.data, { batchSize, seed, dtype }));
    return trainerOn(feed, { ...options, seed, dtype }, resources);
  });
}

/**
 * Checks options that no type checker has seen. Throws for missing or misspelled parts, and for functions
 * that must be called first.
 *
 * @throws OptionError
 */
function requireParts<P, S>(options: TrainerOptions<P, S>): void {
  const { model, optimizer, learningRate, loss } = options;
  requireKnown("createTrainer", options, [
    ...(["model", "data", "optimizer", "learningRate", "loss", "batchSize", "seed", "dtype"] as const),
    ...(["evaluationBatchSize", "clipNorm", "adaptiveClip", "gradNorm", "teleport"] as const),
    ...compileOptionNames,
  ]);
  const given = Object.keys(options).join(", ");
  if (model === undefined) {
    throw new OptionError(`createTrainer: model must be one such as mlp({ sizes }); got ${given}.`);
  }
  requireModel("createTrainer", model);
  if (loss !== undefined && typeof loss !== "function") {
    throw new OptionError(
      `createTrainer: loss must be a function of outputs and labels, such as mseLoss; got ${describeValue(loss)}.`,
    );
  }
  if (options.teleport) requirePlan(options.teleport, ["batchSize"]);
  requireOptimizer("createTrainer", optimizer);
  if (learningRate === undefined) {
    throw new OptionError(
      `createTrainer: learningRate is missing, a number or a function of the step; got ${given}.`,
    );
  }
}

/** Options of which the defaults are known. */
type Settings<P, S> = TrainerOptions<P, S> & Required<Pick<FeedOptions, "seed" | "dtype">>;

/** A trainer whose options are checked and whose data are open. */
async function trainerOn<P, S>(
  feed: Feed,
  options: Settings<P, S>,
  resources: Resources,
): Promise<Trainer<P, S>> {
  const { model, loss = crossEntropy, seed, dtype, teleport, gradNorm = false } = options;
  const { clipNorm, adaptiveClip, evaluationBatchSize = 500 } = options;
  requireCount("createTrainer: evaluationBatchSize", evaluationBatchSize, 1);
  if (options.loss === undefined) requireDefaultLabels(feed.data.labels);
  const optimizer = clipping(options);
  const { params, state } = model.init(torchGenerator(seed), { dtype });
  const start: TrainState<P, S> = {
    step: 0,
    params,
    state,
    optimizer: optimizer.init(params),
    ...(teleport ? { schedule: firstSchedule(teleport.when) } : {}),
  };
  const loop = await stepLoop(feed, { ...options, loss, optimizer, gradNorm }, start, resources);
  const like = { params, state };
  const sizes = { dtype, compileOptions: pickCompileOptions(options), batchSize: evaluationBatchSize };
  const evaluator = resources.keep(createModelEvaluator({ model, loss, like, ...sizes }));
  const predictions = resources.keep(modelInBatches({ model, like, ...sizes }));
  const { batchSize, stepsPerEpoch } = feed;
  const { executable } = loop;
  return trainerOf(
    {
      owner: "createTrainer",
      start,
      history: emptyHistory(),
      stepsPerEpoch,
      optimizer,
      learningRate: options.learningRate,
      advance: (run, most, rateOf) => advance(run, { ...loop, rateOf }, most),
      lossesOf: ({ loss: losses }) => [losses],
      historyUpTo,
      settings: (learningRate) => ({
        optimizer: optimizer.name,
        learningRate,
        batchSize,
        seed,
        clipNorm: clipNorm ?? null,
        ...(adaptiveClip ? { adaptiveClip } : {}),
        gradNorm,
        teleport: teleport ? planText(teleport, stepsPerEpoch) : null,
      }),
      checksums: () => ({
        data: feed.checksum(),
        computation: graphChecksum([executable.graph], (name) => name !== "gradNormSq"),
      }),
      quantities: (metrics = {}) => quantitiesOf("run", metrics, ["loss", "accuracy"]),
      measure: evaluator.evaluate,
      resources,
    },
    (lifetime, evaluated) => ({
      executable,
      batchOf: (step: number) => feed.batchOf(step).slice(),
      async evaluate<M extends MetricSet>(
        set: Dataset | DataStream<Dataset>,
        evaluateOptions: EvaluateOptions<M> = {},
      ) {
        lifetime.requireIdle("evaluate");
        requireKnown("evaluate", evaluateOptions, ["metrics"], "evaluate(data, { metrics: { f1: f1() } })");
        const { metrics = {} as M } = evaluateOptions;
        requireMetrics("evaluate", metrics, ["loss", "accuracy"]);
        return evaluator.evaluate(evaluated(), set, metrics);
      },
      async predict(inputs: NdArray) {
        lifetime.requireIdle("predict");
        const { params: p, state: s } = evaluated();
        return predictions.run({ params: p, state: s }, [inputs]);
      },
    }),
    // Of which quantities the rows of a run are, only its call knows.
  ) as Trainer<P, S>;
}

/** The optimizer with the trainer's clipping, which teleports see as well: their races, and the state after them. */
function clipping<P, S>({ optimizer, clipNorm, adaptiveClip }: TrainerOptions<P, S>): Optimizer {
  const bounded =
    clipNorm === undefined ? optimizer : seeing(optimizer, (g) => clipByGlobalNorm(g, clipNorm));
  return adaptiveClip ? withAdaptiveClipping(bounded, adaptiveClip) : bounded;
}

/** Compiles the steps, and the teleports before them. */
async function stepLoop<P, S>(
  feed: Feed,
  options: Settings<P, S> & Required<Pick<TrainerOptions<P, S>, "loss" | "gradNorm">>,
  start: TrainState<P, S>,
  resources: Resources,
): Promise<Omit<StepLoop<P, S, Feeding>, "rateOf">> {
  const { model, loss, optimizer, gradNorm, seed, dtype, teleport } = options;
  const { data, batchSize, stepsPerEpoch } = feed;
  const { params, state } = start;
  const found: { output?: Type; uses: readonly LabelUse[] } = { uses: [] };
  const rateOf: StepParts<P, S, StepInputs>["rateOf"] = ({ learningRate }) => learningRate;
  const parts: StepParts<P, S, StepInputs> = {
    start: { params, state, optimizer: start.optimizer },
    inputs: {
      inputs: spec(data.inputs.shape, dtypeOf(data.inputs)),
      labels: spec(data.labels.shape, dtypeOf(data.labels)),
      batch: spec([batchSize], "int64"),
      learningRate: spec([], dtype),
      seed: spec([], "int64"),
    },
    lossOf({ inputs, labels, batch, seed: dropout }, before) {
      const x = gather(inputs, batch);
      const y = gather(labels, batch);
      return (at) => {
        const { output, state: after } = model.apply(at, x, { state: before, training: true, seed: dropout });
        const value = loss(output, y);
        found.output = output;
        found.uses = labelUses(y);
        return { value, state: after };
      };
    },
    rateOf,
    optimizer,
    isFrozen: optimizer.isFrozen,
    gradNorm,
  };
  const graph = traceStep(parts);
  const { output, uses } = found;
  feed.checkBy((part) =>
    checkClasses("Labels", part.labels, uses.length > 0 ? uses : usesByOutput(part, output as Type)),
  );
  const compileOptions = pickCompileOptions(options);
  const sequences = ["batch", "learningRate", "seed"];
  const executable = resources.keep(await compileSteps(parts, sequences, compileOptions, graph));
  const examples = teleportExamples<S>(feed, { size: teleport?.batchSize ?? batchSize, seed });
  const teleports =
    teleport &&
    resources.keep(
      await createTeleports({
        plan: teleport,
        loss: teleportLoss({ model, loss, state, training: true }),
        // Held-out data show how a move changes evaluation, including running statistics.
        heldOutLoss: teleportLoss({ model, loss, state, training: false }),
        params,
        batch: (await examples.at(0, state)).batch,
        optimizer,
        dtype,
        compileOptions,
      }),
    );
  const branch = executable.runtime === "javascript" ? teleports?.branch : undefined;
  const compileStep = async (before: BeforeStep<P, S, StepInputs>) =>
    resources.keep(await compileSteps({ ...parts, before }, sequences, compileOptions));
  const setup = { like: start, stepsPerEpoch, rateOf, compileStep };
  return {
    executable,
    stepsPerEpoch,
    inLoop: branch && (await createTeleportLoop(branch, examples, setup)),
    teleports,
    examples,
    timed: "after",
    feed: feed.feed,
    inputsOf: (first, rates) => ({
      learningRate: astype(ndarray(rates, [rates.length]), dtype),
      seed: {
        shape: [rates.length],
        data: BigInt64Array.from(rates, (_, t) => stepSeed(seed, first + t)),
      },
    }),
    onSteps: requireFinite,
  };
}

/**
 * Checks that loss and parameters are finite after some steps.
 *
 * @throws NumericalError naming the first step at which they are not, with advice
 */
function requireFinite<P, S>({ losses, rates, next, first, data }: Ran<P, S, Feeding>): void {
  const state = `The state is still that of step ${first}.`;
  const advice = "Lower the learning rate, or clip the gradient with clipNorm.";
  const bad = losses.findIndex((l) => !Number.isFinite(l));
  if (bad >= 0) {
    const { inputs } = data.inputs;
    const input = firstNonFinite(inputs);
    const width = inputs.data.length / inputs.shape[0];
    const cause =
      input && `The inputs hold ${input.value}, first in ${data.nameOf(Math.floor(input.at / width))}.`;
    throw new NumericalError(
      `The training loss became ${losses[bad]} at step ${first + bad}, with learning rate ${rates[bad]}. ${state} ${cause ?? advice}`,
    );
  }
  for (const [path, array] of Object.entries(arraysOf({ ...next, state: {}, optimizer: {} }))) {
    const found = firstNonFinite(array);
    if (found) {
      throw new NumericalError(
        `"${path}" became ${found.value} before step ${next.step}, with learning rate ${rates.at(-1)}. ${state} ${advice}`,
      );
    }
  }
}

/** The position and value of the first NaN or infinity in an array; undefined if there is none. */
function firstNonFinite({ data }: NdArray): { readonly at: number; readonly value: number } | undefined {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return undefined;
  const at = data.findIndex((x) => !Number.isFinite(x));
  return at < 0 ? undefined : { at, value: data[at] };
}
