import { dtypeOf, type NdArray } from "../../array.js";
import type { Batch, BatchSpec, BatchTensors } from "../../batch.js";
import { isStream } from "../../data/stream.js";
import { countExamples, partReader } from "../../data/streams/part-reader.js";
import { streamOf } from "../../data/streams/stream-of.js";
import { DataError, OptionError } from "../../errors.js";
import { type Graph, topologicalOrder } from "../../graph/graph.js";
import { cast } from "../../graph/ops/arithmetic.js";
import { equal } from "../../graph/ops/compare.js";
import { argmax, mean } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import type { MetricSet, NoMetrics, ResultsOf } from "../../metrics/metric.js";
import { namedArrays } from "../../named-arrays.js";
import type { CompileOptions } from "../../runtime/compile.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import { lengthOf } from "../../train/stream-windows.js";
import { type Representation, representedContext } from "../gradients/forward.js";
import { labelChecks } from "./label-checks.js";
import { listOf, prepareSource, requireNames, type Source } from "./source-arrays.js";
import { checkLosses, type LossContext, type TaskLosses } from "./task-losses.js";
import { accumulateTasks } from "./task-metrics.js";

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

/** Outputs of a task on a batch, for its metrics. */
export interface TaskOutput {
  /** Logits of classes, or predictions, [n, ...]. */
  readonly output: Tensor;
  /** Classes, or targets, [n, ...]. */
  readonly labels: Tensor;
  /** Which examples have labels of this task, bool [n]; default all. */
  readonly mask?: Tensor | undefined;
}

/** Outputs of a batch by task, for metrics. Traced in evaluation mode. */
export type TaskOutputs<P, B = BatchSpec, S = unknown> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
  context: LossContext<S>,
) => Readonly<Record<string, TaskOutput>>;

/** Metrics by task and name. */
export type TaskMetricSets = Readonly<Record<string, MetricSet>>;

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

/** Measures parameters on data sets; compiles once for each size of batch. */
export interface MultiTaskEvaluator<P> {
  evaluate<M extends TaskMetricSets>(
    params: P,
    data: Source | readonly Source[],
    options?: {
      readonly state?: unknown;
      readonly metrics?: M | undefined;
      readonly batchSize?: number | undefined;
    },
  ): Promise<MultiTaskEvaluation<M>>;
  dispose(): Promise<void>;
}

const largestBatch = 500;

const isWeighted = (value: Tensor | WeightedMean): value is WeightedMean => "weight" in value;

export function multiTaskEvaluator<P>({
  losses: taskLosses,
  metrics = () => ({}),
  outputs,
  representation,
  params: like,
  state: stateLike = {},
  dtype,
  ...options
}: Omit<CompileOptions, "scan" | "dtype"> & {
  readonly losses: TaskLosses<P>;
  readonly metrics?: TaskMetrics<P> | undefined;
  readonly outputs?: TaskOutputs<P> | undefined;
  readonly representation?: Representation<P> | undefined;
  readonly params: P;
  readonly state?: unknown;
  readonly dtype: "float32" | "float64";
}): MultiTaskEvaluator<P> {
  const executables = lazyExecutables(options);
  const labels = labelChecks(taskLosses);
  const { losses } = labels;
  const names: string[] = [];
  /** Arrays of the batch that each loss and mean reads. */
  const read = new Map<string, readonly string[]>();
  const traceBatch = (batch: Batch, withOutputs: boolean) => {
    const quantitiesOf = (params: TensorsOf<P>, state: unknown, tensors: BatchTensors) => {
      const plain: LossContext = { training: false, state };
      const context = representation
        ? representedContext(plain, representation(params, tensors, plain))
        : plain;
      const scalar = (x: Tensor) => cast(reshape(x, []), dtype);
      const quantities = Object.entries(metrics(params, tensors, context)).map(([name, value], i) => {
        names[i] = name;
        return isWeighted(value)
          ? { mean: scalar(value.mean), weight: scalar(value.weight) }
          : { mean: scalar(value) };
      });
      return {
        losses: checkLosses(losses(params, tensors, context)).map(scalar),
        metrics: quantities,
        ...(withOutputs && outputs ? { outputs: outputs(params, tensors, context) } : {}),
      };
    };
    const { graph } = trace((given) => quantitiesOf(given.params, given.state, given.batch), {
      params: like,
      state: stateLike,
      batch: specsOf(batch),
    });
    for (const { name, tensor } of graph.outputs) {
      if (!name.endsWith(".weight") && !name.startsWith("outputs."))
        read.set(name, arraysRead(graph, tensor));
    }
    return graph;
  };
  return {
    async evaluate<M extends TaskMetricSets>(
      params: P,
      data: Source | readonly Source[],
      {
        state = stateLike,
        metrics: sets,
        batchSize = largestBatch,
      }: {
        readonly state?: unknown;
        readonly metrics?: M | undefined;
        readonly batchSize?: number | undefined;
      } = {},
    ) {
      if (!Number.isInteger(batchSize) || batchSize < 1) {
        throw new OptionError(`evaluate: batchSize must be an integer >= 1; got ${batchSize}.`);
      }
      const accumulation = accumulateTasks(sets ?? {});
      const withOutputs = Object.keys(sets ?? {}).length > 0;
      const { arrays: whole, batches } = await passOver(data, { most: batchSize, dtype });
      let isChecked = false;
      const means = new WeightedMeans();
      for await (const batch of batches) {
        const key = JSON.stringify([specsOf(batch), withOutputs]);
        const executable = await executables.get(key, () => traceBatch(batch, withOutputs));
        // Which arrays are labels is known after tracing a batch.
        if (!isChecked) labels.check(whole);
        labels.check(batch);
        isChecked = true;
        const results = await executable.run(namedArrays({ params, state, batch }));
        accumulation.update(results);
        for (const [name, arrays] of read) {
          const labels = name.startsWith("metrics.") ? results[name.replace(/mean$/, "weight")] : undefined;
          const examples = Math.max(1, ...arrays.map((array) => batch[array].shape[0]));
          const weight = labels ? Number(labels.data[0]) : examples;
          means.add(name, Number(results[name].data[0]), weight);
        }
      }
      const tasks = means.names().filter((name) => name.startsWith("losses.")).length;
      return {
        losses: Float64Array.from({ length: tasks }, (_, k) => means.of(`losses.${k}`)),
        metrics: Object.fromEntries(names.map((name, i) => [name, means.of(`metrics.${i}.mean`)])),
        tasks: accumulation.results() as TaskResultsOf<M>,
      };
    },
    dispose: () => executables.dispose(),
  };
}

