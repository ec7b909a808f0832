// Trainers side by side, in turns: from the same start, on the same batches.
import { createTrainer, NumericalError, type Trainer, type When } from "isoloss";
import type { MlpParams } from "isoloss/nn";
import { runningMean } from "isoloss-figures/base";
import { columnsOf } from "../../worker/columns.js";
import {
  batchSizeOf,
  dataOf,
  modelOf,
  objectiveOf,
  optimizerOf,
  scheduleOf,
  searchOf,
  type TrainData,
  type TrainTask,
} from "./problem.js";
import type { Evaluation, Teleport, TrainRun } from "./run.js";
import { mostSteps, type RunName, type TrainState } from "./state.js";

/** Milliseconds of one turn: between two looks for messages. */
const turn = 12;
/** Points of a curve. */
const mostPoints = 1000;
const evaluations = 50;

export interface OneRun {
  readonly name: RunName;
  readonly trainer: Trainer<MlpParams, object>;
  readonly status: TrainRun["status"];
  /** The run so far. */
  shown(): TrainRun;
  /** On held-out data, of the network as it is now, unless its numbers are no longer finite. */
  look(): Promise<Evaluation | undefined>;
  /** All that it goes on with, as plain data. */
  stored(): StoredRun;
}

/** A run as it is kept. */
export interface StoredRun extends Pick<TrainRun, "name" | "evaluations" | "status" | "note"> {
  readonly current: Trainer<MlpParams, object>["current"];
  readonly history: Trainer<MlpParams, object>["history"];
  /** Steps before which a teleport was asked for. */
  readonly added: readonly number[];
}

export interface Session {
  readonly data: TrainData;
  readonly runs: readonly OneRun[];
  /** Why a run that was asked for is not there. */
  readonly missing: readonly { readonly name: RunName; readonly why: string }[];
  readonly isDone: boolean;
  /** One turn of the run that is behind, by steps or by seconds. */
  advance(by: TrainState["by"]): Promise<void>;
  /** Teleports before the next step of the runs that teleport. */
  teleport(): void;
  dispose(): Promise<void>;
}

/** Steps of a run: its epochs, within the limit. */
function stepsOf(state: TrainState, data: TrainData): number {
  const perEpoch = Math.floor(data.train.inputs.shape[0] / batchSizeOf(state, data));
  return Math.min(mostSteps, state.epochs * perEpoch);
}

/** @param stored runs of the same settings that go on */
export async function createSession(task: TrainTask, stored: readonly StoredRun[] = []): Promise<Session> {
  const data = dataOf(task);
  const { state } = task;
  const last = stepsOf(state, data);
  const made: (OneRun & { advance(): Promise<void>; readonly seconds: number; teleport(): void })[] = [];
  const missing: { readonly name: RunName; readonly why: string }[] = [];
  for (const name of state.with) {
    const started = await startRun(
      name,
      { state, data, last },
      stored.find((run) => run.name === name),
    );
    if (typeof started === "string") missing.push({ name, why: started });
    else made.push(started);
  }
  const going = () => made.filter(({ status }) => status === "running");
  return {
    data,
    runs: made,
    missing,
    get isDone() {
      return going().length === 0;
    },
    async advance(by) {
      const place = (run: (typeof made)[number]) => (by === "steps" ? run.trainer.current.step : run.seconds);
      const [behind] = going().sort((a, b) => place(a) - place(b));
      await behind?.advance();
    },
    teleport() {
      for (const run of made) run.teleport();
    },
    async dispose() {
      for (const { trainer } of made) await trainer.dispose();
    },
  };
}

