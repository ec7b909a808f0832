import { mapValues, mean, pickBy } from "es-toolkit";
import type { MultiTaskTrainer } from "isoloss";
import type { MultiTaskEvaluation, TaskMetricSets } from "isoloss/mtl";
import { type CostConfig, isGuarded } from "../../catalogue/cost.js";
import type { Tree } from "../../catalogue/problems.js";
import type { MadeTasks } from "../../catalogue/tasks.js";
import type { Evaluation } from "../../kind.js";
import { type CostEvent, costMetrics, secondsOf } from "./cost-record.js";
import { type Protocol, reportedMetrics } from "./protocol.js";

/** Points within this distance of the toy's Pareto front count as on it. */
const near = 0.15;

/** Whether a run has reached the point where it ends. */
export const isAtFront = ({ plane }: MadeTasks, params: Tree): boolean =>
  plane?.untilFront === true && plane.distanceToFront(params) <= near;

interface EvaluationOptions {
  readonly made: MadeTasks;
  readonly since: number;
  /** Of benchmarks, some of whose metrics are means over batches. */
  readonly batchSize?: number | undefined;
}

/** Losses and measures of a part of the data: `test.loss`, `test.TASK.loss`, `test.TASK.MEASURE`. */
function measured(
  part: string,
  names: readonly string[],
  { losses, tasks }: Pick<MultiTaskEvaluation<TaskMetricSets>, "losses" | "tasks">,
): Record<string, number> {
  const results = Object.entries(tasks as Readonly<Record<string, Readonly<Record<string, unknown>>>>);
  const accuracies = results.flatMap(([, { accuracy }]) =>
    accuracy === undefined ? [] : [Number(accuracy)],
  );
  return Object.fromEntries([
    [`${part}.loss`, mean([...losses])],
    ...(accuracies.length === names.length ? [[`${part}.accuracy`, mean(accuracies)]] : []),
    ...names.map((task, k) => [`${part}.${task}.loss`, losses[k]]),
    ...results.flatMap(([task, own]) =>
      Object.entries(own).map(([name, value]) => [`${part}.${task}.${name}`, Number(value)]),
    ),
  ]);
}

/**
 * Losses and measures on the validation and the test data, and the conflicts of the steps since the last time.
 *
 * @param since the step of the last evaluation
 */
export async function evaluated(
  trainer: MultiTaskTrainer<Tree>,
  { made, since, batchSize }: EvaluationOptions,
): Promise<Evaluation> {
  const { test, validation, tasks, measures } = made;
  const on = async (part: string, data: typeof test) => {
    if (data === undefined) return {};
    if (measures)
      return measured(part, tasks, await trainer.evaluate(data, { metrics: measures, batchSize }));
    const { losses, metrics } = await trainer.evaluate(data);
    return measured(part, tasks, { losses, tasks: mapValues(metrics, (accuracy) => ({ accuracy })) });
  };
  return {
    step: trainer.current.step,
    seconds: trainer.history.seconds.at(-1) ?? 0,
    ...(await on("validation", validation)),
    ...(await on("test", test)),
    ...conflictsSince(trainer, since),
  };
}

/** Mean cosine over steps and pairs, and the share of steps with conflicts, where gradients were measured. */
function conflictsSince({ history: { cosines, conflicts } }: MultiTaskTrainer<Tree>, since: number) {
  const measured = (lists: readonly (readonly number[])[]) =>
    lists.flatMap((list) => list.slice(since).filter((v) => !Number.isNaN(v)));
  const [pairs, dominated, weak] = [cosines, [conflicts.dominated], [conflicts.weak]].map(measured);
  return {
    ...(pairs.length > 0 ? { "conflicts.cosine": mean(pairs) } : {}),
    ...(dominated.length > 0 ? { "conflicts.dominated": mean(dominated), "conflicts.weak": mean(weak) } : {}),
  };
}

interface Findings {
  readonly made: MadeTasks;
  readonly evaluations: readonly Evaluation[];
  /** Of the epoch with which the run ends, where that is an earlier one; default the last evaluation. */
  readonly restored?: Evaluation | undefined;
  readonly cost?: CostConfig | undefined;
  readonly protocol?: Protocol | undefined;
  /** Whether each task has a network of its own. */
  readonly alone?: boolean | undefined;
  /** Of a plane, `recordEvery` steps apart. */
  readonly points: readonly (readonly number[])[];
  readonly recordEvery: number;
}

export function metricsOf(trainer: MultiTaskTrainer<Tree>, findings: Findings): Record<string, number> {
  const { made, evaluations, cost, protocol, alone = false } = findings;
  const { history, current, stepsPerEpoch } = trainer;
  const { seconds, events, conflicts, losses } = history;
  const last = findings.restored ?? evaluations.at(-1);
  const spent = seconds.at(-1) ?? 0;
  const window = stepsPerEpoch < Infinity ? Math.min(stepsPerEpoch, current.step) : 1;
  const metrics: Record<string, number> = { ...made.dataMetrics };
  made.tasks.forEach((task, k) => {
    if (current.step > 0) metrics[`train.${task}.loss`] = mean(losses[k].slice(-window));
  });
  for (const [name, value] of Object.entries(last ?? {})) {
    if (/^(validation|test)\./.test(name)) metrics[name] = value;
  }
  if (protocol)
    Object.assign(metrics, pickBy(reportedMetrics(protocol, evaluations, { alone }), Number.isFinite));
  if (stepsPerEpoch < Infinity && current.step > 0) {
    metrics["seconds.perEpoch"] = (spent * stepsPerEpoch) / current.step;
  }
  for (const kind of ["dominated", "weak"] as const) {
    const known = conflicts[kind].filter((v) => !Number.isNaN(v));
    if (known.length > 0) metrics[`conflicts.${kind}`] = mean(known);
  }
  if (cost) {
    Object.assign(
      metrics,
      costMetrics(
        events.map(({ event }) => event as CostEvent),
        { tasks: made.tasks, guarded: isGuarded(cost) },
      ),
    );
    const seconds = secondsOf(current.memory);
    metrics["cost.seconds"] = seconds;
    metrics["cost.fraction"] = seconds / Math.max(spent, 1e-9);
    if (events.length > 0 && stepsPerEpoch < Infinity) {
      const ordinary = ((spent - seconds) * stepsPerEpoch) / current.step;
      metrics["cost.epochs"] = seconds / events.length / Math.max(ordinary, 1e-9);
    }
  }
  return { ...metrics, ...frontMetrics(trainer, findings) };
}

function frontMetrics(
  { current }: MultiTaskTrainer<Tree>,
  { made: { plane }, points, recordEvery }: Findings,
): Record<string, number> {
  if (plane === undefined) return {};
  const distance = plane.distanceToFront(current.params);
  const distances = [...points.map(([x1, x2]) => plane.distanceToFront(plane.toy.at([x1, x2]))), distance];
  const first = distances.findIndex((d) => d <= near);
  const last = points.length - 1;
  return {
    "front.distance": distance,
    "front.reached": Number(distance <= near),
    ...(first < 0 ? {} : { "front.step": first > last ? current.step : first * recordEvery }),
  };
}
