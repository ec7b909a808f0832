import { decodeCheckpoint, jit, type NdArray, resume, type Trainer, torchGenerator } from "isoloss";
import { compiledAnew } from "isoloss/internal";
import { z } from "zod";
import { changeSchema, makeChange } from "../../catalogue/changes/changes.js";
import { type ChangeContext, firstExamples, type Network } from "../../catalogue/changes/network.js";
import { count, type Named, positive } from "../../catalogue/named.js";
import { learningRateSchema, optimizerSchema } from "../../catalogue/optimizers.js";
import type { Tree } from "../../catalogue/problems.js";
import { makeShift, shiftSchema } from "../../catalogue/shifts.js";
import type { JobContext, Kind, Measured, Settings } from "../../kind.js";
import { trainerForm } from "../../records/points.js";
import { trainPauseMetrics } from "../train/train.js";
import { trained } from "../train/trained.js";
import { type LearningTask, taskOf, trainerFor, trainSettings } from "../train/trainer.js";
import { type ComputeSettings, computedBy } from "../training-loop.js";
import { continueComparison } from "./comparison.js";

const continueSettings = {
  ...trainSettings,
  /** The first training, which no time of the run includes; none: the network is new. */
  pretrain: z
    .strictObject({
      optimizer: optimizerSchema,
      learningRate: learningRateSchema,
      epochs: positive,
      /** Default that of the run. */
      batchSize: count.optional(),
      /** What happens to the new network before it. */
      start: z.array(changeSchema).optional(),
    })
    .nullable()
    .optional(),
  /** What is different in the data from then on. */
  shift: shiftSchema.nullable().optional(),
  /** What happens to the network in between, in order. */
  start: z.array(changeSchema).optional(),
};

type ContinueSettings = z.output<z.ZodObject<typeof continueSettings>>;

/** A training that goes on after something happened to the network. */
export const continueKind: Kind = {
  summary: "a trained network is changed, perhaps moved, and its training goes on",
  stoppable: true,
  pauseMetrics: trainPauseMetrics,
  settings: continueSettings,
  comparison: continueComparison,
  stored: trainerForm,
  run: (settings, context) => run(settings as unknown as ContinueSettings, context),
};

async function run(settings: ContinueSettings, context: JobContext): Promise<Measured> {
  const { pretrain: _, shift, start = [], ...training } = settings;
  const { seed, before } = context;
  const task = await taskOf(settings);
  const first = await pretrained(task, settings, context);
  if (!first) return { status: "interrupted", steps: 0, wallSeconds: 0, loss: [], seconds: [], metrics: {} };
  const data = shift ? makeShift(shift)(task.data) : task.data;
  const { network, seconds, drift } = await changed(first, start, { seed, data });
  const made = await trainerWith({ ...task, data }, network, training as unknown as Settings, seed);
  const { trainer } = made;
  try {
    const atStart = await validationAt(trainer, data.validation);
    if (before) resume(trainer, decodeCheckpoint(before.checkpoint));
    const measured = await trained({ ...made, secondsBefore: seconds }, settings, context);
    return {
      ...measured,
      metrics: {
        ...measured.metrics,
        ...atStart,
        "move.seconds": seconds,
        ...(drift === undefined ? {} : { "move.drift": drift }),
      },
    };
  } finally {
    await trainer.dispose();
  }
}

/** A trainer that begins with a network. */
async function trainerWith(task: LearningTask, network: Network, settings: Settings, seed: number) {
  const made = await trainerFor({ ...task, ...network }, settings, seed);
  const { params, state } = network;
  made.trainer.restore({ step: 0, params, state, optimizer: made.context.optimizer.init(params) });
  return made;
}

/** Figures on the validation data before the first step. */
async function validationAt(
  trainer: Trainer<Tree, Tree>,
  validation: Parameters<typeof trainer.evaluate>[0] | undefined,
): Promise<Record<string, number>> {
  if (validation === undefined) return {};
  const { loss, accuracy } = await trainer.evaluate(validation);
  return { "start.loss": loss, ...(accuracy === undefined ? {} : { "start.accuracy": accuracy }) };
}

