import {
  createTrainer,
  decodeCheckpoint,
  encodeCheckpoint,
  NumericalError,
  OptionError,
  resume,
  type Trainer,
} from "isoloss";
import { z } from "zod";
import type { RunDirectory } from "../../run/directory.js";
import { asImages, type Datasets, dataSchema, loadData } from "../catalogue/datasets.js";
import { makeModel, modelSchema } from "../catalogue/models.js";
import { count, fromZero, type Named, positive } from "../catalogue/named.js";
import {
  learningRateSchema,
  makeLearningRate,
  makeOptimiser,
  optimiserSchema,
} from "../catalogue/optimisers.js";
import type { Tree } from "../catalogue/problems.js";
import type { Ground } from "../catalogue/symmetries.js";
import { makeTeleportPlan, type TeleportConfig, teleportSchema } from "../catalogue/teleport.js";
import type { JobContext, Kind, Measured, Settings } from "../kind.js";
import { type CheckpointClock, checkpointClock } from "../records/checkpoint-clock.js";
import { teleportRecord } from "../records/teleport-record.js";

interface TrainSettings {
  readonly data: Named;
  readonly model: Named;
  readonly optimizer: Named;
  readonly learningRate: number | Named;
  readonly batchSize: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly evaluateEvery?: number;
  readonly dtype?: "float32" | "float64";
  readonly runtime?: "auto" | "javascript" | "onnx";
  readonly clipNorm?: number;
  readonly teleport?: TeleportConfig | null;
}

/** Training of a classifier on mini-batches. */
export const trainKind: Kind = {
  summary: "a classifier on mini-batches of a data set",
  stoppable: true,
  settings: {
    data: dataSchema,
    model: modelSchema,
    optimizer: optimiserSchema,
    learningRate: learningRateSchema,
    batchSize: count,
    epochs: positive.optional(),
    steps: fromZero.optional(),
    evaluateEvery: positive.optional(),
    dtype: z.enum(["float32", "float64"]).optional(),
    runtime: z.enum(["auto", "javascript", "onnx"]).meta({ title: "runtime" }).optional(),
    clipNorm: positive.optional(),
    teleport: teleportSchema.nullable().optional(),
  },
  run: (settings, context) => run(settings as unknown as TrainSettings, context),
};

/** The trainer of a run with its data, and how many steps it is to take. */
export async function trainerOf(settings: Settings, seed: number) {
  const { data: named, epochs, steps: given, teleport, ...rest } = settings as unknown as TrainSettings;
  const { dtype = "float32", runtime, clipNorm, batchSize } = rest;
  if ((epochs === undefined) === (given === undefined)) {
    throw new OptionError("A run of kind train needs either epochs or steps.");
  }
  const raw = await loadData(named);
  const { model, takesImages, activation } = makeModel(rest.model, raw.image);
  const data = takesImages ? asImages(raw) : raw;
  const stepsPerEpoch = Math.floor(data.train.inputs.shape[0] / batchSize);
  const steps = given ?? Math.round((epochs as number) * stepsPerEpoch);
  const ground: Ground = {
    seed,
    optimizer: makeOptimiser(rest.optimizer),
    learningRate: makeLearningRate(rest.learningRate, steps),
    ...(activation ? { activation } : {}),
  };
  const trainer = await createTrainer<Tree, Tree>({
    model,
    data: data.train,
    optimizer: ground.optimizer,
    learningRate: ground.learningRate,
    batchSize,
    seed,
    dtype,
    gradNorm: true,
    ...(runtime === undefined ? {} : { runtime }),
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...(teleport ? { teleport: makeTeleportPlan(teleport, ground) } : {}),
  });
  return { trainer, data, steps, ground, model };
}

async function run(settings: TrainSettings, context: JobContext): Promise<Measured> {
  const { seed, directory, before, progress } = context;
  const { trainer, data, steps } = await trainerOf(settings as unknown as Settings, seed);
  try {
    if (before) resume(trainer, decodeCheckpoint(before.checkpoint));
    const every = Math.max(1, Math.round((settings.evaluateEvery ?? 1) * trainer.stepsPerEpoch));
    const evaluations = (before?.metrics ?? []).filter(
      (r) => "validation.loss" in r,
    ) as unknown as Evaluation[];
    const writer = new Writer(trainer, context);
    const report = Math.min(200, Math.max(10, Math.ceil(steps / 100)));
    let status: Measured["status"] = "completed";
    while (trainer.current.step < steps) {
      const { step } = trainer.current;
      if (context.shouldStop()) {
        status = "interrupted";
        break;
      }
      const chunk = Math.min(report, steps - step, every - (step % every), writer.stepsToCheckpoint());
      const begin = performance.now();
      try {
        await trainer.run({ steps: chunk, reportEvery: chunk });
      } catch (error) {
        if (!(error instanceof NumericalError)) throw error;
        status = "diverged";
        break;
      }
      const at = trainer.current.step;
      const { history } = trainer;
      writer.append();
      if (at % every === 0 && at < steps && data.validation)
        evaluations.push(await evaluated(trainer, data, directory));
      await writer.checkpointIfDue();
      progress({
        step: at,
        steps,
        loss: history.loss.slice(-chunk).reduce((a, b) => a + b, 0) / chunk,
        gradNormSq: history.gradNormSq.at(-1) ?? Number.NaN,
        teleports: history.teleports.filter(({ accepted }) => accepted).length,
        stepsPerSecond: (1000 * chunk) / (performance.now() - begin),
      });
    }
    // What was appended after the last evaluation of a run that had ended is not evaluated twice.
    const isEnd = status === "completed" && evaluations.at(-1)?.step !== trainer.current.step;
    if (isEnd && data.validation) evaluations.push(await evaluated(trainer, data, directory));
    await writer.checkpoint();
    return {
      ...measuredBy(trainer),
      status,
      evaluations,
      metrics: await metricsOf(trainer, data, status, evaluations),
    };
  } finally {
    await trainer.dispose();
  }
}

