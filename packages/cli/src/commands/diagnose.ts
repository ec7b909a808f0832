import { statSync } from "node:fs";
import {
  type BatchLoss,
  crossEntropy,
  type Diagnosis,
  decodeCheckpoint,
  diagnose as diagnosisOf,
  flattenTree,
  isNdArray,
  type NdArray,
  namedArrays,
  OptionError,
  resume,
  type Symmetry,
  takeRows,
  unflattenTree,
} from "isoloss";
import { loadExperiment } from "../experiments/find.js";
import { groundOf } from "../experiments/minimize.js";
import type { Tree } from "../experiments/problems.js";
import { resolveExperiment, type Variant } from "../experiments/resolve.js";
import { loadStored, type StoredResult, storedWeights } from "../experiments/stored.js";
import { makeSymmetry } from "../experiments/symmetries.js";
import { trainerOf } from "../experiments/train.js";
import { readCheckpoint } from "../run/checkpoint-file.js";
import { type ConflictPoint, evenly, taskPoints } from "./diagnose-tasks.js";

export interface DiagnoseOptions {
  readonly set: readonly string[];
  readonly variant?: string;
  readonly seed?: number;
  /** Places along a run of a network or of several tasks, which is done again. */
  readonly points?: number;
  readonly json: boolean;
}

/** The theory's figures at a place of a run. */
export interface DiagnosedPoint {
  readonly at: string;
  readonly step: number;
  readonly diagnosis: Diagnosis;
}

/** What is looked at, and from where. */
interface Subject extends Variant {
  readonly kind: string;
  readonly seed: number;
  readonly run?: StoredResult;
  readonly checkpoint?: Uint8Array;
  readonly points?: number;
}

