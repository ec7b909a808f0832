import { type Batch, forAnyBatch, type NoBatch } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { checkLabels } from "../../graph/labels.js";
import { simplify } from "../../graph/simplify.js";
import { floatTypeOf, namedArrays } from "../../named-arrays.js";
import { requireOptimizer } from "../../optim/optimizer.js";
import { requireKnown } from "../../options.js";
import { pickCompileOptions } from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import { Resources } from "../../runtime/resources.js";
import { resumedState } from "../checkpoint.js";
import { emptyHistory, type History, historyUpTo } from "../history.js";
import { dataChecksum, graphChecksum, type RunSettings, ratesOf } from "../run-settings.js";
import { learningRateOf, requireSteps } from "../run-steps.js";
import type { TeleportEvent } from "../teleport-event.js";
import { createTeleports, firstSchedule, planText, requirePlan } from "../teleports.js";
import {
  type Jump,
  type Minimization,
  type MinimizationProblem,
  type MinimizeOptions,
  type MinimizeRunOptions,
  type Minimizer,
  minimizeOptions,
  requireProblem,
  runOptions,
  startOf,
} from "./minimize-options.js";
import { compileStepLoop, type StepResults, traceStepLoop } from "./step-loop.js";

/** Target seconds per call if `onLoop` is called after each. */
const glance = 0.25;

/** Runs a minimization once and disposes it. */
export async function runOnce<M, O>({ run, dispose }: Minimizer<M, O>, options?: O): Promise<M> {
  try {
    return await run(options);
  } finally {
    await dispose();
  }
}

/**
 * Minimizes a function or a loss on fixed data: w_{t+1} = update(grad L(w_t)), with teleports before the
 * steps that the plan selects. The step is compiled once and run in loops. Teleports are a branch of the same loop where
 * their steps are known in advance (`every`, `atSteps`) and all of a teleport is one program in float64 and JavaScript;
 * else the run returns to the host for each.
 *
 * @throws OptionError for settings out of range; DataError for a checkpoint of another run
 *
 * @example
 * const problem = booth();
 * const teleport = { when: atSteps([4]), search: bestAngle(problem.symmetry()) };
 * const { loss } = await minimize(problem, { optimizer: gd(), learningRate: 0.08, steps: 10, teleport });
 */
export async function minimize<P, B extends Batch = NoBatch>(
  problem: MinimizationProblem<P, B>,
  options: MinimizeOptions<P, B> & MinimizeRunOptions<P>,
): Promise<Minimization<P>> {
  requireSteps("minimize", options, [...minimizeOptions, ...runOptions]);
  const { start, onLoop, pauses, checkpoint, allowChanges, ...own } = options;
  return runOnce(await createMinimizer(problem, own), {
    start,
    onLoop,
    pauses,
    checkpoint,
    allowChanges,
  });
}

/**
 * Compiles a minimization, see {@link minimize}: for several runs, from other starts, or to measure the time of a warm run.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const minimizer = await createMinimizer(booth(), { optimizer: gd(), learningRate: 0.08, steps: 10 });
 * const cold = (await minimizer.run()).seconds.at(-1);
 * const warm = (await minimizer.run()).seconds.at(-1);
 * const elsewhere = await minimizer.run({ start: vector([1, 1]) });
 * await minimizer.dispose();
 */
