import { dot, valueAndGrad } from "../graph/autodiff.js";
import type { Graph } from "../graph/graph.js";
import { type LabelUse, labelUses } from "../graph/labels.js";
import { cast } from "../graph/ops/arithmetic.js";
import { equal } from "../graph/ops/compare.js";
import { gather } from "../graph/ops/gather.js";
import { argmax, mean } from "../graph/ops/reduce.js";
import type { Tensor, Type } from "../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../graph/trace.js";
import { classAxis } from "../metrics/class-scores.js";
import type { Model } from "../nn/model.js";
import { type Optimizer, type OptimizerState, trainedGradients } from "../optim/optimizer.js";
import type { DataTypes } from "./dataset.js";

/** Loss of a batch: a scalar from the model's output and the labels. */
export type Loss = (output: Tensor, labels: Tensor) => Tensor;

interface Parts<P, S> {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  readonly params: P;
  readonly state: S;
  readonly data: DataTypes;
  readonly batchSize: number;
}

/** A graph of the model on batches, and the type of the model's output there. */
export interface TracedModel {
  readonly graph: Graph;
  readonly output: Type;
  /** How the loss uses the labels, if it is a loss of the library. */
  readonly uses: readonly LabelUse[];
}

const typeOf = ({ shape, dtype }: Tensor): Type => ({ shape, dtype });

/** What happens before a step, in its graph. */
export interface BeforeStep<P, S> {
  /** Types of its own inputs, `teleport.NAME` of the graph. */
  readonly inputs: Readonly<Record<string, Type>>;
  /** Traced: what the step continues with, and outputs of its own, `teleport.NAME` of the graph. */
  trace(
    at: {
      readonly params: TensorsOf<P>;
      readonly state: TensorsOf<S>;
      readonly optimizer: OptimizerState;
    },
    given: Readonly<Record<"inputs" | "labels" | "learningRate" | "seed", Tensor>> & {
      readonly own: Readonly<Record<string, Tensor>>;
    },
  ): {
    readonly params: TensorsOf<P>;
    readonly optimizer: OptimizerState;
    readonly outputs: Readonly<Record<string, unknown>>;
  };
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
  gradNorm,
  dtype,
  before,
}: Parts<P, S> & {
  readonly optimizer: Optimizer;
  readonly optimizerState: OptimizerState;
  /** Whether the squared norm of the gradient, before it is clipped, is also an output. */
  readonly gradNorm: boolean;
  readonly before?: BeforeStep<P, S> | undefined;
  readonly dtype: "float32" | "float64";
}): TracedModel {
  let output: Type | undefined;
  let uses: readonly LabelUse[] = [];
  const { graph } = trace(
    ({ params: from, state: s, optimizer: last, inputs, labels, batch, learningRate, seed, teleport }) => {
      const given = {
        inputs,
        labels,
        learningRate,
        seed,
        own: teleport as unknown as Record<string, Tensor>,
      };
      const here = { params: from, state: s, optimizer: last };
      const { params: p, optimizer: o, outputs } = before?.trace(here, given) ?? { ...here, outputs: {} };
      const x = gather(inputs, batch);
      const y = gather(labels, batch);
      let after = s;
      const gradientOf = valueAndGrad((q: TensorsOf<P>) => {
        const result = model.apply(q, x, { state: s, training: true, seed });
        after = result.state;
        output = typeOf(result.output);
        const total = loss(result.output, y);
        uses = labelUses(y);
        return total;
      });
      const [value, all] = gradientOf(p);
      const gradients = trainedGradients(all, optimizer);
      // An optimizer may ask for gradients elsewhere: the state is that of the parameters themselves.
      const next = after;
      const gradientAt = (q: TensorsOf<P>) => trainedGradients(gradientOf(q)[1], optimizer);
      const updated = optimizer.update(gradients, o, p, learningRate, gradientAt);
      return {
        params: updated.params,
        state: next,
        optimizer: updated.state,
        loss: value,
        ...(gradNorm ? { gradNormSq: dot(gradients, gradients) } : {}),
        teleport: outputs,
      };
    },
    {
      params,
      state,
      optimizer: optimizerState,
      inputs: spec(data.inputs.shape, data.inputs.dtype),
      labels: spec(data.labels.shape, data.labels.dtype),
      batch: spec([batchSize], "int64"),
      learningRate: spec([], dtype),
      seed: spec([], "int64"),
      teleport: before?.inputs ?? {},
    },
  );
  return { graph, output: output as unknown as Type, uses };
}

/**
 * Loss and, for classes, accuracy of one batch in evaluation mode, as a graph; with `withOutput` also the model's output.
 */
export function traceEvaluation<P, S>({
  model,
  loss,
  params,
  state,
  data,
  batchSize,
  withOutput,
}: Parts<P, S> & { readonly withOutput: boolean }): TracedModel {
  let output: Type | undefined;
  let uses: readonly LabelUse[] = [];
  const { graph } = trace(
    ({ params: p, state: s, inputs, labels, batch }) => {
      const y = gather(labels, batch);
      const result = model.apply(p, gather(inputs, batch), { state: s });
      output = typeOf(result.output);
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