type Evaluation = NonNullable<Measured["evaluations"]>[number];

/** Figures on the validation data, written as a record. */
async function evaluated(
  trainer: Trainer<Tree, Tree>,
  { validation }: Datasets,
  directory: RunDirectory | undefined,
): Promise<Evaluation> {
  const { loss, accuracy } = await trainer.evaluate(validation as NonNullable<typeof validation>);
  const record: Evaluation = {
    step: trainer.current.step,
    seconds: trainer.history.seconds.at(-1) ?? 0,
    "validation.loss": loss,
    ...(accuracy === undefined ? {} : { "validation.accuracy": accuracy }),
  };
  directory?.appendMetrics(record);
  return record;
}

function measuredBy({ current, history }: Trainer<Tree, Tree>) {
  return {
    steps: current.step,
    wallSeconds: history.seconds.at(-1) ?? 0,
    loss: [...history.loss],
    gradNormSq: [...history.gradNormSq],
    seconds: [...history.seconds],
    teleports: [...history.teleports],
  };
}

async function metricsOf(
  trainer: Trainer<Tree, Tree>,
  data: Datasets,
  status: Measured["status"],
  evaluations: readonly Evaluation[],
): Promise<Record<string, number>> {
  const { teleports, seconds } = trainer.history;
  const spent = teleports.reduce((a, t) => a + t.seconds, 0);
  const metrics: Record<string, number> = {
    "teleports.accepted": teleports.filter(({ accepted }) => accepted).length,
    "teleports.seconds": spent,
    "teleports.share": spent / Math.max(seconds.at(-1) ?? 0, 1e-9),
  };
  const last = evaluations.at(-1);
  if (last) {
    for (const [name, value] of Object.entries(last))
      if (name.startsWith("validation.")) metrics[name] = value;
    metrics["validation.leastLoss"] = Math.min(...evaluations.map((e) => e["validation.loss"]));
  }
  if (status !== "completed") return metrics;
  for (const [name, set] of Object.entries({ train: data.train, test: data.test })) {
    if (set === undefined) continue;
    const { loss, accuracy } = await trainer.evaluate(set);
    metrics[`${name}.loss`] = loss;
    if (accuracy !== undefined) metrics[`${name}.accuracy`] = accuracy;
  }
  return metrics;
}

/** Writes what a trainer has gone through into the run's directory. */
class Writer {
  readonly #trainer: Trainer<Tree, Tree>;
  readonly #directory: RunDirectory | undefined;
  readonly #clock: CheckpointClock;
  #written: number;
  #teleports: number;

  constructor(trainer: Trainer<Tree, Tree>, context: JobContext) {
    this.#trainer = trainer;
    this.#directory = context.directory;
    this.#clock = checkpointClock(context, trainer.current.step);
    this.#written = trainer.current.step;
    this.#teleports = trainer.history.teleports.length;
  }

  stepsToCheckpoint(): number {
    return this.#clock.stepsLeft(this.#trainer.current.step);
  }

  append(): void {
    const { loss, gradNormSq, seconds, teleports } = this.#trainer.history;
    const fresh = loss.slice(this.#written).map((value, i) => {
      const step = this.#written + i;
      return { step, loss: value, gradNormSq: gradNormSq[step], seconds: seconds[step] };
    });
    this.#directory?.appendMetrics(...fresh);
    this.#directory?.appendTeleports(...teleports.slice(this.#teleports).map(teleportRecord));
    this.#written = loss.length;
    this.#teleports = teleports.length;
  }

  async checkpointIfDue(): Promise<void> {
    if (this.#clock.isDue(this.#trainer.current.step)) await this.checkpoint();
  }

  async checkpoint(): Promise<void> {
    const { current, history } = this.#trainer;
    this.#clock.saved(current.step);
    await this.#directory?.saveCheckpoint(current.step, encodeCheckpoint(current, history));
  }
}
