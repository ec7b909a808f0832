// Teleports as a branch of a loop of steps that a runtime runs.
import type { NdArray } from "../array.js";
import type { Batch } from "../batch.js";
import { cond } from "../graph/control/cond.js";
import { fill } from "../graph/ops/leaf.js";
import type { Tensor } from "../graph/tensor.js";
import { type Spec, spec, type TensorsOf } from "../graph/trace.js";
import type { OptimizerState } from "../optim/optimizer.js";
import type { Executable } from "../runtime/executable.js";
import type { PartSetting, TeleportPart } from "../teleport/part.js";
import { hasNumbers } from "../teleport/search/guard-graph.js";
import type { TracedTransport } from "../teleport/state/traced-transport.js";
import { occasionAt, type When } from "../teleport/when.js";
import type { StepData } from "./feed.js";
import { mostSteps, recordedAt, recordedTree } from "./recorded.js";
import { arraysOf, type TrainState } from "./state.js";
import type { BeforeStep } from "./step.js";
import type { ScheduleState, TeleportEvent } from "./teleport-event.js";

/** Teleports that need nothing from the host. */
export interface TeleportBranch<P> {
  readonly when: When;
  readonly part: TeleportPart<P>;
  readonly transport: TracedTransport<P>;
  /** Why another policy is applied to the optimizer's state in all of them. */
  readonly note: string | undefined;
  /** Whether the objective may use the optimizer's state and the learning rate. */
  readonly usesMemory: boolean;
  /** Whether a race begins with the optimizer's state, and whether with the learning rate. */
  readonly race: { readonly usesState: boolean; readonly usesRate: boolean };
  due(schedule: ScheduleState, stepsPerEpoch: number): number;
}

/**
 * The examples of a run's teleports.
 *
 * @typeParam S tree of the model's state
 * @typeParam I what a step reads, as in `StepParts`
 * @typeParam D data of some steps
 * @typeParam B batch
 */
export interface TeleportExamples<S, I, D, B extends Batch = Batch> {
  /** Batch and held-out data of a teleport before a step. */
  at(step: number, state: S): Promise<{ readonly batch: B; readonly heldOut?: B | undefined }>;
  readonly hasHeldOut: boolean;
  /** Types of the rows that are the examples in the arrays of some steps, by name; none where the examples are always the same. */
  readonly rows: Readonly<Record<string, Spec>>;
  /** These rows for a teleport before a step; undefined where not all of them are there. */
  rowsAt(step: number, data: D): Readonly<Record<string, readonly number[]>> | undefined;
  /** Traced: the examples at rows. */
  taken(
    rows: Readonly<Record<string, Tensor>>,
    given: TensorsOf<I>,
    state: TensorsOf<S>,
  ): Pick<PartSetting, "batch" | "heldOut">;
}

/** What some steps need for the teleports before them. */
interface PlannedTeleports {
  /** Number of steps: fewer than asked for if the host has to teleport before the next one. */
  readonly steps: number;
  readonly schedule: ScheduleState;
  /** Left out if there is no teleport. */
  readonly now?: Uint8Array | undefined;
  readonly inputs?: Readonly<Record<string, NdArray>> | undefined;
}

/** A teleport in a loop, with both its ends if they are recorded. */
export interface LoopedTeleport<P> {
  readonly event: TeleportEvent;
  readonly ends?: { readonly from: P; readonly to: P } | undefined;
}

/** A loop of steps, with teleports as a branch. */
export interface TeleportLoop<P, D extends StepData> {
  readonly executable: Executable;
  /** Most steps of a run: what is recorded of each takes memory. */
  readonly most: number;
  /** Asks the schedule in advance, for the steps of some data; undefined where the host has to teleport before the first. */
  plan(schedule: ScheduleState, first: number, data: D): PlannedTeleports | undefined;
  /**
   * What happened before the steps that are marked; undefined where the host has to teleport instead.
   *
   * @param end step after the last one that counts
   */
  events(
    first: number,
    now: Uint8Array,
    results: Readonly<Record<string, NdArray>>,
    end: number,
  ): Promise<readonly LoopedTeleport<P>[] | undefined>;
}

