import { mkdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import {
  type Batch,
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
import { writeFileAtomic } from "isoloss/node";
import pc from "picocolors";
import { type Curve, trainingCurves } from "../figures/training-curves.js";

export interface DemoOptions {
  readonly steps: number;
  readonly seed: number;
  readonly out: string;
  readonly json: boolean;
}

interface RunResult extends Curve {
  readonly validation: { readonly loss: number; readonly accuracy?: number };
  readonly trainLoss: number;
  /** Seconds of training and of teleporting. */
  readonly wall: { readonly training: number; readonly teleports: number };
  readonly reports: readonly (TeleportReport & { readonly step: number })[];
}

const activation = { activation: "leakyRelu", slope: 0.1 } as const;
const model = mlp({ sizes: [64, 32, 32, 10], ...activation });
const batchSize = 32;
const learningRate = 0.1;
/** Steps before which the runs with teleports jump. */
const teleportAt = [10, 20, 30];

const loss = (params: TensorsOf<MlpParams>, x: Tensor, y: Tensor): Tensor =>
  crossEntropy(model.apply(params, x).output, y);

const variants: readonly {
  readonly name: string;
  readonly symmetry?: (params: MlpParams) => Symmetry<MlpParams>;
}[] = [
  { name: "plain SGD" },
  { name: "positive scaling", symmetry: (params) => positiveScaling(params, activation) },
  { name: "hidden action (eq. 8)", symmetry: (params) => hiddenAction(params, activation) },
];

/** `isoloss demo`: the same training run plain and with teleports, on the embedded digits. */
export async function demo({ steps, seed, out, json }: DemoOptions): Promise<void> {
  const say = (text: string) => json || process.stderr.write(text);
  const { train, validation } = splitDigits(seed);
  say(
    `Digits: ${train.inputs.shape[0]} training and ${validation.inputs.shape[0]} validation images; network 64-32-32-10, ` +
      `batch ${batchSize}, SGD at rate ${learningRate}, ${steps} steps, seed ${seed}.\n` +
      `Teleports before steps ${teleportAt.join(", ")}: along the loss level set to a larger gradient.\n\n`,
  );
  const results: RunResult[] = [];
  for (const { name, symmetry } of variants) {
    results.push(await run(name, symmetry, { train, validation, steps, seed, say }));
  }
  const file = join(resolve(out), "digits-teleport.svg");
  mkdirSync(resolve(out), { recursive: true });
  await writeFileAtomic(file, new TextEncoder().encode(trainingCurves(results)));
  if (json) {
    const runs = results.map(({ loss: history, seconds, ...rest }) => ({
      ...rest,
      history: { loss: history, seconds },
    }));
    process.stdout.write(`${JSON.stringify({ name: "demo", seed, steps, figure: file, runs })}\n`);
  } else {
    process.stdout.write(
      `${table(results)}\n\n${verdict(results)}\n\nFigure: ${relative(process.cwd(), file)}\n`,
    );
  }
}

function splitDigits(seed: number): { train: Dataset; validation: Dataset } {
  const { images, labels } = digits();
  const [first, second] = split(images.shape[0], [0.8, 0.2], seed);
  const part = (rows: Int32Array): Dataset => ({
    inputs: takeRows(images, rows),
    labels: takeRows(labels, rows),
  });
  return { train: part(first), validation: part(second) };
}

function batchOf({ inputs, labels }: Dataset, rows: Int32Array): Batch {
  return { x: takeRows(inputs, rows), y: takeRows(labels, rows) };
}

async function run(
  name: string,
  makeSymmetry: ((params: MlpParams) => Symmetry<MlpParams>) | undefined,
  options: {
    readonly train: Dataset;
    readonly validation: Dataset;
    readonly steps: number;
    readonly seed: number;
    readonly say: (text: string) => void;
  },
): Promise<RunResult> {
  const { train, validation, steps, seed, say } = options;
  const trainer = await createTrainer({
    model,
    data: train,
    optimizer: sgd(),
    learningRate,
    batchSize,
    seed,
  });
  const batchAt = (step: number): Batch => batchOf(train, trainer.batchOf(step));
  const teleporter =
    makeSymmetry &&
    (await createTeleporter({
      symmetry: makeSymmetry(trainer.current.params),
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
        say(`\r${name}: step ${step}/${steps}, loss ${value.toFixed(4)}   `),
    });
    const spent = reports.reduce((a, r) => a + r.seconds, 0);
    seconds.push(...trainer.history.seconds.slice(from).map((s) => s + spent));
    if (teleporter && until < steps) {
      const heldOut = batchOf(
        validation,
        Int32Array.from({ length: batchSize }, (_, i) => i),
      );
      const { params, report } = await teleporter.teleport(trainer.current.params, batchAt(until), {
        heldOut,
      });
      trainer.restore({ ...trainer.current, params });
      reports.push({ step: until, ...report });
    }
  }
  say(`\r${" ".repeat(72)}\r`);
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
  return result;
}

function table(results: readonly RunResult[]): string {
  const head = [
    "",
    "train loss",
    "val. loss",
    "val. acc.",
    "largest drift",
    "||g||^2 gain",
    "training",
    "teleports",
  ];
  const rows = results.map((r) => {
    const drift = Math.max(...r.reports.map((t) => t.drift));
    const gain = r.reports.map((t) => t.gradNormSqAfter / t.gradNormSqBefore);
    return [
      r.name,
      r.trainLoss.toFixed(4),
      r.validation.loss.toFixed(4),
      `${(100 * (r.validation.accuracy ?? Number.NaN)).toFixed(1)} %`,
      r.reports.length === 0 ? "-" : drift.toExponential(1),
      gain.length === 0 ? "-" : gain.map((g) => `x${g.toPrecision(2)}`).join(" "),
      `${(1000 * r.wall.training).toFixed(0)} ms`,
      r.reports.length === 0 ? "-" : `${(1000 * r.wall.teleports).toFixed(0)} ms`,
    ];
  });
  const widths = head.map((h, c) => Math.max(h.length, ...rows.map((row) => row[c].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join("  ");
  const refused = results.flatMap((r) =>
    r.reports.filter((t) => !t.accepted).map((t) => `${r.name}, step ${t.step}: not moved, ${t.reason}`),
  );
  return [pc.bold(line(head)), ...rows.map(line), ...refused.map(pc.yellow)].join("\n");
}

/** Steps and seconds at which each run's smoothed loss reaches the plain run's last value. */
function verdict([plain, ...others]: readonly RunResult[]): string {
  const window = 20;
  const meanUpTo = (losses: readonly number[], end: number) => {
    const part = losses.slice(Math.max(0, end - window), end);
    return part.reduce((a, b) => a + b, 0) / part.length;
  };
  const target = meanUpTo(plain.loss, plain.loss.length);
  const lines = others.map((r) => {
    const reached = r.loss.findIndex((_, i) => i >= window && meanUpTo(r.loss, i + 1) <= target);
    if (reached < 0)
      return `${r.name}: did not reach the plain run's final loss (${target.toFixed(4)}) in as many steps.`;
    const steps = ((reached + 1) / plain.loss.length).toFixed(2);
    const time = (r.seconds[reached] / plain.seconds[plain.seconds.length - 1]).toFixed(2);
    return `${r.name}: the plain run's final loss (${target.toFixed(4)}) in ${steps} of its steps and ${time} of its time.`;
  });
  return [
    ...lines,
    "One seed and one learning rate show how it works, not whether it pays: a larger gradient is also a larger",
    "effective learning rate, which plain SGD can have for nothing.",
  ].join("\n");
}
