import { type BatchLoss, decodeCheckpoint, resume, type Symmetry, takeRows } from "isoloss";
import { diagnose as diagnosisOf } from "isoloss/teleport";
import type { Tree } from "../../catalogue/problems.js";
import { makeSymmetry } from "../../catalogue/symmetries.js";
import type { DiagnosedPoint, Subject } from "../../kind.js";
import { evenly } from "../../records/points.js";
import { diagnosisReading } from "../diagnosis-reading.js";
import { trainerOf } from "./trainer.js";

/** The most examples of a batch on which a network is diagnosed. */
const most = 200;

/** Diagnoses a network at its start and at a checkpoint; or at steps of its run, which is then repeated. */
export async function networkPoints({
  settings,
  seed,
  checkpoint,
  points,
}: Subject): Promise<DiagnosedPoint[]> {
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

/** Diagnoses a network at its trainer's step, on the next batch. */
async function networkPoint({
  trainer,
  data,
  loss: lossOfRun,
  context,
  model,
}: Awaited<ReturnType<typeof trainerOf>>): Promise<DiagnosedPoint> {
  const { params, step, state } = trainer.current;
  const rows = trainer.batchOf(step).slice(0, most);
  const batch = { x: takeRows(data.train.inputs, rows), y: takeRows(data.train.labels, rows) };
  const rate = typeof context.learningRate === "function" ? context.learningRate(step) : context.learningRate;
  const loss: BatchLoss<Tree> = (p, b) =>
    lossOfRun(model.apply(p, b.x, { state: state as never }).output, b.y);
  const symmetry: Symmetry<Tree> | undefined =
    context.activation && makeSymmetry({ name: "positiveScaling" }, context)({ loss, params, batch });
  const diagnosis = await diagnosisOf<Tree>({
    loss,
    params,
    batch,
    learningRate: rate,
    ...(symmetry ? { symmetry } : {}),
  });
  const reading = diagnosisReading(diagnosis, {
    learningRate: rate,
    ...(symmetry ? { symmetry: "positive scaling" } : {}),
  });
  return {
    at: `at step ${step}, on a batch of ${rows.length}`,
    step,
    diagnosis: { ...diagnosis, reading },
  };
}
