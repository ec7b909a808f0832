import { mean, sumBy } from "es-toolkit";
import { type Dataset, dtypeOf, type Metrics as EpochMetrics, encodeCheckpoint, type Trainer } from "isoloss";
import { confusion, rmse } from "isoloss/metrics";
import { stepRecord } from "isoloss/node";
import type { RunDirectory } from "../../../run/directory.js";
import type { Tree } from "../../catalogue/problems.js";
import type { RunData } from "../../catalogue/run-data.js";
import type { Evaluation, JobContext, Measured } from "../../kind.js";
import { teleportRecord } from "../../records/points.js";
import { unpredicted } from "../predictions.js";
import { type EpochSettings, trainingLoop, watchedBy } from "../training-loop.js";

export interface Trainee {
  readonly trainer: Trainer<Tree, Tree>;
  readonly data: RunData;
  /** Of one target under the mean squared error: its unit in those of the labels. */
  readonly targetUnit?: number | undefined;
  readonly steps: number;
  /** Seconds of the run before its first step; default 0. */
  readonly secondsBefore?: number;
}

/** Trains to the end of a run from where its trainer is, and measures it. */
export async function trained(
  { trainer, data, targetUnit: scale, steps, secondsBefore = 0 }: Trainee,
  { evaluateEvery = 1, earlyStopping, best }: EpochSettings,
  context: JobContext,
): Promise<Measured> {
  const { directory, before } = context;
  const evaluations = (before?.metrics ?? []).filter(
    (r) => "validation.loss" in r,
  ) as unknown as Evaluation[];
  const { validation } = data;
  const recorder = {
    trainer,
    metrics: scale === undefined ? undefined : { rmse: rmse({ scale }) },
    directory,
    secondsBefore,
  };
  const watched = watchedBy({ earlyStopping, best }, { validation, metrics: recorder.metrics });
  const status = await trainingLoop(
    {
      trainer,
      run: (options) => trainer.run({ ...options, ...watched }),
      ...(best ? { onEnd: () => trainer.run({ ...watched, steps: 0, best }) } : {}),
      length: () => steps,
      evaluateEvery: Math.max(1, Math.round(evaluateEvery * trainer.stepsPerEpoch)),
      evaluations,
      ...(validation ? { evaluate: () => evaluated(recorder, validation) } : {}),
      append: appender(recorder),
      encodeCheckpoint: () => encodeCheckpoint(trainer),
      progressOf: (last) => ({
        loss: mean(trainer.history.loss.slice(-last)),
        gradNormSq: trainer.history.gradNormSq.at(-1) ?? Number.NaN,
        teleports: trainer.history.teleports.filter(({ accepted }) => accepted).length,
      }),
    },
    context,
  );
  return {
    ...measuredBy(recorder),
    status,
    evaluations,
    metrics: await metricsOf(recorder, data, status, evaluations),
  };
}

interface Recorder extends Pick<Trainee, "trainer"> {
  /** Of regressions. */
  readonly metrics: { readonly rmse: ReturnType<typeof rmse> } | undefined;
  readonly directory: RunDirectory | undefined;
  readonly secondsBefore: number;
}

/** Figures on the validation data: those of the trainer, where it has measured them at this step. */
async function evaluated(recorder: Recorder, validation: Dataset): Promise<Evaluation> {
  const { trainer } = recorder;
  const { step } = trainer.current;
  const row = trainer.history.epochs.at(-1);
  const measured =
    row?.step === step && row.validation
      ? figuresOf("validation", row.validation)
      : await figuresOn(recorder, "validation", validation);
  return { step, seconds: secondsNow(recorder), ...measured };
}

type Figures = Readonly<Record<`${string}.loss`, number>>;

/** Loss and accuracy on data; of one target the root mean squared error in its own unit. */
const figuresOn = async ({ trainer, metrics }: Recorder, part: string, data: Dataset): Promise<Figures> =>
  figuresOf(part, await trainer.evaluate(data, metrics && { metrics }));

const figuresOf = (part: string, measured: EpochMetrics): Figures =>
  Object.fromEntries(
    Object.entries(measured).flatMap(([name, value]) =>
      value === undefined ? [] : [[`${part}.${name}`, value]],
    ),
  );

const secondsNow = ({ trainer, secondsBefore }: Recorder): number =>
  secondsBefore + (trainer.history.seconds.at(-1) ?? 0);

function measuredBy(recorder: Recorder) {
  const { current, history } = recorder.trainer;
  return {
    steps: current.step,
    wallSeconds: secondsNow(recorder),
    loss: [...history.loss],
    gradNormSq: [...history.gradNormSq],
    seconds: history.seconds.map((seconds) => recorder.secondsBefore + seconds),
    teleports: [...history.teleports],
  };
}

async function metricsOf(
  recorder: Recorder,
  data: RunData,
  status: Measured["status"],
  evaluations: readonly Evaluation[],
): Promise<Record<string, number>> {
  const { current, history } = recorder.trainer;
  const { teleports } = history;
  const spent = sumBy(teleports, (t) => t.seconds);
  const metrics: Record<string, number> = {
    ...data.metrics,
    "teleports.accepted": teleports.filter(({ accepted }) => accepted).length,
    "teleports.seconds": spent,
    "teleports.fraction": spent / Math.max(secondsNow(recorder), 1e-9),
  };
  const last = evaluations.at(-1);
  if (last) {
    for (const [name, value] of Object.entries(last))
      if (name.startsWith("validation.")) metrics[name] = value;
    metrics["validation.leastLoss"] = evaluations.reduce(
      (least, e) => Math.min(least, e["validation.loss"]),
      Infinity,
    );
  }
  if (status !== "completed") return metrics;
  const best = history.epochs.find(({ epoch }) => epoch === current.best?.epoch);
  if (best?.validation)
    Object.assign(metrics, { "best.epoch": best.epoch }, figuresOf("validation", best.validation));
  for (const [name, set] of Object.entries({ train: data.train, test: data.test })) {
    if (set === undefined) continue;
    Object.assign(metrics, await figuresOn(recorder, name, set));
  }
  const part = data.test ? "test" : "validation";
  const heldOut = data[part];
  // Of data of the user's own, where a class may be rare.
  if (data.metrics && heldOut && "train.accuracy" in metrics && dtypeOf(heldOut.labels) === "int64") {
    const { counts } = await recorder.trainer.evaluate(heldOut, { metrics: { counts: confusion() } });
    Object.assign(metrics, unpredicted(`unpredicted.${part}`, counts, data.classes));
  }
  return metrics;
}

/** Appends the steps of a trainer since the last call to the run's records. */
function appender(recorder: Recorder): () => void {
  const { trainer, directory, secondsBefore } = recorder;
  let written = trainer.current.step;
  let writtenTeleports = trainer.history.teleports.length;
  return () => {
    const { loss, teleports } = trainer.history;
    const fresh = loss.slice(written).map((_, i) => {
      const { seconds = 0, ...record } = stepRecord(trainer.history, written + i);
      return { ...record, seconds: secondsBefore + seconds };
    });
    directory?.appendMetrics(fresh);
    directory?.appendTeleports(teleports.slice(writtenTeleports).map(teleportRecord));
    written = loss.length;
    writtenTeleports = teleports.length;
  };
}