/** Starts a run; in words why there is none. */
async function startRun(
  name: RunName,
  { state, data, last }: { readonly state: TrainState; readonly data: TrainData; readonly last: number },
  stored?: StoredRun,
) {
  const moves = name === "teleported" || name === "random";
  const search = moves ? searchOf(state, data, name === "random") : undefined;
  if (moves && search === undefined) {
    return state.sym === "levelSet"
      ? "A random move needs a group; the level set has none."
      : "This network has no such symmetry: choose another move.";
  }
  const added = new Set<number>(stored?.added);
  const rate = name === "rate" ? state.lr * Number(state.control) : state.lr;
  const trainer = (await createTrainer({
    model: modelOf(state, data),
    data: data.train,
    optimizer: optimizerOf(state),
    learningRate: rate,
    batchSize: batchSizeOf(state, data),
    seed: state.seed,
    gradNorm: true,
    runtime: "javascript",
    ...(search
      ? {
          teleport: {
            when: scheduleOf(state, added) as When,
            search,
            objective: objectiveOf(state),
            state: state.state,
          },
        }
      : {}),
  })) as Trainer<MlpParams, object>;
  if (stored) trainer.restore(stored.current, stored.history);
  const evaluated: Evaluation[] = [...(stored?.evaluations ?? [])];
  const unit = Math.max(1, Math.ceil(last / mostPoints));
  const evaluateEvery = Math.max(1, Math.ceil(last / evaluations));
  let { status, note } = stored ?? ({ status: "running", note: "" } as Pick<TrainRun, "status" | "note">);
  /** Steps a turn, from the time of the last one. */
  let pace = 1;
  let newest: Evaluation | undefined = evaluated.at(-1);
  const look = async (): Promise<Evaluation> => {
    const { step } = trainer.current;
    if (newest?.step === step) return newest;
    const { loss, accuracy = Number.NaN } = await trainer.evaluate(data.heldOut);
    newest = { step, seconds: trainer.history.seconds.at(-1) ?? 0, loss, accuracy };
    return newest;
  };
  const evaluate = async () => {
    evaluated.push(await look());
  };
  const shown = (): TrainRun => {
    const { loss, seconds, gradNormSq, teleports } = trainer.history;
    const window = Math.max(1, Math.round(last / 50));
    const kept = loss.map((_, k) => k).filter((k) => k % unit === 0 || k === loss.length - 1);
    const pick = (list: readonly number[]) => Float64Array.from(kept, (k) => list[k]);
    return {
      name,
      steps: trainer.current.step,
      last,
      step: Float64Array.from(kept),
      seconds: pick(seconds),
      loss: pick(loss),
      smoothLoss: pick(runningMean(loss, window)),
      smoothGradNormSq: pick(runningMean(gradNormSq, window)),
      evaluations: evaluated,
      heldOut: newest,
      teleports: columnsOf<Teleport>(
        teleports.map(({ heldOut, ratios, ...event }) => ({
          ...event,
          heldOutDrift: heldOut?.drift,
          lambdaRatio: ratios?.lambdaMax,
        })),
        {
          step: "number",
          accepted: "number",
          reason: "text",
          drift: "number",
          heldOutDrift: "number",
          gradNormSqBefore: "number",
          gradNormSqAfter: "number",
          lambdaRatio: "number",
          seconds: "number",
        },
      ),
      rate,
      status,
      note,
    };
  };
  return {
    name,
    trainer,
    get status() {
      return status;
    },
    get seconds() {
      return trainer.history.seconds.at(-1) ?? 0;
    },
    shown,
    look: async () => (status === "diverged" ? newest : look()),
    stored: () => ({
      name,
      evaluations: evaluated,
      status,
      note,
      current: trainer.current,
      history: trainer.history,
      added: [...added],
    }),
    teleport() {
      if (!moves || status !== "running") return;
      const { step, schedule } = trainer.current;
      added.add(schedule?.asked === step ? step + 1 : step);
    },
    async advance() {
      const { step } = trainer.current;
      if (step % evaluateEvery === 0 && evaluated.at(-1)?.step !== step) await evaluate();
      const steps = Math.min(pace, last - step, evaluateEvery - (step % evaluateEvery));
      const begin = performance.now();
      try {
        await trainer.run({ steps, reportEvery: steps });
      } catch (error) {
        if (!(error instanceof NumericalError)) throw error;
        status = "diverged";
        note = error.message;
        return;
      }
      // A turn with a teleport says nothing about steps.
      if (trainer.history.teleports.at(-1)?.step !== step) {
        const each = (performance.now() - begin) / steps;
        pace = Math.max(1, Math.min(1000, Math.round(turn / Math.max(each, 1e-4))));
      }
      if (trainer.current.step < last) return;
      await evaluate();
      status = "done";
    },
  };
}
