import {
  type Batch,
  type BatchTensors,
  createTeleporter,
  createTrainer,
  crossEntropy,
  type Dataset,
  digits,
  hiddenAction,
  type MlpParams,
  mlp,
  positiveScaling,
  type Symmetry,
  sgd,
  split,
  type TeleportReport,
  type Tensor,
  type TensorsOf,
  takeRows,
} from "isoloss";
import type { Curve } from "../figures/training-curves.js";
import type { Progress } from "../progress.js";

/** One run of the experiment, measured. */
export interface RunResult extends Curve {
  /** Over all training and all validation images, after the last step. */
  readonly trainLoss: number;
  readonly validation: { readonly loss: number; readonly accuracy?: number };
  /** Seconds of training and of teleporting, compilation not counted. */
  readonly wall: { readonly training: number; readonly teleports: number };
  readonly reports: readonly (TeleportReport & { readonly step: number })[];
}

export interface ExperimentOptions {
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly steps: number;
  readonly seed: number;
  readonly progress: Progress;
}

export interface Variant {
  readonly name: string;
  /** What moves the parameters; a plain run has none. */
  readonly symmetry?: (params: MlpParams) => Symmetry<MlpParams>;
}

const activation = { activation: "leakyRelu", slope: 0.1 } as const;
const model = mlp({ sizes: [64, 32, 32, 10], ...activation });
const batchSize = 32;
const learningRate = 0.1;
/** Steps before which the runs with teleports jump. */
const teleportAt = [10, 20, 30];

export const description =
  `network 64-32-32-10, batch ${batchSize}, SGD at rate ${learningRate}, ` +
  `teleports before steps ${teleportAt.join(", ")}`;

const loss = (params: TensorsOf<MlpParams>, { x, y }: BatchTensors): Tensor =>
  crossEntropy(model.apply(params, x).output, y);

export const variants: readonly Variant[] = [
  { name: "plain SGD" },
  { name: "positive scaling", symmetry: (params) => positiveScaling(params, activation) },
  { name: "hidden action (eq. 8)", symmetry: (params) => hiddenAction(params, activation) },
];

/** The embedded digits in two parts: four fifths to train on. */
export function splitDigits(seed: number): { train: Dataset; validation: Dataset } {
  const { images, labels } = digits();
  const [first, second] = split(images.shape[0], [0.8, 0.2], seed);
  const part = (rows: Int32Array): Dataset => ({
    inputs: takeRows(images, rows),
    labels: takeRows(labels, rows),
  });
  return { train: part(first), validation: part(second) };
}

/** Trains one variant. Runs of one seed differ in their teleports alone. */
export async function run(
  { name, symmetry }: Variant,
  { train, validation, steps, seed, progress }: ExperimentOptions,
): Promise<RunResult> {
  const trainer = await createTrainer({
    model,
    data: train,
    optimizer: sgd(),
    learningRate,
    batchSize,
    seed,
  });
  const batchAt = (step: number): Batch => {
    const rows = trainer.batchOf(step);
    return { x: takeRows(train.inputs, rows), y: takeRows(train.labels, rows) };
  };
  const teleporter =
    symmetry &&
    (await createTeleporter({
      symmetry: symmetry(trainer.current.params),
      loss,
      params: trainer.current.params,
      batch: batchAt(0),
      guard: { race: { learningRate } },
    }));
  const reports: (TeleportReport & { step: number })[] = [];
  const seconds: number[] = [];
  for (const until of [...teleportAt.filter((t) => t < steps), steps]) {
    const from = trainer.current.step;
    await trainer.run({
      steps: until - from,
      onProgress: ({ step, loss: value }) =>
        progress.update(`${name}: step ${step} of ${steps}, loss ${value.toFixed(4)}`),
    });
    const spent = reports.reduce((a, r) => a + r.seconds, 0);
    seconds.push(...trainer.history.seconds.slice(from).map((s) => s + spent));
    if (teleporter && until < steps) {
      // The guard looks at the next training batch: validation images judge the result and nothing else.
      const { params, report } = await teleporter.teleport(trainer.current.params, batchAt(until), {
        heldOut: batchAt(until + 1),
      });
      trainer.restore({ ...trainer.current, params });
      reports.push({ step: until, ...report });
    }
  }
  const result = {
    name,
    loss: [...trainer.history.loss],
    seconds,
    teleports: reports.filter((r) => r.accepted).map((r) => r.step),
    trainLoss: (await trainer.evaluate(train)).loss,
    validation: await trainer.evaluate(validation),
    wall: {
      training: trainer.history.seconds.at(-1) ?? 0,
      teleports: reports.reduce((a, r) => a + r.seconds, 0),
    },
    reports,
  };
  await teleporter?.dispose();
  await trainer.dispose();
  progress.line(`${name}: ${steps} steps done, training loss ${result.trainLoss.toFixed(4)}`);
  return result;
}
