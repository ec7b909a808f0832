// Steps that a runtime runs in a loop, with the teleports before them: those of a trainer and of a minimization.
import type { FloatArray, NdArray } from "../array.js";
import type { Executable } from "../runtime/executable.js";
import type { StepData } from "./feed.js";
import { appendSteps, type History } from "./history.js";
import { meanOf, type Run } from "./run.js";
import { arraysOf, stateFrom, type TrainState } from "./state.js";
import type { LoopedTeleport, TeleportExamples, TeleportLoop } from "./teleport-loop.js";
import type { Teleports } from "./teleports.js";

/** Some steps that were run at once, before they are the run's. */
export interface Ran<P, S, D> {
  /** The first of them. */
  readonly first: number;
  readonly rates: Float64Array;
  readonly losses: FloatArray;
  /** The state after them. */
  readonly next: TrainState<P, S>;
  readonly data: D;
  readonly results: Readonly<Record<string, NdArray>>;
  readonly teleports: readonly LoopedTeleport<P>[];
}

/**
 * What all steps of a run share.
 *
 * @typeParam D data of some steps
 */
export interface StepLoop<P, S, D extends StepData> {
  readonly executable: Executable;
  /** Steps per epoch for schedules of teleports. */
  readonly stepsPerEpoch: number;
  /** Teleports within the loop; left out where the host teleports. */
  readonly inLoop?: TeleportLoop<P, D> | undefined;
  readonly teleports?: Teleports<P> | undefined;
  readonly examples: Pick<TeleportExamples<S, never, D>, "at">;
  readonly timed: "before" | "after";
  rateOf(step: number): number;
  /** Data of at least one and at most `most` steps. */
  feed(step: number, most: number, seen: TrainState<P, S>["seen"]): Promise<D>;
  /** The other inputs of steps from one on: their learning rates, under the name that the step has for them, and seeds. */
  inputsOf(first: number, rates: Float64Array): Readonly<Record<string, NdArray>>;
  /** Looks at steps before they are the run's; what it throws leaves the run as it was. */
  onSteps(ran: Ran<P, S, D>): void;
  /** Called after a teleport by the host. */
  onTeleport?(teleport: LoopedTeleport<P>): void;
}

/**
 * Runs at least one and at most `most` steps, up to the next teleport by the host, with the teleports due now; nothing changes
 * when they fail.
 */
export async function advance<P, S, D extends StepData>(
  run: Run<TrainState<P, S>, History>,
  loop: StepLoop<P, S, D>,
  most: number,
): Promise<{ readonly loss: number }> {
  const { current, history } = run;
  const teleported = history.teleports.length;
  try {
    let losses = loop.inLoop && !run.isHosted ? await stepTogether(run, loop, most) : undefined;
    if (losses === undefined) {
      const due = await teleportIfDue(run, loop);
      losses = (await stepTogether(run, loop, Math.min(most, due - current.step))) as FloatArray;
    }
    return { loss: meanOf(losses) };
  } catch (error) {
    // A teleport belongs to the steps after it.
    run.current = current;
    history.teleports.length = teleported;
    throw error;
  }
}

/** Runs some steps in one call of the runtime. Undefined where the host has to teleport. */
async function stepTogether<P, S, D extends StepData>(
  run: Run<TrainState<P, S>, History>,
  loop: StepLoop<P, S, D>,
  most: number,
): Promise<FloatArray | undefined> {
  const { current, history } = run;
  const { step: first, seen } = current;
  const inLoop = run.isHosted ? undefined : loop.inLoop;
  const whole = await loop.feed(first, Math.min(most, inLoop?.most ?? most), seen);
  const planned = inLoop && current.schedule && inLoop.plan(current.schedule, first, whole);
  if (inLoop && planned === undefined) return undefined;
  const { steps, schedule, now, inputs } = planned ?? { steps: whole.steps, schedule: current.schedule };
  const data = steps < whole.steps ? await loop.feed(first, steps, seen) : whole;
  const rates = new Float64Array(steps).map((_, t) => loop.rateOf(first + t));
  const begin = performance.now();
  const program = now && inLoop ? inLoop.executable : loop.executable;
  const results = await program.run(
    { ...data.inputs, ...inputs, ...arraysOf(current), ...loop.inputsOf(first, rates) },
    { steps },
  );
  const seconds = (performance.now() - begin) / 1000;
  const losses = results.loss.data as FloatArray;
  const gradNormSq = (results.gradNormSq?.data ?? new Float64Array()) as FloatArray;
  const next = {
    ...stateFrom(current, results, first + steps, schedule),
    ...(data.seen ? { seen: data.seen } : {}),
  };
  // A run that has diverged is over: there is no teleport after that.
  const end = first + 1 + finiteCount({ loss: losses, gradNormSq });
  const teleports = now && inLoop ? await inLoop.events(first, now, results, end) : [];
  if (teleports === undefined) {
    run.isHosted = true;
    run.pause += seconds;
    return undefined;
  }
  loop.onSteps({ first, rates, losses, next, data, results, teleports });
  const events = teleports.map(({ event }) => event);
  run.pause = appendSteps(
    history,
    { losses, gradNormSq, events, seconds },
    { pause: run.pause, timed: loop.timed },
  );
  run.current = next;
  return losses;
}

/** Teleports if the schedule says so before the next step; returns the step before which it must be asked again. */
export async function teleportIfDue<P, S, D extends StepData>(
  run: Run<TrainState<P, S>, History>,
  {
    stepsPerEpoch,
    teleports,
    examples,
    rateOf,
    onTeleport,
  }: Pick<StepLoop<P, S, D>, "stepsPerEpoch" | "teleports" | "examples" | "rateOf" | "onTeleport">,
): Promise<number> {
  const { current, history } = run;
  const { schedule, step, params, optimizer } = current;
  if (teleports === undefined || schedule === undefined) return Infinity;
  const due = teleports.due(schedule, stepsPerEpoch);
  if (step < due) return due;
  const { event, seconds, ...next } = await teleports.maybeTeleport(
    {
      step,
      stepsPerEpoch,
      losses: history.loss,
      params,
      optimizer,
      learningRate: rateOf(step),
      ...(await examples.at(step, current.state)),
    },
    schedule,
  );
  run.current = { ...current, ...next };
  run.pause += seconds;
  if (event) {
    history.teleports.push(event);
    onTeleport?.({ event, ends: { from: params, to: next.params } });
  }
  return teleports.due(next.schedule, stepsPerEpoch);
}

/** The number of steps before the first one whose numbers are not finite. */
export function finiteCount({ loss, gradNormSq }: Record<"loss" | "gradNormSq", ArrayLike<number>>): number {
  let t = 0;
  while (t < loss.length && Number.isFinite(loss[t]) && Number.isFinite(gradNormSq[t] ?? 0)) t++;
  return t;
}
