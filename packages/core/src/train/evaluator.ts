import type { NdArray } from "../array.js";
import type { Dataset } from "../data/dataset.js";
import { checkClasses, type LabelUse } from "../graph/labels.js";
import type { Type } from "../graph/tensor.js";
import type { Model } from "../nn/model.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { prepareDataset, typesOf, usesByOutput } from "./dataset.js";
import type { Metrics } from "./history.js";
import { arraysOf, type TrainState } from "./state.js";
import { type Loss, traceEvaluation } from "./step.js";

const largestBatch = 500;

/** Measures a model on data sets; compiles once for each type of data. */
export interface Evaluator<P, S> {
  evaluate(at: TrainState<P, S>, data: Dataset): Promise<Metrics>;
  dispose(): Promise<void>;
}

interface Compiled {
  readonly executable: Executable;
  readonly output: Type;
  readonly uses: readonly LabelUse[];
}

export function createEvaluator<P, S>({
  model,
  loss,
  like,
  dtype,
  compileOptions,
}: {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  /** An example of the states to evaluate, of which only the types matter. */
  readonly like: TrainState<P, S>;
  readonly dtype: "float32" | "float64";
  readonly compileOptions: Omit<CompileOptions, "scan" | "dtype">;
}): Evaluator<P, S> {
  const compiled = new Map<string, Promise<Compiled>>();
  const compileFor = async (data: Dataset, batchSize: number): Promise<Compiled> => {
    const parts = { model, loss, params: like.params, state: like.state, data: typesOf(data), batchSize };
    const { graph, output, uses } = traceEvaluation(parts);
    const scan = { carry: {}, sequences: ["batch"] };
    return { executable: await compile(graph, { ...compileOptions, scan }), output, uses };
  };
  return {
    async evaluate(at, data) {
      const prepared = prepareDataset(data, dtype);
      const count = prepared.inputs.shape[0];
      const inputs = { ...arraysOf(at), inputs: prepared.inputs, labels: prepared.labels };
      const totals: Record<string, number> = {};
      for (const { first, size, batches } of plan(count)) {
        const key = JSON.stringify([size, typesOf(prepared)]);
        if (!compiled.has(key)) compiled.set(key, compileFor(prepared, size));
        const { executable, output, uses } = await (compiled.get(key) as Promise<Compiled>);
        checkClasses("Labels", prepared.labels, uses.length > 0 ? uses : usesByOutput(prepared, output));
        const batch: NdArray = {
          shape: [batches, size],
          data: BigInt64Array.from({ length: batches * size }, (_, i) => BigInt(first + i)),
        };
        const results = await executable.run({ ...inputs, batch }, { steps: batches });
        for (const [name, { data: values }] of Object.entries(results)) {
          for (const v of values) totals[name] = (totals[name] ?? 0) + Number(v) * size;
        }
      }
      const { loss: total, accuracy: hits } = totals;
      return { loss: total / count, ...(hits !== undefined ? { accuracy: hits / count } : {}) };
    },
    async dispose() {
      const all = await Promise.allSettled(compiled.values());
      compiled.clear();
      for (const result of all) if (result.status === "fulfilled") await result.value.executable.dispose();
    },
  };
}

/** Whole batches first, then the rest as one smaller batch. */
function plan(count: number): { first: number; size: number; batches: number }[] {
  const size = Math.min(count, largestBatch);
  const batches = Math.floor(count / size);
  const rest = count - batches * size;
  const whole = { first: 0, size, batches };
  return rest > 0 ? [whole, { first: count - rest, size: rest, batches: 1 }] : [whole];
}
