import type { BatchSpec } from "../../batch.js";
import { describeValue, isPlainObject, OptionError, ShapeError } from "../../errors.js";
import { cast } from "../../graph/ops/arithmetic.js";
import { equal } from "../../graph/ops/compare.js";
import { argmax, mean } from "../../graph/ops/reduce.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { type NoMetrics, type Quantities, type ResultsOf, requireMetrics } from "../../metrics/metric.js";
import { type CompileOptions, pickCompileOptions } from "../../runtime/compile.js";
import { listOf, prepareSource, type Source } from "../../train/dataset.js";
import {
  type BatchMean,
  createEvaluator,
  type TaskMetricSets,
  type TaskOutput,
} from "../../train/evaluator.js";
import { type Representation, representedContext } from "../gradients/forward.js";
import type { TaskValues } from "./history.js";
import { checkLosses, type LossContext, labelChecks, type TaskLosses } from "./task-losses.js";

/** A mean over examples; with `weight`, its weight in a mean over batches: the number of known labels. */
export interface WeightedMean {
  readonly mean: Tensor;
  readonly weight: Tensor;
}

/** Quantities of a batch by name, scalars: means over its examples. Traced in evaluation mode. */
export type TaskMetrics<P, B = BatchSpec, S = unknown> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
  context: LossContext<S>,
) => Readonly<Record<string, Tensor | WeightedMean>>;

/** Outputs of a batch by task, for metrics. Traced in evaluation mode. */
export type TaskOutputs<P, B = BatchSpec, S = unknown> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
  context: LossContext<S>,
) => Readonly<Record<string, TaskOutput>>;

/** The results of metrics by task and name. */
export type TaskResultsOf<M> = { readonly [K in keyof M]: ResultsOf<M[K]> };

/** Quantities of a run's parameters on a data set. */
export interface MultiTaskEvaluation<M extends TaskMetricSets = NoMetrics> {
  /** L_k, [K]: means over batches, weighted by the number of examples from the source that the loss reads. */
  readonly losses: Float64Array;
  readonly metrics: Readonly<Record<string, number>>;
  /** Results of the metrics that the call asked for, by task and name. */
  readonly tasks: TaskResultsOf<M>;
}

/**
 * Fraction of the examples whose largest logit is that of their class, a scalar.
 *
 * @param logits [n, classes]
 * @param labels int64 [n]
 *
 * @example
 * const metrics: TaskMetrics<Params, typeof data> = (p, { x, left }) => ({ "left accuracy": accuracy(net(p, x).left, left) });
 */
export const accuracy = (logits: Tensor, labels: Tensor): Tensor =>
  mean(cast(equal(argmax(logits), labels), logits.dtype));

/** @throws ShapeError unless a metric of the trainer is one number, or a mean and its weight */
function meanOf(name: string, value: Tensor | WeightedMean): BatchMean {
  const own: Partial<BatchMean> | undefined = isTensor(value) ? { mean: value } : value;
  const isScalar = (x: unknown) => isTensor(x) && x.size === 1;
  if (isScalar(own?.mean) && (own?.weight === undefined || isScalar(own.weight))) return own as BatchMean;
  throw new ShapeError(
    `The metric "${name}" must be one number (a tensor of size 1), or { mean, weight } of two; got ${describeValue(value)}. Reduce it with mean.`,
  );
}

