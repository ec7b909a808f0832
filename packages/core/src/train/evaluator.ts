// The one evaluation, of K >= 1 tasks: means and metrics over a data set, batch after batch, in evaluation mode.
import { dtypeOf, type NdArray } from "../array.js";
import type { Batch, BatchTensors } from "../batch.js";
import { takeRows } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { type DataStream, isStream } from "../data/stream.js";
import { countExamples, partReader, partRows } from "../data/streams/part-reader.js";
import { DataError, OptionError } from "../errors.js";
import { type Graph, topologicalOrder } from "../graph/graph.js";
import { checkClasses, type LabelUse, labelUses } from "../graph/labels.js";
import { cast } from "../graph/ops/arithmetic.js";
import { equal } from "../graph/ops/compare.js";
import { argmax, mean } from "../graph/ops/reduce.js";
import { reshape } from "../graph/ops/reshape.js";
import type { Tensor, Type } from "../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../graph/trace.js";
import { classAxis } from "../metrics/class-scores.js";
import { accumulate, type MetricSet } from "../metrics/metric.js";
import type { Model } from "../nn/model.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { lazy } from "../runtime/lazy.js";
import type { Disposable } from "../runtime/resources.js";
import { mapValues, namedArrays } from "../tree.js";
import { prepareDataset, requireNames, type Source, usesByOutput } from "./dataset.js";
import type { Evaluation } from "./epoch-row.js";
import type { Loss } from "./step.js";
import { lengthOf } from "./stream-windows.js";

/** A mean over a batch. */
export interface BatchMean {
  readonly mean: Tensor;
  /** Its weight in the mean over all batches; default the number of examples from the source that it is computed from. */
  readonly weight?: Tensor | undefined;
  /** Set where it is the fraction of so many elements, which are counted: a mean in float32 is rounded. */
  readonly elements?: number | undefined;
}

/** Outputs of a task on a batch, for its metrics. */
export interface TaskOutput {
  /** Logits of classes, or predictions, [n, ...]. */
  readonly output: Tensor;
  /** Classes, or targets, [n, ...]. */
  readonly labels: Tensor;
  /** Which examples have labels of this task, bool [n]; default all. */
  readonly mask?: Tensor | undefined;
}

/** What is measured on a batch. */
export interface TracedBatch {
  readonly means: Readonly<Record<string, BatchMean>>;
  /** By task; left out where no metric needs them. */
  readonly outputs?: Readonly<Record<string, TaskOutput>> | undefined;
  /** Checks the labels of data. @throws DataError */
  check(arrays: Batch): void;
}

/** Where something is measured. */
interface Place<P, S> {
  readonly params: P;
  readonly state: S;
}

/** Metrics by task and name. */
export type TaskMetricSets = Readonly<Record<string, MetricSet>>;

export interface Evaluator<P, S> {
  /** @throws ShapeError, DTypeError, DataError when the data do not fit */
  evaluate(
    at: Place<P, S>,
    sources: readonly Source[],
    options: { readonly batchSize: number; readonly metrics: TaskMetricSets },
  ): Promise<{
    readonly means: Readonly<Record<string, number>>;
    /** By task and name. */
    readonly tasks: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }>;
  dispose(): Promise<void>;
}

interface Compiled extends Disposable {
  readonly executable: Executable;
  /** Name of each mean, the arrays that it reads, and the elements that it counts. */
  readonly means: readonly {
    readonly name: string;
    readonly reads: readonly string[];
    readonly elements?: number | undefined;
  }[];
  readonly check: TracedBatch["check"];
}

