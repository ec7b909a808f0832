import { array, type NdArray } from "../array.js";
import type { Dataset } from "../data/dataset.js";
import { NumericalError } from "../errors.js";
import type { Executable } from "../runtime/executable.js";
import { stepSeed } from "./batch-order.js";
import type { Feed } from "./feed.js";
import { appendSteps, type History } from "./history.js";
import { arraysOf, stateFrom, type TrainState } from "./state.js";
import type { Teleports } from "./teleports.js";
import type { TeleportData, TeleportLoop } from "./trainer-teleports.js";

/** What changes in a run. */
export interface Progress<P, S> {
  current: TrainState<P, S>;
  history: History;
  /** Seconds spent on teleports and their schedule since the last step. */
  pause: number;
}

/** What all steps of a run share. */
export interface AdvanceParts<P, S> {
  readonly feed: Feed;
  /** A loop of steps without teleports. */
  readonly executable: Executable;
  /** Teleports within the loop; undefined where the host teleports. */
  readonly inLoop?: TeleportLoop | undefined;
  readonly teleports?: Teleports<P> | undefined;
  readonly examples: TeleportData<S>;
  rateOf(step: number): number;
  readonly gradNorm: boolean;
  readonly seed: number;
  readonly dtype: "float32" | "float64";
}

/**
 * Runs at least one and at most `most` steps, up to the next teleport by the host, with the teleports due now; nothing changes
 * when they fail.
 */
export function createAdvance<P, S>(
  run: Progress<P, S>,
  { feed, executable, teleports, examples, rateOf, gradNorm, seed, dtype, ...parts }: AdvanceParts<P, S>,
): (most: number) => Promise<{ readonly loss: number }> {
  const { stepsPerEpoch } = feed;
  let { inLoop } = parts;

  /** Runs some steps in one call of the runtime. Undefined where the host has to teleport. */
  const stepTogether = async (most: number): Promise<number[] | undefined> => {
    const { current, history } = run;
    const first = current.step;
    const wanted = Math.min(most, inLoop?.most ?? most);
    const whole = await feed.feed(first, wanted, current.seen);
    const [available] = whole.batch.shape;
    const planned = inLoop && current.schedule && inLoop.plan(current.schedule, first, available, whole);
    if (inLoop && planned === undefined) return undefined;
    const steps = planned?.steps ?? available;
    const feeding = steps < available ? await feed.feed(first, steps, current.seen) : whole;
    const { data, batch, nameOf, seen } = feeding;
    const each = Array.from({ length: steps }, (_, t) => first + t);
    const rates = each.map(rateOf);
    const begin = performance.now();
    const program = planned?.now && inLoop ? inLoop.executable : executable;
    const results = await program.run(
      {
        ...planned?.inputs,
        ...arraysOf(current),
        inputs: data.inputs,
        labels: data.labels,
        batch,
        learningRate: array(rates, dtype),
        seed: { shape: [steps], data: BigInt64Array.from(each, (s) => stepSeed(seed, s)) },
      },
      { steps },
    );
    const seconds = (performance.now() - begin) / 1000;
    const losses = Array.from(results.loss.data, Number);
    const schedule = planned?.schedule ?? current.schedule;
    const next = { ...stateFrom(current, results, first + steps, schedule), ...(seen ? { seen } : {}) };
    const events = planned?.now && inLoop ? await inLoop.events(first, planned.now, results) : [];
    if (events === undefined) {
      // From here on the host teleports.
      inLoop = undefined;
      run.pause += seconds;
      return undefined;
    }
    requireFinite({ losses, rates, next, first, data, nameOf });
    // One by one: there may be more steps than a function takes arguments.
    if (gradNorm) for (const x of results.gradNormSq.data) history.gradNormSq.push(Number(x));
    appendSteps(history, { losses, events, seconds, pause: run.pause });
    run.current = next;
    run.pause = 0;
    return losses;
  };

  /** Teleports if the schedule says so before the next step; returns the step before which it must be asked again. */
  const teleportIfDue = async (): Promise<number> => {
    const { current, history } = run;
    const { schedule, step } = current;
    if (teleports === undefined || schedule === undefined) return Infinity;
    const due = teleports.due(schedule, stepsPerEpoch);
    if (step < due) return due;
    const { event, seconds, ...next } = await teleports.maybeTeleport(
      {
        step,
        stepsPerEpoch,
        losses: history.loss,
        params: current.params,
        optimizer: current.optimizer,
        learningRate: rateOf(step),
        ...(await examples.at(step, current.state)),
      },
      schedule,
    );
    run.current = { ...current, ...next };
    run.pause += seconds;
    if (event) history.teleports.push(event);
    return teleports.due(next.schedule, stepsPerEpoch);
  };

  return async (most) => {
    const { current, history } = run;
    const teleported = history.teleports.length;
    try {
      let losses = inLoop && (await stepTogether(most));
      if (losses === undefined) {
        const due = await teleportIfDue();
        losses = (await stepTogether(Math.min(most, due - current.step))) as number[];
      }
      return { loss: meanOf(losses) };
    } catch (error) {
      // A teleport belongs to the steps after it.
      run.current = current;
      history.teleports.length = teleported;
      throw error;
    }
  };
}

/** The mean of the losses of some steps. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

/**
 * Checks that loss and parameters are finite after some steps.
 *
 * @param run losses and rates of the steps, the state after them, the first step, and the data that they took
 * @throws NumericalError naming the first step at which they are not, with advice
 */
function requireFinite<P, S>({
  losses,
  rates,
  next,
  first,
  data,
  nameOf,
}: {
  readonly losses: readonly number[];
  readonly rates: readonly number[];
  readonly next: TrainState<P, S>;
  readonly first: number;
  readonly data: Dataset;
  /** Names an example of the data. */
  readonly nameOf: (row: number) => string;
}): void {
  const state = `The state is still that of step ${first}.`;
  const advice = "Lower the learning rate, or clip the gradient with clipNorm.";
  const bad = losses.findIndex((l) => !Number.isFinite(l));
  if (bad >= 0) {
    const input = firstNonFinite(data.inputs);
    const width = data.inputs.data.length / data.inputs.shape[0];
    const cause =
      input && `The inputs hold ${input.value}, first in ${nameOf(Math.floor(input.at / width))}.`;
    throw new NumericalError(
      `The training loss became ${losses[bad]} at step ${first + bad}, with learning rate ${rates[bad]}. ${state} ${cause ?? advice}`,
    );
  }
  for (const [path, array] of Object.entries(
    arraysOf({ step: next.step, params: next.params, state: {}, optimizer: {} }),
  )) {
    const found = firstNonFinite(array);
    if (found) {
      throw new NumericalError(
        `"${path}" became ${found.value} before step ${next.step}, with learning rate ${rates.at(-1)}. ${state} ${advice}`,
      );
    }
  }
}

/** The position and value of the first NaN or infinity in an array; undefined if there is none. */
function firstNonFinite({ data }: NdArray): { readonly at: number; readonly value: number } | undefined {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return undefined;
  const at = data.findIndex((x) => !Number.isFinite(x));
  return at < 0 ? undefined : { at, value: data[at] };
}