/** Measures losses and metrics of several tasks. */
export function multiTaskEvaluator<P>(
  options: Omit<CompileOptions, "scan" | "dtype"> & {
    readonly losses: TaskLosses<P>;
    readonly metrics?: TaskMetrics<P> | undefined;
    readonly outputs?: TaskOutputs<P> | undefined;
    readonly representation?: Representation<P> | undefined;
    readonly params: P;
    readonly state?: unknown;
    readonly dtype: "float32" | "float64";
  },
) {
  const { outputs, representation, params: like, state: stateLike = {}, dtype } = options;
  const metrics: TaskMetrics<P> = options.metrics ?? (() => ({}));
  const { losses, check } = labelChecks(options.losses);
  const [ofLoss, ofMetric] = ["loss ", "metric "];
  const { evaluate, dispose } = createEvaluator<P, unknown>({
    like: { params: like, state: stateLike },
    dtype,
    compileOptions: pickCompileOptions(options),
    prepare: (part) => prepareSource(part, dtype),
    measure({ params, state }, batch, hasOutputs) {
      const plain: LossContext = { training: false, state };
      const context = representation
        ? representedContext(plain, representation(params, batch, plain))
        : plain;
      const own = metrics(params, batch, context);
      if (!isPlainObject(own)) {
        throw new OptionError(
          `The option metrics must return an object of scalars by name; got ${describeValue(own)}. Write (p, batch) => ({ error: mean(...) }).`,
        );
      }
      const named = Object.entries(own).map(
        ([name, value]) => [ofMetric + name, meanOf(name, value)] as const,
      );
      const values = checkLosses(losses(params, batch, context));
      return {
        means: Object.fromEntries([
          ...values.map((value, k) => [ofLoss + k, { mean: value }] as const),
          ...named,
        ]),
        ...(hasOutputs && outputs ? { outputs: outputs(params, batch, context) } : {}),
        check,
      };
    },
  });
  return {
    /** @throws OptionError for a batch size out of range */
    async evaluate<M extends TaskMetricSets>(
      params: P,
      data: Source | readonly Source[],
      {
        state = stateLike,
        metrics: sets,
        batchSize = 500,
      }: {
        readonly state?: unknown;
        readonly metrics?: M | undefined;
        readonly batchSize?: number | undefined;
      } = {},
    ): Promise<MultiTaskEvaluation<M>> {
      if (!Number.isInteger(batchSize) || batchSize < 1) {
        throw new OptionError(`evaluate: batchSize must be an integer >= 1; got ${batchSize}.`);
      }
      const measured = await evaluate({ params, state }, listOf(data), { batchSize, metrics: sets ?? {} });
      const { means, tasks } = measured;
      const under = (prefix: string) =>
        Object.entries(means).flatMap(([name, value]): [string, number][] =>
          name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
        );
      return {
        losses: Float64Array.from(under(ofLoss), ([, value]) => value),
        metrics: Object.fromEntries(under(ofMetric)),
        tasks: tasks as TaskResultsOf<M>,
      };
    },
    dispose,
  };
}

/**
 * Checks metrics by task.
 *
 * @throws OptionError unless they are metrics by name for tasks of the run, whose trainer has `outputs`
 */
export function requireTaskMetrics(
  owner: string,
  sets: unknown,
  { tasks, hasOutputs }: { readonly tasks: readonly string[]; readonly hasOutputs: boolean },
): void {
  if (!isPlainObject(sets)) {
    throw new OptionError(
      `${owner}: metrics must be an object of metrics by task, such as { ${tasks[0]}: { f1: f1() } }; got ${describeValue(sets)}.`,
    );
  }
  for (const [task, set] of Object.entries(sets)) {
    if (!tasks.includes(task)) {
      throw new OptionError(`${owner}: metrics has no task "${task}"; the tasks are ${tasks.join(", ")}.`);
    }
    requireMetrics(`${owner}: metrics.${task}`, set, ["loss"]);
  }
  if (!hasOutputs && Object.keys(sets).length > 0) {
    throw new OptionError(
      `${owner}: metrics of tasks need the option outputs of createMultiTaskTrainer: (p, batch) => ({ ${tasks[0]}: { output, labels } }).`,
    );
  }
}

/** An evaluation of several tasks. */
interface Measured {
  readonly losses: Float64Array;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tasks: object;
}

/**
 * What was measured, in one record: `loss`, `left.loss`, the trainer's metrics, `left.f1`.
 *
 * @throws OptionError for a metric of the trainer with the name of another quantity
 */
export function taskValues(
  { losses, metrics, tasks: results }: Measured,
  tasks: readonly string[],
): TaskValues {
  const byTask = Object.entries(results as Readonly<Record<string, object>>);
  const ofLosses = {
    loss: losses.reduce((a, b) => a + b, 0) / losses.length,
    ...Object.fromEntries(tasks.map((task, k) => [`${task}.loss`, losses[k]])),
  };
  const ofTasks = Object.fromEntries(
    byTask.flatMap(([task, own]) => Object.entries(own).map(([name, value]) => [`${task}.${name}`, value])),
  );
  const taken = Object.keys(metrics).find((name) => Object.hasOwn({ ...ofLosses, ...ofTasks }, name));
  if (taken !== undefined) {
    throw new OptionError(`run: "${taken}" is measured anyway; give the metric another name.`);
  }
  return { ...ofLosses, ...metrics, ...ofTasks };
}

/**
 * Checks metrics by task, and returns whether a smaller or a larger value is better, by task and name: `left.f1`. The names
 * of the trainer's own metrics are not known before the first evaluation.
 *
 * @throws OptionError as {@link requireTaskMetrics}
 */
export function taskQuantities(
  owner: string,
  sets: TaskMetricSets,
  run: Parameters<typeof requireTaskMetrics>[2],
): Quantities {
  requireTaskMetrics(owner, sets, run);
  return {
    modeOf(name) {
      const dot = name.lastIndexOf(".");
      return sets[name.slice(0, dot)]?.[name.slice(dot + 1)]?.mode;
    },
  };
}