/** What decides how a network comes out of its first training. */
type FirstSettings = ComputeSettings &
  Pick<ContinueSettings, "data" | "testFold" | "model" | "loss" | "batchSize" | "dtype" | "pretrain">;

/** Networks that were trained in this thread: the runs of all variants and rates with a seed begin at the same one. */
const done = new Map<string, Network>();
const mostKept = 100;

/** The network that a run begins with, after its first training if it has one; undefined where the user stopped that. */
async function pretrained(
  task: LearningTask,
  settings: FirstSettings,
  { seed, shouldStop }: JobContext,
): Promise<Network | undefined> {
  const { data, testFold, model, loss, dtype, batchSize, pretrain } = settings;
  const computed = computedBy(settings);
  const key = JSON.stringify([data, testFold, model, loss, dtype, computed, batchSize, pretrain, seed]);
  const network = done.get(key) ?? (await trainedFirst(task, settings, { seed, shouldStop }));
  if (done.size >= mostKept && !done.has(key)) done.clear();
  if (network) done.set(key, network);
  return network;
}

async function trainedFirst(
  task: LearningTask,
  { dtype = "float32", batchSize, pretrain, ...rest }: FirstSettings,
  { seed, shouldStop }: Pick<JobContext, "seed" | "shouldStop">,
): Promise<Network | undefined> {
  const fresh = { model: task.model, ...task.model.init(torchGenerator(seed), { dtype }) };
  if (!pretrain) return fresh;
  const { start = [], ...given } = pretrain;
  const { network } = await changed(fresh, start, { seed, data: task.data });
  const settings: Settings = { batchSize, ...given, dtype, ...computedBy(rest) };
  const { trainer, steps } = await trainerWith(task, network, settings, seed);
  try {
    const stopping = new AbortController();
    const onProgress = () => {
      if (shouldStop()) stopping.abort();
    };
    const { status } = await trainer.run({ steps, onProgress, signal: stopping.signal });
    if (status === "interrupted") return undefined;
    return { ...network, params: trainer.current.params, state: trainer.current.state };
  } finally {
    await trainer.dispose();
  }
}

interface Changed {
  readonly network: Network;
  /** Of the moves. */
  readonly seconds: number;
  /** Largest change of an output by a move, relative to the largest output; undefined without moves. */
  readonly drift?: number;
}

/** Examples on which the drift of moves is measured. */
const watched = 100;

async function changed(
  network: Network,
  changes: readonly Named[],
  context: ChangeContext,
): Promise<Changed> {
  let now: Changed = { network, seconds: 0 };
  for (const named of changes) {
    const { isMove, apply } = makeChange(named);
    const begin = performance.now();
    const applied = async () => apply(now.network, context);
    // The time of a move has its compilation, in the first job of a thread as in later ones.
    const next = isMove ? await compiledAnew(applied) : await applied();
    const seconds = (performance.now() - begin) / 1000;
    now = isMove
      ? {
          network: next,
          seconds: now.seconds + seconds,
          drift: Math.max(now.drift ?? 0, await difference(now.network, next, context)),
        }
      : { ...now, network: next };
  }
  return now;
}

/** Largest difference of two networks' outputs, relative to the first one's largest output. */
async function difference(before: Network, after: Network, { data }: ChangeContext): Promise<number> {
  const { x } = firstExamples(data, watched);
  const [a, b] = [await outputs(before, x), await outputs(after, x)];
  let [largest, most] = [0, 0];
  a.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    most = Math.max(most, Math.abs(value - b[i]));
  });
  return most / largest;
}

async function outputs({ model, params, state }: Network, x: NdArray): Promise<number[]> {
  const f = await jit((at) => model.apply(at.params, at.x, { state: at.state as never }).output, {
    params,
    state,
    x,
  });
  try {
    const { data } = await f({ params, state, x });
    return Array.from(data as Float32Array, Number);
  } finally {
    await f.dispose();
  }
}
