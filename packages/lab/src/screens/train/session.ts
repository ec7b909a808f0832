// Trainers side by side, in turns: from the same start, on the same batches.
import { createTrainer, NumericalError, type Trainer, type When } from "isoloss";
import type { MlpParams } from "isoloss/nn";
import { runningMean } from "isoloss-figures/base";
import { mostSteps } from "../../url/teleports.js";
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
import { spreadsOf } from "./spread.js";
import type { RunName, TrainState } from "./state.js";

/** Milliseconds of one turn: between two looks for messages. */
const turn = 12;
/** Points of a curve. */
const mostPoints = 1000;
const evaluations = 50;

/** Most steps, and milliseconds, before the first one, so that the engine compiles what is timed. */
const warming = { steps: 20, milliseconds: 50 };

/** A run of one or several seeds. */
export interface OneRun {
  readonly name: RunName;
  /** That of the first seed that has not diverged. */
  readonly trainer: Trainer<MlpParams, object>;
  readonly status: TrainRun["status"];
  /** The run so far. */
  shown(): TrainRun;
  /** On held-out data, of the same seed's network as it is now, unless its numbers are no longer finite. */
  look(): Promise<Evaluation | undefined>;
  /** All that it goes on with, as plain data. */
  stored(): StoredRun;
}

/** A run as it is kept. */
export interface StoredRun {
  readonly name: RunName;
  readonly seeds: readonly StoredSeed[];
}

interface StoredSeed extends Pick<TrainRun, "evaluations" | "status" | "note"> {
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
  const made: Going[] = [];
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
      const place = (run: Going) => (by === "steps" ? run.step : run.seconds);
      const [behind] = going().sort((a, b) => place(a) - place(b));
      await behind?.advance();
    },
    teleport() {
      for (const run of made) run.teleport();
    },
    async dispose() {
      for (const run of made) await run.dispose();
    },
  };
}

/** A run that is trained further. */
interface Going extends OneRun {
  /** Of the seed that is furthest behind. */
  readonly step: number;
  /** Of all seeds. */
  readonly seconds: number;
  /** One turn. */
  advance(): Promise<void>;
  teleport(): void;
  dispose(): Promise<void>;
}

interface Plan {
  readonly state: TrainState;
  readonly data: TrainData;
  /** Steps. */
  readonly last: number;
}

/** Starts the seeds of a run; in words why there is none. */
async function startRun(name: RunName, plan: Plan, stored?: StoredRun): Promise<Going | string> {
  const seeds: Exclude<Awaited<ReturnType<typeof startSeed>>, string>[] = [];
  for (let k = 0; k < plan.state.seeds; k++) {
    const state = { ...plan.state, seed: plan.state.seed + k };
    const started = await startSeed(name, { ...plan, state }, stored?.seeds[k]);
    if (typeof started === "string") return started;
    seeds.push(started);
  }
  const shown = () => seeds.find((seed) => seed.status !== "diverged") ?? seeds[0];
  const going = () => seeds.filter((seed) => seed.status === "running");
  const status = (): TrainRun["status"] => {
    if (going().length > 0) return "running";
    return seeds.every((seed) => seed.status === "diverged") ? "diverged" : "done";
  };
  return {
    name,
    get trainer() {
      return shown().trainer;
    },
    get status() {
      return status();
    },
    get step() {
      return Math.min(...going().map(({ trainer }) => trainer.current.step));
    },
    get seconds() {
      return seeds.reduce((sum, { seconds }) => sum + seconds, 0);
    },
    shown() {
      return {
        ...shown().shown(),
        status: status(),
        spreads: spreadsOf(seeds.map((seed) => seed.shown())),
      };
    },
    look: () => shown().look(),
    stored: () => ({ name, seeds: seeds.map((seed) => seed.stored()) }),
    teleport() {
      for (const seed of seeds) seed.teleport();
    },
    async advance() {
      const [behind] = going().sort((a, b) => a.trainer.current.step - b.trainer.current.step);
      await behind?.advance();
    },
    async dispose() {
      for (const { trainer } of seeds) await trainer.dispose();
    },
  };
}

/** Starts a run of one seed; in words why there is none. */
async function startSeed(name: RunName, { state, data, last }: Plan, stored?: StoredSeed) {
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
  let isWarm = false;
  /** Steps and a teleport that are taken back: the first ones take the time of the engine's compiler. */
  const warmUp = async () => {
    isWarm = true;
    const begin = trainer.current;
    const end = performance.now() + warming.milliseconds;
    const isAsked = added.has(begin.step);
    if (moves) added.add(begin.step);
    try {
      for (let k = 0; k < warming.steps && (k === 0 || performance.now() < end); k++) {
        await trainer.run({ steps: 1 });
      }
    } catch (error) {
      if (!(error instanceof NumericalError)) throw error;
    }
    if (!isAsked) added.delete(begin.step);
    trainer.restore(begin);
  };
  const shown = (): Omit<TrainRun, "spreads"> => {
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
    stored: (): StoredSeed => ({
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
      if (!isWarm) await warmUp();
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
