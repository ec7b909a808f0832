import type { DType, Shape } from "../array.js";
import { valueAndGrad } from "../graph/autodiff.js";
import { cast } from "../graph/ops/arithmetic.js";
import { equal } from "../graph/ops/compare.js";
import { gather } from "../graph/ops/gather.js";
import { argmax, mean } from "../graph/ops/reduce.js";
import type { Tensor } from "../graph/tensor.js";
import { spec, type TensorsOf, type Traced, trace } from "../graph/trace.js";
import type { Model } from "../nn/model.js";
import type { Optimizer, OptimizerState } from "../optim/optimizer.js";

/** Loss of a batch: a scalar from the model's output and the labels. */
export type Loss = (output: Tensor, labels: Tensor) => Tensor;

/** Type of a data set's inputs and labels, examples along the first axis. */
export interface DataTypes {
  readonly inputs: { readonly shape: Shape; readonly dtype: DType };
  readonly labels: { readonly shape: Shape; readonly dtype: DType };
}

interface Parts<P, S> {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  readonly params: P;
  readonly state: S;
  readonly data: DataTypes;
  readonly batchSize: number;
}

/**
 * One training step as a graph: batch taken from the resident data set, forward, backward, update.
 * Inputs: params, state, optimizer, inputs, labels, batch, learningRate, seed.
 */
export function traceStep<P, S>({
  model,
  loss,
  params,
  state,
  data,
  batchSize,
  optimizer,
  optimizerState,
  clip,
  dtype,
}: Parts<P, S> & {
  readonly optimizer: Optimizer;
  readonly optimizerState: OptimizerState;
  readonly clip: <T>(gradients: T) => T;
  readonly dtype: "float32" | "float64";
}): Traced {
  const names = ["params", "state", "optimizer", "inputs", "labels", "batch", "learningRate", "seed"];
  const step = (
    p: TensorsOf<P>,
    s: TensorsOf<S>,
    o: OptimizerState,
    inputs: Tensor,
    labels: Tensor,
    batch: Tensor,
    learningRate: Tensor,
    seed: Tensor,
  ) => {
    const x = gather(inputs, batch);
    const y = gather(labels, batch);
    let next = s;
    const [value, gradients] = valueAndGrad((q: TensorsOf<P>) => {
      const result = model.apply(q, x, { state: s, training: true, seed });
      next = result.state;
      return loss(result.output, y);
    })(p);
    const updated = optimizer.update(clip(gradients), o, p, learningRate);
    return { params: updated.params, state: next, optimizer: updated.state, loss: value };
  };
  const types = [spec(data.inputs.shape, data.inputs.dtype), spec(data.labels.shape, data.labels.dtype)];
  const args = [params, state, optimizerState, ...types, spec([batchSize], "int64"), spec([], dtype), spec([], "int64")];
  return trace(step as never, args, { names });
}

/** Loss and, for classes, accuracy of one batch in evaluation mode, as a graph. */
export function traceEvaluation<P, S>({ model, loss, params, state, data, batchSize }: Parts<P, S>): Traced {
  const evaluate = (p: TensorsOf<P>, s: TensorsOf<S>, inputs: Tensor, labels: Tensor, batch: Tensor) => {
    const y = gather(labels, batch);
    const { output } = model.apply(p, gather(inputs, batch), { state: s });
    const value = loss(output, y);
    const isClassifier = y.dtype === "int64" && output.rank === y.rank + 1;
    if (!isClassifier) return { loss: value };
    const hits = cast(equal(argmax(output), y), output.dtype as "float32");
    return { loss: value, accuracy: mean(hits) };
  };
  const types = [spec(data.inputs.shape, data.inputs.dtype), spec(data.labels.shape, data.labels.dtype)];
  const args = [params, state, ...types, spec([batchSize], "int64")];
  return trace(evaluate as never, args, { names: ["params", "state", "inputs", "labels", "batch"] });
}
