import { describeValue, isPlainObject } from "../../describe.js";
import { OptionError } from "../../errors.js";
import { type Quantities, requireMetrics } from "../../metrics/metric.js";
import type { TaskMetricSets } from "../../train/evaluator.js";
import type { TaskValues } from "./history.js";

/**
 * Checks metrics by task.
 *
 * @throws OptionError unless they are metrics by name for tasks of the run, whose trainer has `outputs`
 */
export function requireTaskMetrics(
  owner: string,
  sets: unknown,
  { tasks, hasOutputs }: { readonly tasks: readonly string[]; readonly hasOutputs: boolean },
): void {
  if (!isPlainObject(sets)) {
    throw new OptionError(
      `${owner}: metrics must be an object of metrics by task, such as { ${tasks[0]}: { f1: f1() } }; got ${describeValue(sets)}.`,
    );
  }
  for (const [task, set] of Object.entries(sets)) {
    if (!tasks.includes(task)) {
      throw new OptionError(`${owner}: metrics has no task "${task}"; the tasks are ${tasks.join(", ")}.`);
    }
    requireMetrics(`${owner}: metrics.${task}`, set, ["loss"]);
  }
  if (!hasOutputs && Object.keys(sets).length > 0) {
    throw new OptionError(
      `${owner}: metrics of tasks need the option outputs of createMultiTaskTrainer: (p, batch) => ({ ${tasks[0]}: { output, labels } }).`,
    );
  }
}

/** An evaluation of several tasks. */
interface Measured {
  readonly losses: Float64Array;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tasks: object;
}

/** What was measured, in one record: `loss`, `left.loss`, the trainer's metrics, `left.f1`. */
export function taskValues(
  { losses, metrics, tasks: results }: Measured,
  tasks: readonly string[],
): TaskValues {
  const byTask = Object.entries(results as Readonly<Record<string, object>>);
  return {
    loss: losses.reduce((a, b) => a + b, 0) / losses.length,
    ...Object.fromEntries(tasks.map((task, k) => [`${task}.loss`, losses[k]])),
    ...metrics,
    ...Object.fromEntries(
      byTask.flatMap(([task, own]) => Object.entries(own).map(([name, value]) => [`${task}.${name}`, value])),
    ),
  };
}

/**
 * Checks metrics by task, and returns whether a smaller or a larger value is better, by task and name: `left.f1`. The names
 * of the trainer's own metrics are not known before the first evaluation.
 *
 * @throws OptionError as {@link requireTaskMetrics}
 */
export function taskQuantities(
  owner: string,
  sets: TaskMetricSets,
  run: Parameters<typeof requireTaskMetrics>[2],
): Quantities {
  requireTaskMetrics(owner, sets, run);
  return {
    modeOf(name) {
      const dot = name.lastIndexOf(".");
      return sets[name.slice(0, dot)]?.[name.slice(dot + 1)]?.mode;
    },
  };
}
