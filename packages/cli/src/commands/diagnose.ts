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
  OptionError,
  resume,
  type Symmetry,
  type TensorsOf,
  takeRows,
  unflattenTree,
} from "isoloss";
import { loadExperiment } from "../experiments/find.js";
import { groundOf } from "../experiments/minimize.js";
import type { Tree } from "../experiments/problems.js";
import { resolveExperiment, type Variant } from "../experiments/resolve.js";
import { loadStored, type StoredResult } from "../experiments/stored.js";
import { makeSymmetry } from "../experiments/symmetries.js";
import { trainerOf } from "../experiments/train.js";
import { readRunCheckpoint } from "../run/read.js";

export interface DiagnoseOptions {
  readonly set: readonly string[];
  readonly variant?: string;
  readonly seed?: number;
  readonly json: boolean;
}

/** The theory's figures at a place of a run. */
export interface DiagnosedPoint {
  readonly at: string;
  readonly step: number;
  readonly diagnosis: Diagnosis;
}

/** `isoloss diagnose`: what teleportation can do at the points of a run, or at an experiment's start. */
export async function diagnose(target: string, options: DiagnoseOptions): Promise<void> {
  const isDirectory = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const points = isDirectory ? await ofRun(target, options) : await ofExperiment(target, options);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ points })}\n`);
    return;
  }
  const blocks = points.map(
    ({ at, diagnosis: { reading } }) => `${at}\n${reading.map((line) => `  ${line}`).join("\n")}`,
  );
  process.stdout.write(`${blocks.join("\n\n")}\n`);
}

async function ofExperiment(
  target: string,
  { set, variant, seed }: DiagnoseOptions,
): Promise<DiagnosedPoint[]> {
  const experiment = await loadExperiment(target, set);
  const resolved = resolveExperiment(experiment, variant === undefined ? {} : { variants: [variant] });
  const [first] = resolved.variants;
  const at = seed ?? resolved.seeds[0];
  if (resolved.kind === "minimize") return functionPoints(first, at, [{ at: "at the start", step: 0 }]);
  return [await networkPoint(first, at, undefined)];
}

async function ofRun(path: string, { set, variant, seed }: DiagnoseOptions): Promise<DiagnosedPoint[]> {
  if (set.length > 0 || variant !== undefined || seed !== undefined) {
    throw new OptionError("A run is diagnosed as it went: leave out --set, --variant and --seed.");
  }
  const run = await loadStored(path);
  const settings: Variant = { name: run.variant, settings: run.settings };
  if (run.config.kind !== "minimize") {
    return [await networkPoint(settings, run.seed, (await readRunCheckpoint(path)).bytes)];
  }
  return functionPoints(settings, run.seed, placesOf(run));
}

interface Place {
  readonly at: string;
  readonly step: number;
  readonly params?: readonly number[];
  readonly moved?: readonly number[];
}

/** Start, teleports and end of a run of few parameters; the start of another. */
function placesOf({ trajectory, jumps, document }: StoredResult): Place[] {
  if (trajectory === undefined) return [{ at: "at the start", step: 0 }];
  return [
    { at: "at the start", step: 0, params: trajectory[0] },
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
  { settings }: Variant,
  seed: number,
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

/** A network where its run is, on the batch that comes next. */
async function networkPoint(
  { settings }: Variant,
  seed: number,
  checkpoint: Uint8Array | undefined,
): Promise<DiagnosedPoint> {
  const { trainer, data, ground, model } = await trainerOf({ ...settings, teleport: null }, seed);
  try {
    if (checkpoint !== undefined) {
      const { schedule: _, ...plain } = decodeCheckpoint(checkpoint);
      resume(trainer, plain);
    }
    const { params, step, state } = trainer.current;
    const rows = trainer.batchOf(step).slice(0, most);
    const batch = { x: takeRows(data.train.inputs, rows), y: takeRows(data.train.labels, rows) };
    const rate = typeof ground.learningRate === "function" ? ground.learningRate(step) : ground.learningRate;
    const loss: BatchLoss<TensorsOf<Tree>> = (p, b) =>
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
  } finally {
    await trainer.dispose();
  }
}
