import { type NdArray, sizeOf } from "../array.js";
import { rowsOf } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { checkClasses, type LabelUse } from "../graph/labels.js";
import type { Type } from "../graph/tensor.js";
import { accumulate, type MetricSet, requireMetrics } from "../metrics/metric.js";
import type { Model } from "../nn/model.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { lazy } from "../runtime/lazy.js";
import type { Disposable } from "../runtime/resources.js";
import { prepareDataset, typesOf, usesByOutput } from "./dataset.js";
import type { Evaluation } from "./epoch-row.js";
import { arraysOf, type TrainState } from "./state.js";
import { type Loss, traceEvaluation } from "./step.js";

/** Number of elements of outputs that one call of a runtime may return. */
const mostElements = 2 ** 22;

/** Measures a model on data sets; compiles once for each type of data. */
export interface Evaluator<P, S> {
  /** @throws OptionError for metrics that are none */
  evaluate<M extends MetricSet>(
    at: TrainState<P, S>,
    data: Dataset,
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
    async evaluate<M extends MetricSet>(at: TrainState<P, S>, data: Dataset, metrics = {} as M) {
      requireMetrics("evaluate", metrics, ["loss", "accuracy"]);
      const prepared = prepareDataset(data, dtype);
      const count = prepared.inputs.shape[0];
      const inputs = { ...arraysOf(at), inputs: prepared.inputs, labels: prepared.labels };
      const withOutput = Object.keys(metrics).length > 0;
      const accumulation = accumulate(metrics);
      const labelCount = prepared.labels.data.length;
      let [total, hits, isClassifier] = [0, 0, false];
      for (const { first, size, batches } of plan(count, largestBatch)) {
        const key = JSON.stringify([size, typesOf(prepared), withOutput]);
        const { executable, output, uses } = await compiled.get(key, () =>
          compileFor(prepared, size, withOutput),
        );
        checkClasses("Labels", prepared.labels, uses.length > 0 ? uses : usesByOutput(prepared, output));
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
          const labelsAtOnce = size * (labelCount / count);
          for (const mean of results.accuracy?.data ?? []) hits += Math.round(Number(mean) * labelsAtOnce);
          isClassifier = results.accuracy !== undefined;
          if (!withOutput) continue;
          const labels = rowsOf(prepared.labels, from, from + steps * size);
          accumulation.update({
            output: { ...results.output, shape: [steps * size, ...output.shape.slice(1)] },
            labels,
          });
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

/** Whole batches first, then the rest as one smaller batch. */
function plan(count: number, most: number): { first: number; size: number; batches: number }[] {
  const size = Math.min(count, most);
  const batches = Math.floor(count / size);
  const rest = count - batches * size;
  const whole = { first: 0, size, batches };
  return rest > 0 ? [whole, { first: count - rest, size: rest, batches: 1 }] : [whole];
}
