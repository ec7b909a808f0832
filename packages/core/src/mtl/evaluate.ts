import { dtypeOf, type NdArray } from "../array.js";
import { takeRows } from "../data/batches.js";
import { OptionError } from "../errors.js";
import { cast } from "../graph/ops/arithmetic.js";
import { equal } from "../graph/ops/compare.js";
import { argmax, mean } from "../graph/ops/reduce.js";
import { reshape } from "../graph/ops/reshape.js";
import type { Tensor } from "../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import type { CompileOptions } from "../runtime/compile.js";
import type { Batch, BatchTensors } from "../symmetry/symmetry.js";
import { lazyExecutables } from "./gradients/executables.js";
import { vectorOf } from "./gradients/forward.js";
import { prepareSources } from "./sources.js";
import { checkLosses, type LossContext, type TaskLosses } from "./task-losses.js";

/** A mean over examples; with `weight`, its share of a mean over batches: the number of labels that are there. */
export interface WeightedMean {
  readonly mean: Tensor;
  readonly weight: Tensor;
}

/** Figures of a batch by name, scalars: means over its examples. Traced in evaluation mode. */
export type TaskMetrics<P> = (
  params: TensorsOf<P>,
  batch: BatchTensors,
  context: LossContext,
) => Readonly<Record<string, Tensor | WeightedMean>>;

/** Figures of a run's parameters on a data set. */
export interface MultiTaskEvaluation {
  /** L_k, [K]: means over batches, weighted by their number of examples. */
  readonly losses: Float64Array;
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Share of the examples whose largest logit is that of their class, a scalar.
 *
 * @param logits [n, classes]
 * @param labels int64 [n]
 *
 * @example
 * const metrics: TaskMetrics<Params> = (p, { x, left }) => ({ "left accuracy": accuracy(net(p, x).left, left) });
 */
export const accuracy = (logits: Tensor, labels: Tensor): Tensor =>
  mean(cast(equal(argmax(logits), labels), logits.dtype));

/** Measures parameters on data sets; compiles once for each size of batch. */
export interface MultiTaskEvaluator<P> {
  evaluate(params: P, data: Batch, state?: unknown): Promise<MultiTaskEvaluation>;
  dispose(): Promise<void>;
}

const largestBatch = 500;

const isWeighted = (value: Tensor | WeightedMean): value is WeightedMean => "weight" in value;

export function multiTaskEvaluator<P>({
  losses,
  metrics = () => ({}),
  representation,
  params: like,
  state: stateLike = {},
  dtype,
  ...options
}: Omit<CompileOptions, "scan" | "dtype"> & {
  readonly losses: TaskLosses<P>;
  readonly metrics?: TaskMetrics<P>;
  readonly representation?: (params: TensorsOf<P>, batch: BatchTensors, context: LossContext) => Tensor;
  readonly params: P;
  readonly state?: unknown;
  readonly dtype: "float32" | "float64";
}): MultiTaskEvaluator<P> {
  const executables = lazyExecutables(options);
  const traceBatch = (batch: Batch) => {
    const f = (params: TensorsOf<P>, state: unknown, tensors: BatchTensors) => {
      const plain: LossContext = { training: false, state };
      const context = representation
        ? { ...plain, representation: representation(params, tensors, plain) }
        : plain;
      const scalar = (x: Tensor) => cast(reshape(x, []), dtype);
      const figures = Object.entries(metrics(params, tensors, context)).map(([name, value], i) => {
        names[i] = name;
        return isWeighted(value)
          ? { mean: scalar(value.mean), weight: scalar(value.weight) }
          : { mean: scalar(value) };
      });
      return { losses: vectorOf(checkLosses(losses(params, tensors, context))), metrics: figures };
    };
    return trace(f as never, [like, stateLike, specsOf(batch)], { names: ["params", "state", "batch"] })
      .graph;
  };
  const names: string[] = [];
  return {
    async evaluate(params, data, state = stateLike) {
      const { batchOf } = prepareSources(data, { seed: 0, dtype });
      const prepared = batchOf(0);
      const count = Object.values(prepared)[0]?.shape[0] ?? 1;
      const totals: number[] = [];
      const sums: { total: number; weight: number }[] = [];
      for (let first = 0; first < count; first += largestBatch) {
        const indices = Int32Array.from(
          { length: Math.min(largestBatch, count - first) },
          (_, i) => first + i,
        );
        const batch =
          indices.length === count
            ? prepared
            : Object.fromEntries(Object.entries(prepared).map(([name, a]) => [name, takeRows(a, indices)]));
        const key = JSON.stringify(specsOf(batch));
        const executable = await executables.get(key, () => traceBatch(batch));
        const results = await executable.run(namedArrays({ params, state, batch }));
        const size = indices.length;
        results.losses.data.forEach((loss: number | bigint, k: number) => {
          totals[k] = (totals[k] ?? 0) + Number(loss) * size;
        });
        names.forEach((_, i) => {
          const value = Number(results[`metrics.${i}.mean`].data[0]);
          const weight = Number(results[`metrics.${i}.weight`]?.data[0] ?? size);
          sums[i] ??= { total: 0, weight: 0 };
          if (weight > 0) sums[i].total += value * weight;
          sums[i].weight += weight;
        });
      }
      if (totals.length === 0) throw new OptionError("evaluate: the data have no examples.");
      return {
        losses: Float64Array.from(totals, (total) => total / count),
        metrics: Object.fromEntries(names.map((name, i) => [name, sums[i].total / sums[i].weight])),
      };
    },
    dispose: () => executables.dispose(),
  };
}

const specsOf = (batch: Batch) =>
  Object.fromEntries(
    Object.entries(batch).map(([name, a]: [string, NdArray]) => [name, spec(a.shape, dtypeOf(a))]),
  );