/** Measures parameters on data sets; compiles once for each size of batch. */
export function createEvaluator<P, S>({
  like,
  dtype,
  prepare,
  measure,
  compileOptions,
}: {
  /** An example of where to measure, of which only the types matter. */
  readonly like: Place<P, S>;
  readonly dtype: "float32" | "float64";
  /** Checks a part of the data, and changes it, for example its precision. */
  prepare(part: Batch): Batch;
  readonly compileOptions: Omit<CompileOptions, "scan" | "dtype">;
  /** Traced. */
  measure(at: Place<TensorsOf<P>, TensorsOf<S>>, batch: BatchTensors, hasOutputs: boolean): TracedBatch;
}): Evaluator<P, S> {
  const compiled = lazy<Compiled>();
  const compileFor = async (batch: Batch, hasOutputs: boolean): Promise<Compiled> => {
    let traced: TracedBatch | undefined;
    const scalar = (x: Tensor) => cast(reshape(x, []), dtype);
    const { graph } = trace(
      ({ at, batch: tensors }) => {
        traced = measure(at, tensors, hasOutputs);
        const means = Object.values(traced.means).map(({ mean: value, weight }) => ({
          mean: scalar(value),
          ...(weight ? { weight: scalar(weight) } : {}),
        }));
        return { means, ...(traced.outputs ? { outputs: traced.outputs } : {}) };
      },
      { at: { params: like.params, state: like.state }, batch: specsOf(batch) },
    );
    const { means, check } = traced as unknown as TracedBatch;
    const executable = await compile(graph, compileOptions);
    return {
      executable,
      means: Object.entries(means).map(([name, { elements }], i) => ({
        name,
        elements,
        reads: arraysRead(graph, `means.${i}.mean`),
      })),
      check,
      dispose: () => executable.dispose(),
    };
  };
  return {
    async evaluate({ params, state }, sources, { batchSize, metrics }) {
      const hasOutputs = Object.keys(metrics).length > 0;
      const accumulated = Object.entries(metrics).map(([task, set]) => ({ task, ...accumulate(set) }));
      const { arrays: whole, batches } = await passOver(sources, { most: batchSize, prepare });
      const sums = new Map<string, { total: number; weight: number }>();
      const hasStreams = sources.some(isStream);
      let isChecked = false;
      for await (const batch of batches) {
        const key = JSON.stringify([specsOf(batch), hasOutputs]);
        const { executable, means, check } = await compiled.get(key, () => compileFor(batch, hasOutputs));
        // Which arrays are labels is known after tracing a batch.
        if (!isChecked) check(whole);
        if (hasStreams) check(batch);
        isChecked = true;
        const results = await executable.run(namedArrays({ at: { params, state }, batch }));
        for (const [i, { name, reads, elements }] of means.entries()) {
          const value = Number(results[`means.${i}.mean`].data[0]);
          const given = results[`means.${i}.weight`];
          const examples = Math.max(1, ...reads.map((array) => batch[array].shape[0]));
          const weight = elements ?? (given ? Number(given.data[0]) : examples);
          const sum = sums.get(name) ?? { total: 0, weight: 0 };
          // A mean over no examples may be NaN.
          const added = weight > 0 ? value * weight : 0;
          sum.total += elements === undefined ? added : Math.round(added);
          sum.weight += weight;
          sums.set(name, sum);
        }
        for (const { task, update } of accumulated) {
          const of = (part: string) => results[`outputs.${task}.${part}`];
          const [output, labels, mask] = [of("output"), of("labels"), of("mask") as NdArray | undefined];
          if (output === undefined) {
            throw new OptionError(
              `evaluate: "${task}" has metrics; the option outputs of the trainer has no such task.`,
            );
          }
          const known = mask && Array.from(mask.data.keys()).filter((i) => Number(mask.data[i]) !== 0);
          update(
            known ? { output: takeRows(output, known), labels: takeRows(labels, known) } : { output, labels },
          );
        }
      }
      return {
        means: Object.fromEntries(Array.from(sums, ([name, { total, weight }]) => [name, total / weight])),
        tasks: Object.fromEntries(accumulated.map(({ task, results }) => [task, results()])),
      };
    },
    dispose: () => compiled.dispose(),
  };
}

/** Names of the arrays of the batch that a result depends on. */
function arraysRead({ inputs, outputs }: Graph, result: string): string[] {
  const needed = new Set(topologicalOrder(outputs.flatMap((o) => (o.name === result ? [o.tensor] : []))));
  return inputs
    .filter(({ name, tensor }) => name.startsWith("batch.") && needed.has(tensor))
    .map(({ name }) => name.slice("batch.".length));
}

const specsOf = (batch: Batch) => mapValues(batch, (a) => spec(a.shape, dtypeOf(a)));

/**
 * All examples in order, in batches of at most `most`; several sources are split into equally many batches, none of them
 * empty, so that batches of the others are larger where one has fewer examples than there would be batches.
 *
 * @returns the batches, and the arrays of the sources that are no streams
 * @throws DataError, ShapeError unless the arrays of a source have equally many examples and all names differ
 */
