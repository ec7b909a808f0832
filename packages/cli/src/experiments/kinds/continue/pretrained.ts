import { torchGenerator } from "isoloss";
import type { Network } from "../../catalogue/changes/network.js";
import type { Named } from "../../catalogue/named.js";
import type { Settings } from "../../kind.js";
import { type LearningTask, type TrainSettings, trainerFor } from "../train/trainer.js";
import { changed } from "./start.js";

/** A first training, of the same model on the data as they are. */
export interface PretrainSettings extends Pick<TrainSettings, "optimizer" | "learningRate"> {
  readonly epochs: number;
  /** Default that of the run. */
  readonly batchSize?: number;
  /** What happens to the new network before it. */
  readonly start?: readonly Named[];
}

/** What decides how a network comes out of its first training. */
export interface FirstSettings
  extends Pick<TrainSettings, "data" | "testFold" | "model" | "loss" | "batchSize" | "dtype" | "runtime"> {
  readonly pretrain?: PretrainSettings | null;
}

/** Networks that were trained in this thread: the runs of all variants and rates with a seed begin at the same one. */
const done = new Map<string, Promise<Network>>();
const mostKept = 100;

/** The network that a run begins with, after its first training if it has one. */
export function pretrained(task: LearningTask, settings: FirstSettings, seed: number): Promise<Network> {
  const { data, testFold, model, loss, dtype, runtime, batchSize, pretrain } = settings;
  const key = JSON.stringify([data, testFold, model, loss, dtype, runtime, batchSize, pretrain, seed]);
  const network = done.get(key) ?? trainedFirst(task, settings, seed);
  if (done.size >= mostKept && !done.has(key)) done.clear();
  done.set(key, network);
  return network;
}

async function trainedFirst(
  task: LearningTask,
  { dtype = "float32", runtime, batchSize, pretrain }: FirstSettings,
  seed: number,
): Promise<Network> {
  const fresh = { model: task.model, ...task.model.init(torchGenerator(seed), { dtype }) };
  if (!pretrain) return fresh;
  const { start = [], ...given } = pretrain;
  const { network } = await changed(fresh, start, { seed, data: task.data });
  const settings: Settings = { batchSize, ...given, dtype, ...(runtime === undefined ? {} : { runtime }) };
  const { trainer, steps, context } = await trainerFor({ ...task, ...network }, settings, seed);
  try {
    const { params, state } = network;
    trainer.restore({ step: 0, params, state, optimizer: context.optimizer.init(params) });
    await trainer.run({ steps });
    return { ...network, params: trainer.current.params, state: trainer.current.state };
  } finally {
    await trainer.dispose();
  }
}
