import type { BatchSpec, BatchTensors, Output, Tensor, TensorsOf } from "isoloss";
import { type Mt19937, torchGenerator } from "isoloss";
import { taskAlone } from "isoloss/internal";
import type { MetricSet } from "isoloss/metrics";
import type {
  LossContext,
  Representation,
  TaskLosses,
  TaskMetricSets,
  TaskOutput,
  TaskOutputs,
} from "isoloss/mtl";
import type { InitOptions, MultiHeadParams } from "isoloss/nn";

/**
 * The tasks of a benchmark with their model, without its data: `{ ...tasks, data }` for `createMultiTaskTrainer`, and
 * `measures` for its `evaluate`.
 *
 * @typeParam P parameters, `{ shared, heads }`
 * @typeParam S the model's state
 */
export interface BenchmarkTasks<P, S> {
  readonly name: string;
  readonly tasks: readonly string[];
  readonly losses: TaskLosses<P, BatchSpec, S>;
  /** Draws initial parameters. */
  readonly params: (rng: Mt19937, options?: InitOptions) => P;
  /** The model's untrained state. */
  readonly state: S;
  /** The tensors that the heads read. */
  readonly represent: Representation<P, BatchSpec, S>;
  readonly outputs: TaskOutputs<P, BatchSpec, S>;
  /** The published metrics by task and name. */
  readonly measures: TaskMetricSets;
  /** The same with one of the tasks alone: a baseline. */
  only(task: string): BenchmarkTasks<P, S>;
}

/** A task: its loss, and what its metrics are measured on. */
export interface BenchmarkTask {
  loss(output: Tensor, batch: BatchTensors): Tensor;
  output(output: Tensor, batch: BatchTensors): TaskOutput;
  readonly measures: MetricSet;
}

/** A model in two parts, of which the first one has the state. */
interface TwoParts<P extends MultiHeadParams<unknown, unknown>, S> {
  init(rng: Mt19937, options?: InitOptions): { params: P; state: S };
  trunk(
    shared: TensorsOf<P["shared"]>,
    batch: BatchTensors,
    context: LossContext<S>,
  ): Output<S, readonly Tensor[]>;
  readOut(heads: TensorsOf<P["heads"]>, representations: readonly Tensor[]): Readonly<Record<string, Tensor>>;
}

/**
 * Puts tasks and the model that is made for them together.
 *
 * @param parts `make`: the model for given tasks, a trunk and heads
 *
 * @example
 * const task: BenchmarkTask = {
 *   loss: (output, batch) => mseLoss(output, batch.y as Tensor),
 *   output: (output, batch) => ({ output, labels: batch.y as Tensor }),
 *   measures: { mae: mae() },
 * };
 * const model = multiMlp({ sizes: [2, 4], heads: { price: 1 } });
 * benchmarkTasks("prices", {
 *   tasks: { price: task },
 *   make: () => ({
 *     init: (rng, options) => ({ params: model.init(rng, options), state: {} }),
 *     trunk: (shared, batch) => ({ output: [model.trunk(shared, batch.x as Tensor)], state: {} }),
 *     readOut: (heads, [z]) => ({ price: linear(z as Tensor, heads.price as TensorsOf<LinearParams>) }),
 *   }),
 * }).tasks; // price
 */
export function benchmarkTasks<P extends MultiHeadParams<unknown, unknown>, S>(
  name: string,
  parts: {
    readonly tasks: Readonly<Record<string, BenchmarkTask>>;
    readonly make: (tasks: readonly string[]) => TwoParts<P, S>;
  },
): BenchmarkTasks<P, S> {
  const { tasks, make } = parts;
  const kinds = Object.entries(tasks);
  const names = Object.keys(tasks);
  const model = make(names);
  const represent = ({ shared }: TensorsOf<P>, batch: BatchTensors, context: LossContext<S>) => {
    const { output, state } = model.trunk(shared as TensorsOf<P["shared"]>, batch, context);
    context.keepState?.(state);
    return output;
  };
  const outputsOf = (params: TensorsOf<P>, batch: BatchTensors, context: LossContext<S>) =>
    model.readOut(
      params.heads as TensorsOf<P["heads"]>,
      context.representations ?? represent(params, batch, context),
    );
  return {
    name,
    tasks: names,
    losses(params, batch, context) {
      const outputs = outputsOf(params, batch, context);
      return kinds.map(([task, { loss }]) => loss(outputs[task], batch));
    },
    params: (rng, options) => model.init(rng, options).params,
    // The state does not depend on the generator.
    state: model.init(torchGenerator(0)).state,
    represent,
    outputs(params, batch, context) {
      const outputs = outputsOf(params, batch, context);
      return Object.fromEntries(kinds.map(([task, { output }]) => [task, output(outputs[task], batch)]));
    },
    measures: Object.fromEntries(kinds.map(([task, { measures }]) => [task, measures])),
    only: (task) => benchmarkTasks(`${name}, ${task} alone`, { make, tasks: taskAlone(name, tasks, task) }),
  };
}