async function passOver(
  given: readonly Source[],
  { most, prepare }: { readonly most: number; prepare(part: Batch): Batch },
): Promise<{ readonly arrays: Batch; readonly batches: AsyncIterable<Batch> }> {
  const sources: { count: number; arrays: Batch; read: () => ReturnType<typeof partReader> }[] = [];
  for (const source of given) {
    if (isStream(source)) {
      // A stream alone is read to its end.
      const count = given.length === 1 ? Infinity : (source.length ?? (await lengthOf(source, 0)));
      sources.push({ count, arrays: {}, read: () => partReader(source.batches(0, 0), prepare) });
    } else {
      const arrays = prepare(source);
      const count = countExamples(arrays);
      sources.push({ count, arrays, read: () => partReader(whole(arrays, count)) });
    }
  }
  requireNames(sources.map(({ arrays }) => arrays));
  const counts = sources.map(({ count }) => count);
  if (counts.includes(0)) throw noExamples();
  // A function without data has a single empty batch.
  const batchCount = Math.max(1, Math.min(Math.ceil(Math.max(0, ...counts) / most), ...counts));
  const first = (n: number, i: number) =>
    sources.length === 1 ? Math.min(n, i * most) : Math.floor((i * n) / batchCount);
  async function* batches(): AsyncGenerator<Batch> {
    const readers = sources.map(({ read }) => read());
    try {
      for (let i = 0; i < batchCount; i++) {
        const parts: Batch[] = [];
        for (const [s, { count }] of sources.entries()) {
          const size = first(count, i + 1) - first(count, i);
          const part = await readers[s].take(size);
          const found = part === undefined ? 0 : countExamples(part);
          if (count === Infinity && found === 0) {
            if (i === 0) throw noExamples();
            return;
          }
          if (part === undefined || (found < size && count < Infinity)) {
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

async function* whole(arrays: Batch, count: number): AsyncGenerator<Batch> {
  yield partRows(arrays, 0, count);
}

const noExamples = () => new DataError("evaluate: the stream has no examples.");

/** Measures a model of one task: loss and, for classes, accuracy. */
export function createModelEvaluator<P, S>({
  model,
  loss,
  batchSize,
  ...rest
}: Omit<Parameters<typeof createEvaluator<P, S>>[0], "prepare" | "measure"> & {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  /** Number of examples that are evaluated at once. */
  readonly batchSize: number;
}) {
  const task = "model";
  const { evaluate, dispose } = createEvaluator<P, S>({
    ...rest,
    prepare: (part) => ({ ...prepareDataset(part as unknown as Dataset, rest.dtype) }),
    measure({ params, state }, { inputs, labels }, hasOutputs) {
      const { output } = model.apply(params, inputs, { state });
      const value = loss(output, labels);
      const axis = labels.dtype === "int64" ? classAxis(output.shape, labels.shape) : undefined;
      const hits = axis !== undefined && mean(cast(equal(argmax(output, { axis }), labels), value.dtype));
      return {
        means: {
          loss: { mean: value },
          ...(hits ? { accuracy: { mean: hits, elements: labels.size } } : {}),
        },
        ...(hasOutputs ? { outputs: { [task]: { output, labels } } } : {}),
        check: checkBy(labelUses(labels), output),
      };
    },
  });
  return {
    async evaluate<M extends MetricSet>(
      at: Place<P, S>,
      data: Dataset | DataStream<Dataset>,
      metrics = {} as M,
    ): Promise<Evaluation<M>> {
      const sets: TaskMetricSets = Object.keys(metrics).length > 0 ? { [task]: metrics } : {};
      const { means, tasks } = await evaluate(at, [data as unknown as Source], { batchSize, metrics: sets });
      return { ...means, ...tasks[task] } as Evaluation<M>;
    },
    dispose,
  };
}

/** Checks labels by the uses of a loss, or else by the output. */
const checkBy =
  (uses: readonly LabelUse[], output: Type): TracedBatch["check"] =>
  (arrays) => {
    if (arrays.labels === undefined) return;
    const found = uses.length > 0 ? uses : usesByOutput(arrays as unknown as Dataset, output);
    checkClasses("Labels", arrays.labels, found);
  };