/** `isoloss diagnose`: what teleportation can do at the points of a run, or at an experiment's start. */
export async function diagnose(target: string, options: DiagnoseOptions): Promise<void> {
  const isDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const subject = isDirectory ? await ofRun(target, options) : await ofExperiment(target, options);
  const points = await pointsOf({
    ...subject,
    ...(options.points === undefined ? {} : { points: options.points }),
  });
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ points })}\n`);
    return;
  }
  const blocks = points.map((point) => {
    const { reading } = "diagnosis" in point ? point.diagnosis : point.conflict;
    return `${point.at}\n${reading.map((line) => `  ${line}`).join("\n")}`;
  });
  process.stdout.write(`${blocks.join("\n\n")}\n`);
}

async function pointsOf(subject: Subject): Promise<readonly (DiagnosedPoint | ConflictPoint)[]> {
  const { kind, settings, seed } = subject;
  switch (kind) {
    case "minimize":
      return functionPoints(subject, await placesOf(subject));
    case "train":
      return networkPoints(subject);
    case "multi-task":
      return taskPoints(settings, seed, subject);
    default:
      throw new OptionError(
        `An experiment of kind ${kind} has no run to look at: diagnose takes minimize, train and multi-task.`,
      );
  }
}

async function ofExperiment(target: string, { set, variant, seed }: DiagnoseOptions): Promise<Subject> {
  const experiment = await loadExperiment(target, set);
  const resolved = resolveExperiment(experiment, variant === undefined ? {} : { variants: [variant] });
  return { ...resolved.variants[0], kind: resolved.kind, seed: seed ?? resolved.seeds[0] };
}

async function ofRun(path: string, { set, variant, seed }: DiagnoseOptions): Promise<Subject> {
  if (set.length > 0 || variant !== undefined || seed !== undefined) {
    throw new OptionError("A run is diagnosed as it went: leave out --set, --variant and --seed.");
  }
  const run = await loadStored(path);
  const stored = await readCheckpoint(run.stored.path);
  return {
    name: run.variant,
    settings: run.settings,
    kind: run.config.kind,
    seed: run.seed,
    run,
    ...(stored ? { checkpoint: stored.bytes } : {}),
  };
}

interface Place {
  readonly at: string;
  readonly step: number;
  readonly params?: readonly number[];
  readonly moved?: readonly number[];
}

/** Start, teleports and end of a run of few parameters; start and end of another. */
async function placesOf({ run, settings, seed, points }: Subject): Promise<Place[]> {
  if (points !== undefined) {
    throw new OptionError("--points is for networks and several tasks: here all teleports are looked at.");
  }
  const start = { at: "at the start", step: 0 };
  if (run?.trajectory === undefined) {
    if (run === undefined) return [start];
    const { tensors, step } = await storedWeights(run);
    const { problem } = groundOf(settings, seed);
    const params = Object.keys(namedArrays({ params: problem.start })).flatMap((name) =>
      Array.from(tensors[name].data as Float64Array, Number),
    );
    return [start, { at: `at step ${step}`, step, params }];
  }
  const { trajectory, jumps, document } = run;
  return [
    { ...start, params: trajectory[0] },
    ...jumps.map(({ step, from, to }) => ({
      at: `at the teleport before step ${step}`,
      step,
      params: from,
      moved: to,
    })),
    { at: "at the end", step: document.steps, params: trajectory.at(-1) ?? [] },
  ];
}

async function functionPoints(
  { settings, seed }: Subject,
  places: readonly Place[],
): Promise<DiagnosedPoint[]> {
  const { problem, ground } = groundOf(settings, seed);
  const { leaves, def } = flattenTree<NdArray>(problem.start, isNdArray);
  const treeOf = (values: readonly number[]): Tree => {
    let from = 0;
    return unflattenTree(
      def,
      leaves.map(({ shape, data }) => {
        const part = values.slice(from, from + data.length);
        from += data.length;
        return { shape, data: Float64Array.from(part) };
      }),
    ) as Tree;
  };
  const points: DiagnosedPoint[] = [];
  for (const { at, step, params, moved } of places) {
    const { learningRate } = ground;
    const diagnosis = await diagnosisOf<Tree>({
      loss: problem.loss,
      params: params ? treeOf(params) : problem.start,
      batch: problem.batch,
      learningRate: typeof learningRate === "function" ? learningRate(step) : learningRate,
      symmetry: problem.symmetry(),
      quadratic: ground.quadratic !== undefined,
      ...(moved ? { moved: treeOf(moved) } : {}),
    });
    points.push({ at, step, diagnosis });
  }
  return points;
}

/** Examples of the batch on which a network is looked at. */
const most = 200;

/** A network at its start and where a checkpoint is; or at steps of its run, which is then done again. */
async function networkPoints({ settings, seed, checkpoint, points }: Subject): Promise<DiagnosedPoint[]> {
  const isAgain = points !== undefined;
  const made = await trainerOf(isAgain ? settings : { ...settings, teleport: null }, seed);
  const { trainer, steps } = made;
  try {
    const found: DiagnosedPoint[] = [];
    for (const step of isAgain ? evenly(steps, points) : [0]) {
      if (step > trainer.current.step) await trainer.run({ steps: step - trainer.current.step });
      found.push(await networkPoint(made));
    }
    if (isAgain || checkpoint === undefined) return found;
    resume(trainer, decodeCheckpoint(checkpoint), { allowChanges: ["teleport"] });
    return [...found, await networkPoint(made)];
  } finally {
    await trainer.dispose();
  }
}

/** A network where its trainer is, on the batch that comes next. */
async function networkPoint({
  trainer,
  data,
  ground,
  model,
}: Awaited<ReturnType<typeof trainerOf>>): Promise<DiagnosedPoint> {
  const { params, step, state } = trainer.current;
  const rows = trainer.batchOf(step).slice(0, most);
  const batch = { x: takeRows(data.train.inputs, rows), y: takeRows(data.train.labels, rows) };
  const rate = typeof ground.learningRate === "function" ? ground.learningRate(step) : ground.learningRate;
  const loss: BatchLoss<Tree> = (p, b) =>
    crossEntropy(model.apply(p, b.x, { state: state as never }).output, b.y);
  const symmetry: Symmetry<Tree> | undefined =
    ground.activation && makeSymmetry({ name: "positiveScaling" }, ground)({ loss, params, batch });
  const diagnosis = await diagnosisOf<Tree>({
    loss,
    params,
    batch,
    learningRate: rate,
    ...(symmetry ? { symmetry } : {}),
  });
  return { at: `at step ${step}, on a batch of ${rows.length}`, step, diagnosis };
}
