import type { Batch } from "../../batch.js";
import { NumericalError } from "../../errors.js";
import type { Optimizer } from "../../optim/optimizer.js";
import { restartState } from "../../optim/restart-state.js";
import { stepSeed } from "../../train/batch-order.js";
import { conflictOf } from "../conflict.js";
import type { TaskUpdates } from "../gradients/task-updates.js";
import type { MultiTaskHistory, StepEvent, StepRecord } from "./history.js";
import type { Sources } from "./sources.js";
import type { BeforeStep, RunSetup, StepChange, StepContext } from "./step-hook.js";
import { type StepPlan, type StepPoint, stepPoint } from "./step-point.js";
import type { MultiTaskState } from "./train-state.js";

/** Advice for a run that leaves the finite numbers before a step is done. */
const advice = (step: number): string =>
  `The state is still that of step ${step}. Lower the learning rate, clip the gradient with clipNorm, or check the data.`;

/** @throws NumericalError unless the losses of a step are finite */
function requireFinite(
  losses: Float64Array,
  tasks: readonly string[],
  { step, rate }: { readonly step: number; readonly rate: number },
): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) {
    throw new NumericalError(
      `The loss of task "${tasks[bad]}" became ${losses[bad]} at step ${step}, with learning rate ${rate}. ${advice(step)}`,
    );
  }
}

/** What all steps of a run share. */
export interface StepParts<P> {
  readonly plan: StepPlan<P>;
  readonly setup: RunSetup<P>;
  readonly sources: Sources;
  readonly updates: TaskUpdates<P>;
  readonly optimizer: Optimizer;
  readonly beforeStep?: BeforeStep<P> | undefined;
}

/** A step's result, with what it adds to the history. */
export interface Stepped<P> {
  readonly next: MultiTaskState<P>;
  readonly record: StepRecord;
  /** Left out unless the hook reported something. */
  readonly event?: StepEvent | undefined;
}

/** The steps of a run: functions of the state before them. The order of things in a step is in step-hook.ts. */
export function multiTaskStep<P>(parts: StepParts<P>) {
  const { plan, setup, sources, updates, optimizer, beforeStep } = parts;
  const { gradients, method } = plan;
  const { stepsPerEpoch } = sources;

  const contextOf = (
    { step, params, state, optimizer: optimizerState, memory, method: methodState }: MultiTaskState<P>,
    point: StepPoint<P>,
    given: Pick<StepContext<P>, "epoch" | "learningRate" | "batch" | "history">,
  ): StepContext<P> => ({
    setup,
    stepsPerEpoch,
    step,
    params,
    state,
    memory,
    ...given,
    optimizer: optimizerState,
    losses: () => point.losses(),
    gramian: () => point.gramian(),
    conflict: async () => conflictOf(await point.gramian()),
    async direction() {
      const { kind, update } = await point.combined(methodState);
      return updates.direction(kind, update);
    },
    sample: (count, label = 0) => sources.sample(count, step, label),
    async unload() {
      await gradients.unload();
      await updates.unload();
    },
  });

  return async (
    current: MultiTaskState<P>,
    { rate, history }: { readonly rate: number; readonly history: MultiTaskHistory },
  ): Promise<Stepped<P>> => {
    const begin = performance.now();
    const { step } = current;
    const batches: Batch[] = [];
    for (let i = 0; i < (method.samplesPerStep ?? 1); i++) {
      batches.push(await sources.batchOf(step, i, current.seen));
    }
    const [batch] = batches;
    const seen = sources.seenAfter(step);
    const epoch = stepsPerEpoch === Infinity ? 0 : Math.floor(step / stepsPerEpoch);
    const pass = { seed: stepSeed(plan.seed, step), state: current.state };
    const place = { step, epoch, state: current.state, learningRate: rate, dropout: pass.seed, batches };
    let point = stepPoint(plan, current.params, place);
    const given = { epoch, learningRate: rate, batch, history };
    const change: StepChange<P> = (await beforeStep?.(contextOf(current, point, given))) ?? {};
    const hookSeconds = (performance.now() - begin) / 1000;
    if (change.params !== undefined) point = stepPoint(plan, change.params, place);
    requireFinite(await point.losses(), gradients.tasks, { step, rate });
    const { input, combination, kind, update, state } = await point.combined(current.method);
    const memoryBefore = change.optimizer ?? current.optimizer;
    const updated = await updates.apply(kind, update, {
      optimizer: change.params ? restartState(optimizer, memoryBefore, change.params) : memoryBefore,
      learningRate: rate,
      reuse: change.reuse,
    });
    if (!Number.isFinite(updated.norm)) {
      throw new NumericalError(
        `The shared gradient became ${updated.norm} at step ${step}, with learning rate ${rate}. ${advice(step)}`,
      );
    }
    let methodState = combination.state;
    if (method.afterStep) {
      const { losses: after } = await gradients.forward(updated.params, batch, pass);
      methodState = method.afterStep(after, input, methodState);
    }
    const epochLosses = current.epochLosses.map((sum, k) => sum + input.losses[k]);
    const endsEpoch = (step + 1) % stepsPerEpoch === 0;
    if (endsEpoch && method.endEpoch) {
      methodState = method.endEpoch(
        epochLosses.map((sum) => sum / stepsPerEpoch),
        methodState,
      );
    }
    return {
      next: {
        ...current,
        step: step + 1,
        params: updated.params,
        state,
        optimizer: updated.optimizer,
        method: methodState,
        epochLosses: endsEpoch ? epochLosses.fill(0) : epochLosses,
        ...(change.memory === undefined ? {} : { memory: change.memory }),
        ...(seen === undefined ? {} : { seen }),
      },
      record: {
        losses: input.losses,
        weights: combination.weights,
        gramian: input.gramian,
        directionNorm: updated.norm,
        seconds: (performance.now() - begin) / 1000,
        note: combination.note,
      },
      ...(change.event === undefined ? {} : { event: { step, seconds: hookSeconds, event: change.event } }),
    };
  };
}
