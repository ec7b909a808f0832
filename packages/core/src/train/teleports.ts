import { array } from "../array.js";
import { type Batch, type BatchLoss, type BatchSpec, forAnyBatch } from "../batch.js";
import { OptionError } from "../errors.js";
import type { Optimizer, OptimizerState } from "../optim/optimizer.js";
import { requireKnown, withoutUndefined } from "../options.js";
import type { CompileOptions } from "../runtime/compile.js";
import type { ArraysOf } from "../runtime/jit.js";
import { Resources } from "../runtime/resources.js";
import type { Symmetry } from "../symmetry/symmetry.js";
import type { GuardOptions } from "../teleport/guard.js";
import type { ObjectiveFor } from "../teleport/objective/objective.js";
import type { TeleportReport } from "../teleport/report.js";
import type { MemoryArrays, SearchFactory } from "../teleport/search/search.js";
import { tracedTransport } from "../teleport/state/traced-transport.js";
import { createTransport, keptNote, type TransportPolicy } from "../teleport/state/transport.js";
import { createPartTeleporter } from "../teleport/teleporter.js";
import { occasionAt, type When } from "../teleport/when.js";
import type { ScheduleState, TeleportEvent } from "./teleport-event.js";
import type { TeleportBranch } from "./teleport-loop.js";

/**
 * How a run teleports: when, by which search, for which objective, and what happens to the optimizer's state.
 *
 * @typeParam P tree of parameters
 */
export interface TeleportPlan<P, B extends BatchSpec = BatchSpec> {
  readonly when: When;
  /**
   * A symmetry, or a function that creates one for the run's parameters, for a search by gradient ascent on
   * its orbit.
   */
  readonly symmetry?: Symmetry<P> | ((params: P) => Symmetry<P>) | undefined;
  /** Another search, such as `levelSet()`. */
  readonly search?: SearchFactory<P> | undefined;
  /** The quantity to maximize; default the squared gradient norm. */
  readonly objective?: NoInfer<ObjectiveFor<P, B>> | undefined;
  /**
   * See `GuardOptions`; a race without optimizer and learning rate uses the run's. `false` accepts every
   * finite point, for reproducing published results.
   */
  readonly guard?: GuardOptions | false | undefined;
  /** Continues with a symmetry that does not keep the loss: see `TeleporterOptions`; default false. */
  readonly allowInexact?: boolean | undefined;
  /** Data of the batch's shapes on which the loss must stay as well; default what the run provides. */
  readonly heldOut?: ArraysOf<B> | undefined;
  /** What happens to the optimizer's state; default `keep`. */
  readonly state?: TransportPolicy | undefined;
}

/** The run for which teleports are compiled. */
interface Subject<P, B extends Batch> {
  readonly plan: Omit<TeleportPlan<P, B>, "heldOut"> & { readonly heldOut?: Batch | undefined };
  readonly loss: BatchLoss<P, B>;
  /** The loss on held-out data if it differs, such as that of evaluation. */
  readonly heldOutLoss?: BatchLoss<P, B> | undefined;
  readonly params: P;
  readonly batch: B;
  readonly optimizer: Optimizer;
  readonly dtype: "float32" | "float64";
  readonly compileOptions: CompileOptions;
}

/** The state of a run at which a teleport may happen. */
export interface TeleportRequest<P> {
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Training losses of all steps so far. */
  readonly losses: readonly number[];
  readonly params: P;
  readonly optimizer: OptimizerState;
  readonly learningRate: number;
  readonly batch: Batch;
  readonly heldOut?: Batch | undefined;
}

export interface TeleportOutcome<P> {
  readonly params: P;
  readonly optimizer: OptimizerState;
  readonly schedule: ScheduleState;
  /** Left out if the schedule said no. */
  readonly event?: TeleportEvent | undefined;
  /** Seconds for trials, the teleport and the optimizer's state, without measuring curvature for the report. */
  readonly seconds: number;
}

/** The teleports of a run. */
export interface Teleports<P> {
  /** First step at which the schedule must be asked, given its state. */
  due(schedule: ScheduleState, stepsPerEpoch: number): number;
  /** Asks the schedule, and teleports if it says so. */
  maybeTeleport(at: TeleportRequest<P>, schedule: ScheduleState): Promise<TeleportOutcome<P>>;
  /** The same as a branch of a loop; left out where a teleport needs the host. */
  readonly branch?: TeleportBranch<P> | undefined;
  dispose(): Promise<void>;
}

/** Steps between calls of a schedule without `nextStep`. */
const usualPause = 10;

/** The initial state of a schedule. */
export function firstSchedule(when: When): ScheduleState {
  if (typeof when?.init !== "function") {
    throw new OptionError(
      `teleport: when must be a schedule, such as every(100) or atSteps([5]); got ${typeof when}.`,
    );
  }
  return { asked: -1, state: when.init() };
}

/** Number of occasions listed in the text of a schedule. */
const fewOccasions = 8;

/** Describes a plan in words: its schedule with the first steps at which it is asked, and its policy. */
export function planText(
  { when, state = "keep" }: Pick<TeleportPlan<never>, "when" | "state">,
  stepsPerEpoch: number,
): string {
  const occasions: number[] = [];
  let step = -1;
  while (occasions.length < fewOccasions) {
    step = when.nextStep?.({ step, stepsPerEpoch }, when.init()) ?? Infinity;
    if (!Number.isFinite(step)) break;
    occasions.push(step);
  }
  return `${when.name}${occasions.length > 0 ? ` (${occasions.join(", ")})` : ""}, state ${state}`;
}

