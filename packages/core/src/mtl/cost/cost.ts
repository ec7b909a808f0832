// COST: Z. Zhou et al., "Continual optimization with symmetry teleportation for multi-task learning", NeurIPS 2025,
// arXiv 2503.04046, algorithm 1, with a trust region and a guard.
import { balanceWeights, isTriggered } from "../conflict.js";
import type { BeforeStep, StepChange, StepContext } from "../train/step-hook.js";
import { attemptTeleport } from "./attempt.js";
import { rejected } from "./landing.js";
import { costMachines } from "./machine.js";
import type { CostReport } from "./report.js";
import type { ScheduleMemory } from "./schedule.js";
import { type CostOptions, resolveCost } from "./settings.js";
import { partsOf, type SharedParams } from "./shared-losses.js";

/** The memory of the hook, as plain data. */
interface CostMemory extends ScheduleMemory {
  /** The learning rate of the steps from now on; left out: the run's. */
  readonly rate?: number | undefined;
}

/** Teleports around a multi-task method: a hook of the trainer. */
export interface Cost<P> {
  /**
   * The trainer's option `beforeStep`. Its events are {@link CostReport}s; its memory is plain data. A
   * rejected attempt returns neither parameters nor a state, so the step is the same as without it.
   */
  readonly beforeStep: BeforeStep<P>;
  dispose(): Promise<void>;
}

/**
 * COST around any multi-task method: where the tasks' gradients conflict, it moves the shared parameters theta to
 * theta + D with nearly the same losses and a larger L_g,
 *
 * min over D of weight L_t - gamma L_g,  L_t = mean_k |L_k(theta + D) - L_k*|
 *
 * L_g is the cosine of the tasks' gradients or their balanced sharpness; D is low-rank, inside a trust
 * region, and merged into theta, so the model's structure does not change. Parameters that the optimizer holds still
 * have no part in L_g, and are not in D. Moves that change the loss of any task by more than the guard allows are
 * halved, then given up. The method's step continues from the new point, on the same batch. While an attempt is due,
 * every step needs the Gramian: K more backward passes for methods that do not use it. `schedule` limits both:
 * `perEpoch` the attempts, `lookEvery` the steps that look.
 *
 * In our trials on small networks it removed conflicts but gave no better models than the same time spent on
 * ordinary steps, so compare with these.
 *
 * @param options see {@link CostOptions}; presets `default`, `paper` and `released`
 * @throws OptionError for unknown options and values out of range
 *
 * @example
 * const teleports = cost({ schedule: { start: { epoch: 1 }, perEpoch: 1 } });
 * const trainer = await createMultiTaskTrainer({ ...setup, method: fairGrad(), beforeStep: teleports.beforeStep });
 */
export function cost<P extends SharedParams>(options: CostOptions<P["shared"]> = {}): Cost<P> {
  const settings = resolveCost(options);
  const { schedule, trigger } = settings;
  const machines = costMachines<P, P["shared"]>(settings);

  const beforeStep: BeforeStep<P> = async (given) => {
    const memory: CostMemory = (given.memory as CostMemory | undefined) ?? schedule.start;
    const { rate } = memory;
    if (rate === undefined) return teleported(given, memory);
    const change = await teleported({ ...given, learningRate: rate }, memory);
    return { learningRate: rate, ...change };
  };

  async function teleported(context: StepContext<P>, memory: CostMemory): Promise<StepChange<P> | undefined> {
    if (!schedule.isDue(context, memory)) return undefined;
    const attempted: CostMemory = { ...memory, ...schedule.attempted(context, memory) };
    const failed = await unusable(context);
    if (failed !== undefined) {
      return { memory: attempted, event: refusal(context, failed) };
    }
    if (!isTriggered(await context.conflict(), trigger)) return undefined;
    const balance = balanceWeights(await context.gramian());
    // An attempt needs as much memory as a step: they take turns.
    await context.unload();
    const machine = await machines.for(context.setup, partsOf(context.params, context.state), context.batch);
    const change: StepChange<P> = await attemptTeleport(settings, machine, context, balance);
    const { learningRate: next = memory.rate } = change;
    return { ...change, memory: next === undefined ? attempted : { ...attempted, rate: next } };
  }

  /** Why conflicts cannot be determined, or undefined if they can. */
  async function unusable(context: StepContext<P>): Promise<string | undefined> {
    const losses = await context.losses();
    const bad = losses.findIndex((loss) => !Number.isFinite(loss));
    if (bad >= 0) return `the loss of task ${bad} is ${losses[bad]}`;
    const { data } = await context.gramian();
    return data.every(Number.isFinite) ? undefined : "a gradient is not finite";
  }

  const refusal = ({ step, epoch }: StepContext<P>, reason: string): CostReport => ({
    step,
    epoch,
    trigger,
    move: "none",
    ...rejected(reason),
    displacements: {},
    seconds: 0,
  });

  return { beforeStep, dispose: machines.dispose };
}
