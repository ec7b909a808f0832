import type { NdArray } from "../array.js";
import type { Batch } from "../batch.js";
import { OptionError } from "../errors.js";
import { gather } from "../graph/ops/gather.js";
import { isTensor } from "../graph/tensor.js";
import { spec } from "../graph/trace.js";
import type { Executable } from "../runtime/executable.js";
import { flatten } from "../tree.js";
import { stepSeed } from "./batch-order.js";
import type { Feed, Feeding } from "./feed.js";
import { mostSteps, recordedAt, recordedTree } from "./recorded.js";
import { arraysOf, type TrainState } from "./state.js";
import type { BeforeStep } from "./step.js";
import { type TeleportBatch, teleportBatches } from "./teleport-batches.js";
import type { TeleportBranch } from "./teleport-branch.js";
import type { ScheduleState, TeleportEvent } from "./teleport-event.js";

/** The examples of a trainer's teleports. */
export interface TeleportData<S> {
  readonly size: number;
  /** Batch and held-out data of a teleport before a step. */
  at(
    step: number,
    state: S,
  ): Promise<{ readonly batch: TeleportBatch; readonly heldOut?: Batch | undefined }>;
  /** Their rows in the arrays of some steps; undefined where not all of them are there. */
  rowsAt(
    step: number,
    feeding: Pick<Feeding, "nextRows">,
  ): { readonly batch: readonly number[]; readonly heldOut: readonly number[] } | undefined;
  readonly hasHeldOut: boolean;
}

/** @throws OptionError for a size out of range */
export function teleportData<S>(
  feed: Feed,
  { size, seed }: { readonly size: number; readonly seed: number },
): TeleportData<S> {
  const { count } = feed;
  if (!Number.isInteger(size) || size < 1 || size > count) {
    throw new OptionError(`teleport.batchSize must be an integer in [1, ${count}]; got ${size}.`);
  }
  const hasHeldOut = count >= 2 * size;
  return {
    size,
    hasHeldOut,
    at: async (step, state) =>
      teleportBatches(await feed.next(step, 2 * size), { count: size, state, seed: stepSeed(seed, step) }),
    rowsAt(step, { nextRows }) {
      const rows = nextRows(step, (hasHeldOut ? 2 : 1) * size) ?? [];
      if (rows.length < (hasHeldOut ? 2 : 1) * size) return undefined;
      return { batch: rows.slice(0, size), heldOut: hasHeldOut ? rows.slice(size) : [] };
    },
  };
}

/** What some steps need for the teleports before them. */
export interface PlannedTeleports {
  /** Number of steps: fewer than asked for if the host has to teleport before the next one. */
  readonly steps: number;
  readonly schedule: ScheduleState;
  /** Left out if there is no teleport. */
  readonly now?: Uint8Array | undefined;
  readonly inputs?: Readonly<Record<string, NdArray>> | undefined;
}

/** The teleports of a trainer as a branch of its loop of steps. */
export interface TeleportLoop {
  readonly executable: Executable;
  /** Most steps of a run: what is recorded of each takes memory. */
  readonly most: number;
  /** Asks the schedule in advance; undefined where the host has to teleport before the first step. */
  plan(
    schedule: ScheduleState,
    first: number,
    count: number,
    feeding: Pick<Feeding, "nextRows">,
  ): PlannedTeleports | undefined;
  /** What happened; undefined where the host has to teleport instead. */
  events(
    first: number,
    now: Uint8Array,
    results: Readonly<Record<string, NdArray>>,
  ): Promise<TeleportEvent[] | undefined>;
}

/** @param compileStep compiles a loop of steps, before each of which something happens */
export async function createTeleportLoop<P, S>(
  branch: TeleportBranch<P>,
  data: TeleportData<S>,
  {
    like,
    stepsPerEpoch,
    compileStep,
  }: {
    readonly like: TrainState<P, S>;
    readonly stepsPerEpoch: number;
    compileStep(before: BeforeStep<P, S>): Promise<Executable>;
  },
): Promise<TeleportLoop> {
  const { size, hasHeldOut } = data;
  const rows = spec([size], "int64");
  const executable = await compileStep({
    inputs: { now: spec([], "bool"), batch: rows, ...(hasHeldOut ? { heldOut: rows } : {}) },
    trace({ params, state, optimizer }, { inputs, labels, learningRate, seed, own }) {
      const { leaves, paths } = flatten({ state }, isTensor);
      const examples = (at: typeof own.batch) => ({
        x: gather(inputs, at),
        y: gather(labels, at),
        seed,
        ...Object.fromEntries(paths.map((path, i) => [path, leaves[i]])),
      });
      const taken = branch.trace(
        own.now,
        { params, optimizer },
        {
          rate: learningRate,
          data: () => ({
            batch: examples(own.batch),
            heldOut: hasHeldOut ? examples(own.heldOut) : undefined,
          }),
        },
      );
      const ends = branch.measuresEnds ? { from: params, to: taken.params, state } : {};
      return { ...taken, outputs: { numbers: taken.numbers, ...ends } };
    },
  });
  const plan: TeleportLoop["plan"] = (schedule, first, count, feeding) => {
    const { now, schedule: next } = branch.plan(schedule, first, count, stepsPerEpoch);
    if (!now.includes(1)) return { schedule: next, steps: count };
    const [batch, heldOut] = [new BigInt64Array(count * size), new BigInt64Array(count * size)];
    for (let t = now.indexOf(1); t >= 0; t = now.indexOf(1, t + 1)) {
      const found = data.rowsAt(first + t, feeding);
      if (found === undefined) return t > 0 ? plan(schedule, first, t, feeding) : undefined;
      batch.set(found.batch.map(BigInt), t * size);
      heldOut.set(found.heldOut.map(BigInt), t * size);
    }
    const shape = [count, size];
    const inputs = {
      "teleport.now": { shape: [count], data: now },
      "teleport.batch": { shape, data: batch },
      ...(hasHeldOut ? { "teleport.heldOut": { shape, data: heldOut } } : {}),
    };
    return { schedule: next, steps: count, now, inputs };
  };
  return {
    executable,
    most: mostSteps(executable.graph, Object.keys(arraysOf(like))),
    plan,
    async events(first, now, results) {
      const events: TeleportEvent[] = [];
      for (let t = now.indexOf(1); t >= 0; t = now.indexOf(1, t + 1)) {
        const tree = <T>(name: string, of: T) => recordedTree(results, `teleport.${name}`, of, t);
        const ends = branch.measuresEnds
          ? {
              from: tree("from", like.params),
              to: tree("to", like.params),
              batch: (await data.at(first + t, tree("state", like.state))).batch,
            }
          : undefined;
        const numbers = recordedAt(results["teleport.numbers"], t).data as Float64Array;
        const event = await branch.event(first + t, { numbers, hasHeldOut, ends });
        if (event === undefined) return undefined;
        events.push(event);
      }
      return events;
    },
  };
}
