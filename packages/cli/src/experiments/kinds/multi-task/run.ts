import { mean } from "es-toolkit";
import { createMultiTaskTrainer, type MultiTaskTrainer, resume } from "isoloss";
import { confusion } from "isoloss/metrics";
import { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "isoloss/mtl";
import { stepRecord } from "isoloss/node";
import type { RunDirectory } from "../../../run/directory.js";
import { makeCost } from "../../catalogue/cost.js";
import { makeMethod } from "../../catalogue/methods.js";
import { makeLearningRate, makeOptimizer } from "../../catalogue/optimizers.js";
import type { Tree } from "../../catalogue/problems.js";
import { formOf } from "../../catalogue/run-data.js";
import { type MadeTasks, makeTasks } from "../../catalogue/tasks.js";
import type { Evaluation, JobContext, Measured } from "../../kind.js";
import { numbersOf, pointsIn } from "../../records/points.js";
import { unpredicted } from "../predictions.js";
import { computedBy, trainingLoop, watchedBy } from "../training-loop.js";
import { type CostEvent, clocked, costRecord, jumpsOf, secondsOf, teleportOf } from "./cost-record.js";
import { evaluated, isAtFront, metricsOf } from "./metrics.js";
import { networkRates, type PlateauRun, plateauRate } from "./plateau.js";
import type { MultiTaskSettings } from "./settings.js";

/** A run's trainer, and its length. */
export interface MultiTaskSession {
  readonly made: MadeTasks;
  readonly trainer: MultiTaskTrainer<Tree>;
  /** Steps to do, as far as that is known. */
  length(): number;
  dispose(): Promise<void>;
}

export async function sessionOf(
  settings: MultiTaskSettings,
  seed: number,
  evaluations: readonly Evaluation[] = [],
): Promise<MultiTaskSession> {
  const { problem: named, alone = false, cost: config, epochs, steps, representation, ...rest } = settings;
  const { batchSize, dtype, clipNorm, headGradient, strategy, recordGradients } = rest;
  const whole = await makeTasks(named, { seed, fold: rest.testFold });
  const made = alone ? { ...whole.alone(), table: whole.table } : whole;
  const method = makeMethod(rest.method);
  const given = makeOptimizer(rest.optimizer);
  const hook = config && makeCost(config, { seed, optimizer: given });
  let end = steps ?? Infinity;
  const run: PlateauRun = {
    protocol: rest.protocol,
    evaluations,
    isRun: ({ epochs: rows }) => rows === trainer?.history.epochs,
  };
  const own =
    alone && rest.plateau
      ? networkRates(given, rest.learningRate, { config: rest.plateau, ...run })
      : undefined;
  const optimizer = own?.optimizer ?? given;
  const rate =
    rest.plateau && !own
      ? plateauRate(rest.learningRate, rest.plateau, run)
      : makeLearningRate(rest.learningRate);
  let trainer: MultiTaskTrainer<Tree> | undefined;
  trainer = await createMultiTaskTrainer<Tree>({
    batchSize,
    dtype,
    ...computedBy(rest),
    clipNorm,
    headGradient,
    strategy,
    recordGradients,
    losses: made.losses,
    params: made.params,
    tasks: made.tasks,
    metrics: made.metrics,
    state: made.state,
    outputs: made.outputs,
    data: made.train,
    representation: representation || method.headAlignment ? made.representation : undefined,
    method,
    optimizer,
    learningRate: rate,
    seed,
    ...(hook
      ? {
          beforeStep: (context) =>
            clocked(hook.beforeStep, {
              idle: config.control === "sameCompute",
              end,
              hasGramian: method.needs !== "losses" || recordGradients === true,
              isPlanar: made.plane !== undefined,
            })(context),
        }
      : own && { beforeStep: own.beforeStep }),
  });
  if (steps === undefined) end = Math.round((epochs as number) * trainer.stepsPerEpoch);
  return {
    made,
    trainer,
    length() {
      if (config?.control !== "sameCompute" || trainer.current.step < end) return end;
      const spent = secondsOf(trainer.current.memory);
      const ordinary = (trainer.history.seconds[end - 1] - spent) / end;
      return end + Math.round(spent / Math.max(ordinary, 1e-9));
    },
    async dispose() {
      await trainer.dispose();
      await hook?.dispose();
    },
  };
}

/** Classes of columns of a table that no held-out row is predicted to have. */
async function unpredictedBy(
  trainer: MultiTaskTrainer<Tree>,
  { table, ...made }: MadeTasks,
): Promise<Record<string, number>> {
  const part = made.test ? "test" : "validation";
  const heldOut = made[part];
  const tasks = table?.tasks?.filter(({ name, classes }) => classes && made.tasks.includes(name)) ?? [];
  if (heldOut === undefined || tasks.length === 0) return {};
  const metrics = Object.fromEntries(tasks.map(({ name }) => [name, { counts: confusion() }]));
  const measured = (await trainer.evaluate(heldOut, { metrics })).tasks;
  return Object.assign(
    {},
    ...tasks.map(({ name, classes }) =>
      unpredicted(`unpredicted.${part}.${name}`, measured[name].counts, classes),
    ),
  );
}

export async function multiTaskRun(settings: MultiTaskSettings, context: JobContext): Promise<Measured> {
  const { seed, directory, before } = context;
  const records = before?.metrics ?? [];
  const evaluations = records.filter(
    (r) => "validation.loss" in r || "test.loss" in r,
  ) as unknown as Evaluation[];
  const session = await sessionOf(settings, seed, evaluations);
  const { made, trainer } = session;
  try {
    if (made.table) await directory?.writeData(formOf(made.table));
    if (before) resume(trainer, decodeMultiTaskCheckpoint(before.checkpoint));
    const { evaluateEvery = 1, recordEvery = 1, best } = settings;
    const { validation, measures: metrics, plane } = made;
    const watched = watchedBy(settings, { validation, metrics });
    const measure = () =>
      evaluated(trainer, {
        made,
        since: evaluations.at(-1)?.step ?? 0,
        batchSize: settings.batchSize,
      });
    const isEvaluated = (validation ?? made.test) !== undefined;
    const points = pointsIn(records);
    const writer = multiTaskWriter(trainer, { recordEvery, directory });
    const status = await trainingLoop(
      {
        trainer,
        run: (options) => trainer.run({ ...options, ...watched }),
        ...(best ? { onEnd: () => trainer.run({ ...watched, steps: 0, best }) } : {}),
        length: session.length,
        isThere: () => isAtFront(made, trainer.current.params),
        evaluateEvery:
          isEvaluated && trainer.stepsPerEpoch < Infinity
            ? Math.max(1, Math.round(evaluateEvery * trainer.stepsPerEpoch))
            : Infinity,
        evaluations,
        ...(isEvaluated ? { evaluate: measure } : {}),
        ...(plane
          ? {
              stopEvery: recordEvery,
              onStop() {
                const { step, params } = trainer.current;
                if (step % recordEvery === 0 && points.length === step / recordEvery) {
                  points.push(numbersOf(params));
                }
              },
            }
          : {}),
        append: () => writer.append(points),
        encodeCheckpoint: () => encodeMultiTaskCheckpoint(trainer),
        progressOf: (last) => {
          const { losses, events, directionNorms } = trainer.history;
          return {
            loss: mean(losses.map((list) => mean(list.slice(-last)))),
            gradNormSq: (directionNorms.at(-1) ?? Number.NaN) ** 2,
            teleports: events.filter(({ event }) => (event as CostEvent).outcome === "accepted").length,
          };
        },
      },
      context,
    );
    const reports = trainer.history.events.map(({ event }) => event as CostEvent);
    const recorded = writer.columns();
    /** The epoch with which the run ends. */
    const ended = best && status === "completed" ? trainer.current.best : undefined;
    return {
      status,
      steps: trainer.current.step,
      wallSeconds: trainer.history.seconds.at(-1) ?? 0,
      ...recorded,
      teleports: reports.map((report) => teleportOf(report, made.tasks)),
      evaluations,
      metrics: {
        ...metricsOf(trainer, {
          made,
          evaluations,
          ...(ended ? { restored: await measure() } : {}),
          cost: settings.cost,
          protocol: settings.protocol,
          alone: settings.alone,
          points,
          recordEvery,
        }),
        ...(ended ? { "best.epoch": ended.epoch } : {}),
        ...(status === "completed" ? await unpredictedBy(trainer, made) : {}),
      },
      ...(plane
        ? { trajectory: points, jumps: jumpsOf(reports), end: numbersOf(trainer.current.params) }
        : {}),
    };
  } finally {
    await session.dispose();
  }
}

function multiTaskWriter(
  trainer: MultiTaskTrainer<Tree>,
  { recordEvery, directory }: { readonly recordEvery: number; readonly directory: RunDirectory | undefined },
) {
  let written = trainer.current.step;
  let events = trainer.history.events.length;

  const recordsFrom = (first: number): number[] => {
    const steps: number[] = [];
    const start = Math.ceil(first / recordEvery) * recordEvery;
    for (let step = start; step < trainer.current.step; step += recordEvery) steps.push(step);
    return steps;
  };
  return {
    /** Writes what is new; points of a plane beside the steps that they were at. */
    append(points: readonly (readonly number[])[]) {
      const { history } = trainer;
      const fresh = recordsFrom(written).map((step) => ({
        ...stepRecord(history, step),
        ...(points[step / recordEvery] ? { params: [...points[step / recordEvery]] } : {}),
      }));
      directory?.appendMetrics(fresh);
      directory?.appendTeleports(
        history.events.slice(events).map(({ event }) => costRecord(event as CostEvent, history.tasks)),
      );
      written = trainer.current.step;
      events = history.events.length;
    },
    /** The recorded steps: mean losses, squared norms of the directions, seconds. */
    columns() {
      const steps = recordsFrom(0);
      const records = steps.map((step) => stepRecord(trainer.history, step));
      const column = (name: string) => records.map((record) => record[name] as number);
      return { loss: column("loss"), gradNormSq: column("gradNormSq"), seconds: column("seconds") };
    },
  };
}