/** Means over batches, by name; NaN for what was never added. */
class WeightedMeans {
  readonly #sums = new Map<string, { total: number; weight: number }>();

  add(name: string, value: number, weight: number): void {
    const sum = this.#sums.get(name) ?? { total: 0, weight: 0 };
    // A mean over no examples may be NaN.
    if (weight > 0) sum.total += value * weight;
    sum.weight += weight;
    this.#sums.set(name, sum);
  }

  of(name: string): number {
    const { total, weight } = this.#sums.get(name) ?? { total: Number.NaN, weight: 1 };
    return total / weight;
  }

  names(): string[] {
    return [...this.#sums.keys()];
  }
}

/** Names of the arrays of the batch that a result depends on. */
function arraysRead({ inputs }: Graph, result: Tensor): string[] {
  const needed = new Set(topologicalOrder([result]));
  return inputs
    .filter(({ name, tensor }) => name.startsWith("batch.") && needed.has(tensor))
    .map(({ name }) => name.slice("batch.".length));
}

const specsOf = (batch: Batch) =>
  Object.fromEntries(
    Object.entries(batch).map(([name, a]: [string, NdArray]) => [name, spec(a.shape, dtypeOf(a))]),
  );

/**
 * All examples in order, in batches of at most `most`; several sources are split into equally many batches, none of them
 * empty, so that batches of the others are larger where one has fewer examples than there would be batches.
 *
 * @returns the batches, and the arrays of the sources that are no streams
 * @throws DataError, ShapeError unless the arrays of a source have equally many examples and all names differ
 */
async function passOver(
  data: Source | readonly Source[],
  { most, dtype }: { readonly most: number; readonly dtype: "float32" | "float64" },
): Promise<{ readonly arrays: Batch; readonly batches: AsyncIterable<Batch> }> {
  const prepare = (part: Batch) => prepareSource(part, dtype).arrays;
  const sources: { count: number; arrays: Batch; parts: () => AsyncIterable<Batch> }[] = [];
  for (const given of listOf(data)) {
    if (isStream(given)) {
      const count = given.length ?? (await lengthOf(given, 0));
      if (count === 0) throw new DataError("evaluate: the stream has no examples.");
      sources.push({ count, arrays: {}, parts: () => given.batches(0, 0) });
    } else {
      const { arrays, count } = prepareSource(given, dtype);
      sources.push({ count, arrays, parts: () => streamOf(arrays, { size: count }).batches(0, 0) });
    }
  }
  requireNames(sources.map(({ arrays }) => arrays));
  const counts = sources.map(({ count }) => count);
  // A function without data has a single empty batch.
  const batchCount = Math.max(1, Math.min(Math.ceil(Math.max(0, ...counts) / most), ...counts));
  const first = (n: number, i: number) =>
    sources.length === 1 ? Math.min(n, i * most) : Math.floor((i * n) / batchCount);
  async function* batches(): AsyncGenerator<Batch> {
    const readers = sources.map(({ parts }) => partReader(parts(), prepare));
    try {
      for (let i = 0; i < batchCount; i++) {
        const parts: Batch[] = [];
        for (const [s, { count }] of sources.entries()) {
          const size = first(count, i + 1) - first(count, i);
          const part = await readers[s].take(size);
          if (part === undefined || countExamples(part) < size) {
            throw new DataError(`evaluate: a stream ended before its ${count} examples.`);
          }
          parts.push(part);
        }
        yield Object.assign({}, ...parts);
      }
    } finally {
      for (const reader of readers) await reader.close();
    }
  }
  return { arrays: Object.assign({}, ...sources.map(({ arrays }) => arrays)), batches: batches() };
}