/** Checks the names of a plan's options. @throws OptionError for an unknown one */
export function requirePlan(plan: object, more: readonly string[] = []): void {
  const known = ["when", "symmetry", "search", "objective", "guard", "heldOut", "state", "allowInexact"];
  requireKnown("teleport", plan as Record<string, unknown>, [...known, ...more]);
}

/** Compiles the teleports of a run. */
export async function createTeleports<P, B extends Batch = Batch>({
  plan,
  loss,
  heldOutLoss,
  params,
  batch,
  optimizer,
  dtype,
  compileOptions,
}: Subject<P, B>): Promise<Teleports<P>> {
  const { when, symmetry, objective, state = "keep" } = plan;
  firstSchedule(when);
  const memoryOf = (optimizerState: OptimizerState, rate: number): MemoryArrays =>
    // Only a custom objective may use it.
    objective === undefined ? {} : { optimizer: optimizerState, learningRate: array(rate, dtype) };
  const made = typeof symmetry === "function" ? symmetry(params) : symmetry;
  const { guard, race } = guardOf(plan, optimizer);
  const resources = new Resources();
  const { teleporter, transport } = await resources.releasedOnError(async () => ({
    teleporter: resources.keep(
      await createPartTeleporter<P, Batch>({
        ...compileOptions,
        search: plan.search,
        symmetry: made,
        loss: forAnyBatch(loss),
        heldOutLoss: heldOutLoss ? forAnyBatch(heldOutLoss) : undefined,
        objective: objective ? () => forAnyBatch(objective(loss)) : undefined,
        params,
        batch,
        memory: memoryOf(optimizer.init(params), 0),
        guard,
        allowInexact: plan.allowInexact,
      }),
    ),
    transport: resources.keep(
      await createTransport({ policy: state, optimizer, loss, params, batch, compileOptions }),
    ),
  }));

  const due = ({ asked, state: seen }: ScheduleState, stepsPerEpoch: number): number => {
    const next = when.nextStep?.({ step: asked, stepsPerEpoch }, seen) ?? asked + usualPause;
    return Math.max(next, asked + 1);
  };
  const { part } = teleporter;
  const carried =
    part && tracedTransport({ policy: state, optimizer, loss: forAnyBatch(loss), params, push: part.push });
  const note = part && keptNote({ policy: state, optimizer }, part.push !== undefined);
  const isTraced = when.isPlanned === true && plan.heldOut === undefined;
  return {
    due,
    ...(isTraced && part && carried
      ? { branch: { when, part, transport: carried, note, usesMemory: objective !== undefined, race, due } }
      : {}),
    async maybeTeleport(at, schedule) {
      const { step, stepsPerEpoch, losses } = at;
      const begin = performance.now();
      const since = losses.slice(Math.max(0, schedule.asked), step);
      const heldOut = plan.heldOut ?? at.heldOut;
      let uncounted = 0;
      const teleport = async () => {
        const start = performance.now();
        const result = await teleporter.teleport(at.params, at.batch, {
          memory: memoryOf(at.optimizer, at.learningRate),
          raceRate: race.usesRate ? at.learningRate : undefined,
          raceState: race.usesState ? at.optimizer : undefined,
          heldOut,
        });
        // A report's curvature serves the reader alone.
        uncounted += (performance.now() - start) / 1000 - result.report.seconds;
        return result;
      };
      const outcomeOf = (parts: Omit<TeleportOutcome<P>, "seconds">): TeleportOutcome<P> => ({
        ...parts,
        seconds: Math.max(0, (performance.now() - begin) / 1000 - uncounted),
      });
      // The predicted gain is that of a trial teleport.
      const trial = when.needsPredictedGain ? await teleport() : undefined;
      const gain = trial && relativeGain(trial.report);
      const answer = when.should(occasionAt(step, stepsPerEpoch, since, gain), schedule.state);
      const seen = { asked: step, state: answer.state };
      const { params: from, optimizer: stateBefore } = at;
      if (!answer.teleport) return outcomeOf({ params: from, optimizer: stateBefore, schedule: seen });
      const moved = trial ?? (await teleport());
      const transported = moved.report.accepted
        ? await transport.transport({ from, state: stateBefore, batch: at.batch, moved })
        : { state: stateBefore };
      return outcomeOf({
        params: moved.params,
        optimizer: transported.state,
        schedule: seen,
        event: {
          step,
          ...moved.report,
          ...(transported.note === undefined ? {} : { note: transported.note }),
        },
      });
    },
    dispose: () => resources.release(),
  };
}

/**
 * A plan's guard with the run's optimizer and learning rate in its race, unless the plan names others; another optimizer
 * starts with a new state.
 */
function guardOf({ guard }: Pick<TeleportPlan<unknown>, "guard">, optimizer: Optimizer) {
  if (!guard || guard.race === undefined) return { guard, race: { usesState: false, usesRate: false } };
  return {
    guard: { ...guard, race: { optimizer, ...withoutUndefined(guard.race) } },
    race: {
      usesState: guard.race.optimizer === undefined,
      usesRate: guard.race.learningRate === undefined,
    },
  };
}

/** Growth of the objective relative to its size; 0 if it does not change. */
function relativeGain({ objectiveBefore, objectiveAfter }: TeleportReport): number {
  const growth = objectiveAfter - objectiveBefore;
  return growth === 0 ? 0 : growth / Math.abs(objectiveBefore);
}