/** @param compileStep compiles a loop of steps, before each of which something happens */
export async function createTeleportLoop<P, S, I, D extends StepData>(
  branch: TeleportBranch<P>,
  examples: TeleportExamples<S, I, D>,
  {
    like,
    stepsPerEpoch,
    keepsEnds = branch.part.measuresEnds,
    rateOf,
    compileStep,
  }: {
    readonly like: TrainState<P, S>;
    readonly stepsPerEpoch: number;
    /** Whether the ends of teleports are recorded; default where their reports need them. */
    readonly keepsEnds?: boolean | undefined;
    rateOf(given: TensorsOf<I>): Tensor;
    compileStep(before: BeforeStep<P, S, I>): Promise<Executable>;
  },
): Promise<TeleportLoop<P, D>> {
  const { part, note } = branch;
  const executable = await compileStep({
    inputs: { now: spec([], "bool"), ...examples.rows },
    trace({ params, state, optimizer }, given, { now, ...rows }) {
      const data = () => examples.taken(rows, given, state);
      const taken = teleportedWhere(now, branch, { params, optimizer }, { rate: rateOf(given), data });
      const ends = keepsEnds ? { from: params, to: taken.params, state } : {};
      return { ...taken, outputs: { numbers: taken.numbers, ...ends } };
    },
  });

  function planned(
    schedule: ScheduleState,
    first: number,
    count: number,
    data: D,
  ): PlannedTeleports | undefined {
    const { now, schedule: next } = askedAhead(branch, schedule, { first, count, stepsPerEpoch });
    if (!now.includes(1)) return { schedule: next, steps: count };
    const inputs: Record<string, NdArray> = { "teleport.now": { shape: [count], data: now } };
    for (const [name, { shape }] of Object.entries(examples.rows)) {
      inputs[`teleport.${name}`] = { shape: [count, ...shape], data: new BigInt64Array(count * shape[0]) };
    }
    for (const t of stepsOf(now)) {
      const found = examples.rowsAt(first + t, data);
      if (found === undefined) return t > 0 ? planned(schedule, first, t, data) : undefined;
      for (const [name, rows] of Object.entries(found)) {
        (inputs[`teleport.${name}`].data as BigInt64Array).set(rows.map(BigInt), t * rows.length);
      }
    }
    return { schedule: next, steps: count, now, inputs };
  }

  return {
    executable,
    most: mostSteps(executable.graph, Object.keys(arraysOf(like))),
    plan: (schedule, first, data) => planned(schedule, first, data.steps, data),
    async events(first, now, results, end) {
      const happened: LoopedTeleport<P>[] = [];
      for (const t of stepsOf(now)) {
        if (first + t >= end) break;
        const tree = <T>(name: string, of: T) => recordedTree(results, `teleport.${name}`, of, t);
        const ends = keepsEnds ? { from: tree("from", like.params), to: tree("to", like.params) } : undefined;
        const measured =
          ends && part.measuresEnds
            ? { ...ends, batch: (await examples.at(first + t, tree("state", like.state))).batch }
            : undefined;
        const numbers = recordedAt(results["teleport.numbers"], t).data as Float64Array;
        const { hasHeldOut } = examples;
        const report = await part.report({ numbers, hasHeldOut, ends: measured });
        if (report === undefined) return undefined;
        const told = report.accepted && note !== undefined ? { note } : {};
        happened.push({ event: { step: first + t, ...report, ...told }, ends });
      }
      return happened;
    },
  };
}

/** What a step continues with. */
interface BranchState<P> {
  readonly params: TensorsOf<P>;
  readonly optimizer: OptimizerState;
}

/** Traced: teleports where `now`, a bool, holds; `numbers` is a vector for their reports, zero elsewhere. */
function teleportedWhere<P>(
  now: Tensor,
  { part, transport, usesMemory, race: { usesState, usesRate } }: TeleportBranch<P>,
  { params, optimizer }: BranchState<P>,
  { rate, data }: { readonly rate: Tensor; data(): Pick<PartSetting, "batch" | "heldOut"> },
): BranchState<P> & { readonly numbers: Tensor } {
  let width = 0;
  const teleported = () => {
    const given = data();
    const memory = usesMemory ? { optimizer, learningRate: rate } : {};
    const race = { state: usesState ? optimizer : undefined, rate: usesRate ? rate : undefined };
    const { params: to, elements, isMoved, numbers } = part.trace(params, { ...given, memory, race });
    width = numbers.size;
    const moved = () => transport({ from: params, to, elements, batch: given.batch, state: optimizer });
    return { params: to, optimizer: cond(isMoved, moved, () => optimizer), numbers };
  };
  const still = () => ({ params, optimizer, numbers: fill([width], 0, "float64") });
  // A run that has diverged is over: nothing is searched for there.
  return cond(now, () => cond(hasNumbers(params), teleported, still), still);
}

/** Asks a schedule in advance: 1 for each step before which there is a teleport, 0 for the others, and its state after the steps. */
function askedAhead(
  { when, due }: Pick<TeleportBranch<never>, "when" | "due">,
  schedule: ScheduleState,
  {
    first,
    count,
    stepsPerEpoch,
  }: { readonly first: number; readonly count: number; readonly stepsPerEpoch: number },
): { readonly now: Uint8Array; readonly schedule: ScheduleState } {
  const now = new Uint8Array(count);
  let last = schedule;
  let next = Math.max(first, due(schedule, stepsPerEpoch));
  while (next < first + count) {
    const { teleport, state } = when.should(occasionAt(next, stepsPerEpoch), last.state);
    now[next - first] = teleport ? 1 : 0;
    last = { asked: next, state };
    next = due(last, stepsPerEpoch);
  }
  return { now, schedule: last };
}

/** The steps that are marked. */
function stepsOf(now: Uint8Array): number[] {
  const steps: number[] = [];
  for (let t = now.indexOf(1); t >= 0; t = now.indexOf(1, t + 1)) steps.push(t);
  return steps;
}