export async function createMinimizer<P, B extends Batch = NoBatch>(
  problem: MinimizationProblem<P, B>,
  options: MinimizeOptions<P, B>,
): Promise<Minimizer<Minimization<P>, MinimizeRunOptions<P>>> {
  requireSteps("minimize", options, minimizeOptions);
  requireProblem("minimize", problem);
  const { loss, start, batch = {} as B } = problem;
  const { optimizer, learningRate, steps, trajectory: isKept = false } = options;
  requireOptimizer("minimize", optimizer);
  const dtype = floatTypeOf("minimize", start);
  const rateOf = learningRateOf("minimize", learningRate);
  rateOf(0);
  const compileOptions = pickCompileOptions(options);
  const plan = options.teleport;
  if (plan) requirePlan(plan);
  const first = { params: start, optimizer: optimizer.init(start) };
  const parts = {
    loss: forAnyBatch(loss),
    start: first,
    batch,
    optimizer,
    dtype,
    keepsPoints: isKept,
  };
  const graph = traceStepLoop(parts);
  checkLabels(graph, namedArrays({ batch }));
  const resources = new Resources();
  const { loop, teleports } = await resources.releasedOnError(async () => {
    const made =
      plan &&
      resources.keep(
        await createTeleports({ plan, loss, params: start, batch, optimizer, dtype, compileOptions }),
      );
    const branch = made?.branch;
    const whole = branch ? traceStepLoop({ ...parts, branch }) : graph;
    return {
      loop: resources.keep(await compileStepLoop(whole, { ...parts, branch }, compileOptions)),
      teleports: made,
    };
  });

  const lifetime = new Lifetime("minimizer", "createMinimizer");
  let checksums: { readonly data: string; readonly computation: string } | undefined;
  const settings = (): RunSettings => {
    checksums ??= {
      data: dataChecksum(namedArrays({ batch })),
      // That of the steps alone: where the teleports are computed makes no difference.
      computation: graphChecksum([simplify(graph)], (name) => name !== "at" && !name.startsWith("at.")),
    };
    return {
      optimizer: optimizer.name,
      learningRate: ratesOf(rateOf),
      teleport: plan ? planText(plan, 1) : null,
      ...checksums,
    };
  };

  const run = async (given: MinimizeRunOptions<P> = {}): Promise<Minimization<P>> => {
    lifetime.requireOpen();
    requireKnown("minimize: run", given, runOptions);
    const { onLoop, pauses = [], checkpoint, allowChanges = [] } = given;
    if (given.start !== undefined && checkpoint !== undefined) {
      throw new OptionError("minimize: a checkpoint has a start of its own; leave start or checkpoint out.");
    }
    const from = startOf("minimize", start, given.start);
    const begun = {
      step: 0,
      params: from,
      optimizer: optimizer.init(from),
      state: {},
      ...(plan ? { schedule: firstSchedule(plan.when) } : {}),
    };
    let current = checkpoint
      ? resumedState({ current: begun, settings: settings() }, checkpoint, { allowChanges })
      : begun;
    const history = checkpoint ? historyUpTo(current.step, checkpoint.history) : emptyHistory();
    const trajectory: P[] = [];
    const jumps: Jump<P>[] = [];
    let clock = history.seconds.at(-1) ?? 0;

    /** Teleports within the loop; undefined where the host teleports. */
    let branch = teleports?.branch;

    /** Runs steps; their results belong to the points before them. Returns the seconds spent. */
    const advance = async (count: number): Promise<number> => {
      const { step, params, optimizer: state, schedule } = current;
      const rates = Array.from({ length: count }, (_, t) => rateOf(Math.min(step + t, steps)));
      const planned = branch && schedule && branch.plan(schedule, step, Math.min(count, steps - step), 1);
      const now = new Uint8Array(count);
      now.set(planned?.now ?? []);
      const results = await loop.run({ params, optimizer: state }, rates, now);
      const happened: { readonly event: TeleportEvent; readonly ends?: { from: P; to: P } | undefined }[] =
        [];
      const finite = finiteCount(results);
      for (let t = now.indexOf(1); t >= 0 && t <= finite; t = now.indexOf(1, t + 1)) {
        const { numbers, ends } = results.teleportAt(t);
        const event = await branch?.event(step + t, {
          numbers,
          hasHeldOut: false,
          ends: ends && { ...ends, batch },
        });
        if (event === undefined) {
          // Up to there once more; then the host decides.
          const seconds = t > 0 ? await advance(t) : 0;
          clock += results.seconds;
          branch = undefined;
          return results.seconds + seconds;
        }
        happened.push({ event, ends });
      }
      for (const { event, ends } of happened) {
        history.teleports.push(event);
        if (isKept && event.accepted && ends) jumps.push({ step: event.step, ...ends });
      }
      // The steps share what the teleports leave.
      const teleported = new Map(happened.map(({ event }) => [event.step - step, event.seconds]));
      const spent = [...teleported.values()].reduce((a, b) => a + b, 0);
      const ofStep = Math.max(0, results.seconds - spent) / count;
      for (let t = 0; t < count; t++) {
        clock += teleported.get(t) ?? 0;
        history.seconds.push(clock);
        clock += ofStep;
        if (isKept) trajectory.push(results.pointAt(t));
      }
      // One by one: there may be more steps than a function takes arguments.
      for (const loss of results.loss) history.loss.push(loss);
      for (const gradNormSq of results.gradNormSq) history.gradNormSq.push(gradNormSq);
      current = {
        ...current,
        ...results.end,
        step: step + count,
        ...(planned ? { schedule: planned.schedule } : {}),
      };
      return results.seconds;
    };
    /** Returns the step at which the schedule must be asked next. */
    const teleportIfDue = async (): Promise<number> => {
      if (branch || teleports === undefined || current.schedule === undefined) return Infinity;
      const due = teleports.due(current.schedule, 1);
      if (current.step < due) return due;
      const { params: from, optimizer: state, step: at } = current;
      const { event, seconds, ...outcome } = await teleports.maybeTeleport(
        {
          step: at,
          // Every step uses all data.
          stepsPerEpoch: 1,
          losses: history.loss,
          params: from,
          optimizer: state,
          learningRate: rateOf(at),
          batch,
        },
        current.schedule,
      );
      current = { ...current, ...outcome };
      clock += seconds;
      if (event) history.teleports.push(event);
      if (isKept && event?.accepted) jumps.push({ step: at, from, to: outcome.params });
      return teleports.due(outcome.schedule, 1);
    };

    let isStopped = false;
    let { params } = current;
    let pace = onLoop ? 10 : Infinity;
    let nextPause = 0;
    while (current.step < steps && allFinite(history) && !isStopped) {
      const due = await teleportIfDue();
      while (pauses[nextPause] <= current.step) nextPause++;
      const pause = pauses[nextPause] ?? Infinity;
      const count = Math.min(Math.min(steps, due, pause) - current.step, pace, loop.most);
      const seconds = await advance(count);
      if (!onLoop || !allFinite(history)) continue;
      pace = Math.max(1, Math.ceil((count * glance) / Math.max(seconds, 1e-9)));
      const isAsked = await onLoop({ current, history, settings: settings(), trajectory, jumps });
      isStopped = isAsked === true && current.step < steps;
    }
    ({ params } = current);
    // The end is a point, too: what one more step would see.
    if (allFinite(history)) await advance(1);
    const finite = finiteCount(history);
    return {
      params,
      loss: history.loss.slice(0, finite),
      gradNormSq: history.gradNormSq.slice(0, finite),
      seconds: history.seconds.slice(0, finite),
      ...(isKept ? { trajectory: trajectory.slice(0, finite - (checkpoint?.rest.step ?? 0)), jumps } : {}),
      teleports: history.teleports,
      status: isStopped ? "stopped" : finite > steps ? "done" : "diverged",
    };
  };
  return { run, dispose: () => lifetime.end(() => resources.release()) };
}

/** The number of points before the first one whose numbers are not finite. */
function finiteCount({ loss, gradNormSq }: Pick<StepResults<unknown>, "loss" | "gradNormSq">): number {
  const first = loss.findIndex((value, t) => !Number.isFinite(value) || !Number.isFinite(gradNormSq[t]));
  return first < 0 ? loss.length : first;
}

/** Whether all numbers are finite: once one is not, none of the later ones is, so checking the last one suffices. */
const allFinite = ({ loss, gradNormSq }: History): boolean =>
  loss.length === 0 || (Number.isFinite(loss.at(-1)) && Number.isFinite(gradNormSq.at(-1)));
