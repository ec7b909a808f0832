import { torchGenerator } from "isoloss";
import type { Network } from "../../catalogue/changes/network.js";
import type { Named } from "../../catalogue/named.js";
import type { Settings } from "../../kind.js";
import { type LearningTask, type TrainSettings, trainerFor } from "../train/trainer.js";

/** A first training, of the same model on the data as they are. */
export interface PretrainSettings extends Pick<TrainSettings, "optimizer" | "learningRate"> {
  readonly epochs: number;
  /** Default that of the run. */
  readonly batchSize?: number;
}

/** What decides how a network comes out of its first training. */
export interface FirstSettings extends Pick<TrainSettings, "batchSize" | "dtype" | "runtime"> {
  readonly data: Named;
  readonly model: Named;
  readonly pretrain?: PretrainSettings | null;
}

type Start = Pick<Network, "params" | "state">;

/** Networks that were trained in this thread: the runs of all variants and rates with a seed begin at the same one. */
const done = new Map<string, Promise<Start>>();
const mostKept = 100;

/** The network that a run begins with, after its first training if it has one. */
export async function pretrained(
  task: LearningTask,
  settings: FirstSettings,
  seed: number,
): Promise<Network> {
  const { data, model, dtype, runtime, batchSize, pretrain } = settings;
  const key = JSON.stringify([data, model, dtype, runtime, batchSize, pretrain, seed]);
  const start = done.get(key) ?? startOf(task, settings, seed);
  if (done.size >= mostKept && !done.has(key)) done.clear();
  done.set(key, start);
  return { model: task.model, ...(await start) };
}

async function startOf(
  task: LearningTask,
  { dtype = "float32", runtime, batchSize, pretrain }: FirstSettings,
  seed: number,
): Promise<Start> {
  if (!pretrain) return task.model.init(torchGenerator(seed), { dtype });
  const settings: Settings = { batchSize, ...pretrain, dtype, ...(runtime === undefined ? {} : { runtime }) };
  const { trainer, steps } = await trainerFor(task, settings, seed);
  try {
    await trainer.run({ steps });
    const { params, state } = trainer.current;
    return { params, state };
  } finally {
    await trainer.dispose();
  }
}
