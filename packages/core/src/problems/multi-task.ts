import type { Batch } from "../batch.js";
import { OptionError } from "../errors.js";
import { cast, mul } from "../graph/ops/arithmetic.js";
import { equal, greater } from "../graph/ops/compare.js";
import { mean } from "../graph/ops/reduce.js";
import { reshape } from "../graph/ops/reshape.js";
import { requireTensor, type Tensor } from "../graph/tensor.js";
import type { Mt19937 } from "../math/mt19937.js";
import type { Representation } from "../mtl/gradients/forward.js";
import { accuracy, type TaskMetrics } from "../mtl/train/evaluate.js";
import type { TaskLosses } from "../mtl/train/task-losses.js";
import { binaryCrossEntropyWithLogits } from "../nn/losses/binary-cross-entropy.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import type { InitOptions } from "../nn/model.js";
import type { MultiHeadModel, MultiHeadParams } from "../nn/models/multi-head.js";
import { requireKnown } from "../options.js";

/**
 * Tasks on data, ready for `createMultiTaskTrainer`: `{ ...problem, data: problem.train }`.
 *
 * @typeParam P tree of parameters
 */
export interface MultiTaskProblem<P> {
  readonly name: string;
  readonly tasks: readonly string[];
  readonly losses: TaskLosses<P>;
  /** The accuracy of each task, 0..1, by its name. */
  readonly metrics: TaskMetrics<P>;
  /** Draws initial parameters. */
  readonly params: (rng: Mt19937, options?: InitOptions) => P;
  /** The input of the heads, for gradients with respect to it instead of the shared parameters. */
  readonly represent: Representation<P>;
  readonly train: Batch;
  readonly test: Batch;
  /** The same data with only one of the tasks: a baseline. */
  only(task: string): MultiTaskProblem<P>;
}

/** A task of a problem: classes, or a question answered by yes (1) or no (0). */
export interface TaskKind {
  /** Number of classes; 1 for a question. */
  readonly outputs: number;
  /** Factor of the loss; default 1. */
  readonly scale?: number | undefined;
}

type Params<Trunk, Head> = MultiHeadParams<Trunk, Head>;

/**
 * A problem of classes and questions on one input `x`. The loss is cross-entropy, or binary cross-entropy for
 * questions; the labels have the name of the task. Labels of classes are int64, those of questions floats.
 *
 * @param parts `make`: creates the model for given heads
 *
 * @example
 * classification("toy", { tasks: { left: { outputs: 10 }, even: { outputs: 1 } }, train, test, make: (heads) => multiLenet({ heads }) });
 */
export function classification<Trunk, Head>(
  name: string,
  parts: {
    readonly tasks: Readonly<Record<string, TaskKind>>;
    readonly train: Batch;
    readonly test: Batch;
    readonly make: (heads: Readonly<Record<string, number>>) => MultiHeadModel<Trunk, Head>;
  },
): MultiTaskProblem<Params<Trunk, Head>> {
  const example = 'classification("toy", { tasks, train, test, make })';
  requireKnown("classification", parts, ["tasks", "train", "test", "make"], example);
  const { tasks, train, test, make } = parts;
  const kinds = Object.entries(tasks);
  for (const [task, kind] of kinds) {
    requireKnown(`classification: the task "${task}"`, kind, ["outputs", "scale"]);
  }
  const model = make(Object.fromEntries(kinds.map(([task, { outputs }]) => [task, outputs])));
  return {
    name,
    tasks: kinds.map(([task]) => task),
    losses(params, batch, context) {
      const outputs = model.apply(params, batch.x, context);
      return kinds.map(([task, { scale = 1, outputs: count }]) => {
        const loss = lossOf(outputs[task], labelsOf(batch, task), count);
        return scale === 1 ? loss : mul(scale, loss);
      });
    },
    metrics(params, batch, context) {
      const outputs = model.apply(params, batch.x, context);
      return Object.fromEntries(
        kinds.map(([task, { outputs: count }]) => [
          task,
          rightOf(outputs[task], labelsOf(batch, task), count),
        ]),
      );
    },
    params: (rng, options) => model.init(rng, options),
    represent: ({ shared }, { x }, context) => model.trunk(shared, x, context),
    train,
    test,
    only: (task) =>
      classification(`${name}, ${task} alone`, { ...parts, tasks: taskAlone(name, tasks, task) }),
  };
}

function labelsOf(batch: Readonly<Record<string, Tensor>>, task: string): Tensor {
  requireTensor(`classification: the task "${task}"`, batch[task]);
  return batch[task];
}

const lossOf = (output: Tensor, labels: Tensor, outputs: number): Tensor =>
  outputs === 1
    ? binaryCrossEntropyWithLogits(reshape(output, labels.shape), labels)
    : crossEntropy(output, labels);

const rightOf = (output: Tensor, labels: Tensor, outputs: number): Tensor => {
  if (outputs > 1) return accuracy(output, labels);
  const said = greater(reshape(output, labels.shape), 0);
  return mean(cast(equal(said, greater(labels, 0.5)), output.dtype));
};

/**
 * One of the tasks of a problem, by its name.
 *
 * @throws OptionError for another name
 */
export function taskAlone<T>(
  problem: string,
  tasks: Readonly<Record<string, T>>,
  task: string,
): Readonly<Record<string, T>> {
  if (Object.hasOwn(tasks, task)) return { [task]: tasks[task] };
  throw new OptionError(`${problem} has no task "${task}"; it has ${Object.keys(tasks).join(", ")}.`);
}
