import { type NdArray, sizeOf } from "../array.js";
import { rowsOf } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { type DataStream, isStream } from "../data/stream.js";
import { countExamples, emptyPart, partReader } from "../data/streams/part-reader.js";
import { DataError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { checkClasses, type LabelUse, labelUses } from "../graph/labels.js";
import { cast } from "../graph/ops/arithmetic.js";
import { equal } from "../graph/ops/compare.js";
import { gather } from "../graph/ops/gather.js";
import { argmax, mean } from "../graph/ops/reduce.js";
import type { Type } from "../graph/tensor.js";
import { spec, trace } from "../graph/trace.js";
import { classAxis } from "../metrics/class-scores.js";
import { accumulate, type MetricSet, requireMetrics } from "../metrics/metric.js";
import type { Model } from "../nn/model.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { lazy } from "../runtime/lazy.js";
import type { Disposable } from "../runtime/resources.js";
import { type DataTypes, prepareDataset, typesOf, usesByOutput } from "./dataset.js";
import type { Evaluation } from "./epoch-row.js";
import { arraysOf, type TrainState } from "./state.js";
import type { Loss } from "./step.js";
import { windowSize } from "./stream-windows.js";

/** Number of elements of outputs that one call of a runtime may return. */
const mostElements = 2 ** 22;

/** Measures a model on data sets; compiles once for each type of data. */
export interface Evaluator<P, S> {
  /** @throws OptionError for metrics that are none */
  evaluate<M extends MetricSet>(
    at: TrainState<P, S>,
    data: Dataset | DataStream<Dataset>,
    metrics: M | undefined,
  ): Promise<Evaluation<M>>;
  dispose(): Promise<void>;
}

interface Compiled extends Disposable {
  readonly executable: Executable;
  readonly output: Type;
  readonly uses: readonly LabelUse[];
}

export function createEvaluator<P, S>({
  model,
  loss,
  like,
  dtype,
  batchSize: largestBatch,
  compileOptions,
}: {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  /** An example of the states to evaluate, of which only the types matter. */
  readonly like: TrainState<P, S>;
  readonly dtype: "float32" | "float64";
  /** Number of examples that are evaluated at once. */
  readonly batchSize: number;
  readonly compileOptions: Omit<CompileOptions, "scan" | "dtype">;
}): Evaluator<P, S> {
  const compiled = lazy<Compiled>();
  const compileFor = async (data: Dataset, batchSize: number, withOutput: boolean): Promise<Compiled> => {
    const { params, state } = like;
    const parts = { model, loss, params, state, data: typesOf(data), batchSize, withOutput };
    const { graph, output, uses } = traceEvaluation(parts);
    const scan = { carry: {}, sequences: ["batch"] };
    const executable = await compile(graph, { ...compileOptions, scan });
    return { executable, output, uses, dispose: () => executable.dispose() };
  };
  return {
    async evaluate<M extends MetricSet>(
      at: TrainState<P, S>,
      data: Dataset | DataStream<Dataset>,
      metrics = {} as M,
    ) {
      requireMetrics("evaluate", metrics, ["loss", "accuracy"]);
      const withOutput = Object.keys(metrics).length > 0;
      const accumulation = accumulate(metrics);
      const state = arraysOf(at);
      let [total, hits, count, labelCount, isClassifier] = [0, 0, 0, 0, false];
      for await (const { data: prepared, rows } of partsOf(data, { dtype, batchSize: largestBatch })) {
        const inputs = { ...state, ...prepared };
        const labelsEach = sizeOf(prepared.labels.shape.slice(1));
        count += rows;
        labelCount += rows * labelsEach;
        for (const { first, size, batches } of plan(rows, largestBatch)) {
          const key = JSON.stringify([size, typesOf(prepared), withOutput]);
          const { executable, output, uses } = await compiled.get(key, () =>
            compileFor(prepared, size, withOutput),
          );
          checkClasses(
            "Labels",
            rowsOf(prepared.labels, 0, rows),
            uses.length > 0 ? uses : usesByOutput(prepared, output),
          );
          const most = withOutput ? Math.max(1, Math.floor(mostElements / sizeOf(output.shape))) : batches;
          for (let done = 0; done < batches; done += most) {
            const steps = Math.min(most, batches - done);
            const from = first + done * size;
            const batch: NdArray = {
              shape: [steps, size],
              data: BigInt64Array.from({ length: steps * size }, (_, i) => BigInt(from + i)),
            };
            const results = await executable.run({ ...inputs, batch }, { steps });
            for (const mean of results.loss.data) total += Number(mean) * size;
            // A mean in float32 is rounded; a count of labels is not.
            for (const mean of results.accuracy?.data ?? []) {
              hits += Math.round(Number(mean) * size * labelsEach);
            }
            isClassifier = results.accuracy !== undefined;
            if (!withOutput) continue;
            for (let t = 0; t < steps; t++) {
              const { shape, data: outputs } = results.output;
              const width = outputs.length / steps;
              accumulation.update({
                output: { shape: shape.slice(1), data: outputs.slice(t * width, (t + 1) * width) },
                labels: rowsOf(prepared.labels, from + t * size, from + (t + 1) * size),
              });
            }
          }
        }
      }
      return {
        loss: total / count,
        ...(isClassifier ? { accuracy: hits / labelCount } : {}),
        ...accumulation.results(),
      };
    },
    dispose: () => compiled.dispose(),
  };
}

/** Arrays of which the first `rows` examples are evaluated. */
interface EvaluatedPart {
  readonly data: Dataset;
  readonly rows: number;
}

/** A data set as it is, or the parts of a stream in order, put together into arrays of equal types. */
async function* partsOf(
  data: Dataset | DataStream<Dataset>,
  { dtype, batchSize }: { readonly dtype: "float32" | "float64"; readonly batchSize: number },
): AsyncGenerator<EvaluatedPart> {
  if (!isStream(data)) {
    const prepared = prepareDataset(data, dtype);
    yield { data: prepared, rows: prepared.inputs.shape[0] };
    return;
  }
  const reader = partReader(data.batches(0, 0), (part) => ({
    ...prepareDataset(part as unknown as Dataset, dtype),
  }));
  try {
    let isFirst = true;
    for (let like = await reader.like(); like !== undefined; like = await reader.like()) {
      const arrays = emptyPart(like, windowSize(like, { batchSize }));
      const rows = await reader.readInto(arrays, 0, countExamples(arrays));
      yield { data: { inputs: arrays.inputs, labels: arrays.labels }, rows };
      isFirst = false;
    }
    if (isFirst) throw new DataError("evaluate: the stream has no examples.");
  } finally {
    await reader.close();
  }
}

/** Whole batches first, then the rest as one smaller batch. */
function plan(count: number, most: number): { first: number; size: number; batches: number }[] {
  const size = Math.min(count, most);
  const batches = Math.floor(count / size);
  const rest = count - batches * size;
  const whole = { first: 0, size, batches };
  return rest > 0 ? [whole, { first: count - rest, size: rest, batches: 1 }] : [whole];
}

/**
 * Loss and, for classes, accuracy of one batch in evaluation mode, as a graph; with `withOutput` also the model's output.
 */
function traceEvaluation<P, S>({
  model,
  loss,
  params,
  state,
  data,
  batchSize,
  withOutput,
}: {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  readonly params: P;
  readonly state: S;
  readonly data: DataTypes;
  readonly batchSize: number;
  readonly withOutput: boolean;
}): { readonly graph: Graph; readonly output: Type; readonly uses: readonly LabelUse[] } {
  let output: Type | undefined;
  let uses: readonly LabelUse[] = [];
  const { graph } = trace(
    ({ params: p, state: s, inputs, labels, batch }) => {
      const y = gather(labels, batch);
      const result = model.apply(p, gather(inputs, batch), { state: s });
      output = result.output;
      const value = loss(result.output, y);
      uses = labelUses(y);
      const axis = y.dtype === "int64" ? classAxis(result.output.shape, y.shape) : undefined;
      const shown = withOutput ? { output: result.output } : {};
      if (axis === undefined) return { loss: value, ...shown };
      const hits = cast(equal(argmax(result.output, { axis }), y), value.dtype);
      return { loss: value, accuracy: mean(hits), ...shown };
    },
    {
      params,
      state,
      inputs: spec(data.inputs.shape, data.inputs.dtype),
      labels: spec(data.labels.shape, data.labels.dtype),
      batch: spec([batchSize], "int64"),
    },
  );
  return { graph, output: output as unknown as Type, uses };
}
