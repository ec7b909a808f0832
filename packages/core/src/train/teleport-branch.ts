// Teleports as a branch of a loop of steps.
import { cond } from "../graph/control/cond.js";
import { fill } from "../graph/ops/leaf.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { OptimizerState } from "../optim/optimizer.js";
import type { PartResults, PartSetting, TeleportPart } from "../teleport/part.js";
import { hasNumbers } from "../teleport/search/guard-graph.js";
import type { TracedTransport } from "../teleport/state/traced-transport.js";
import { occasionAt, type When } from "../teleport/when.js";
import type { ScheduleState, TeleportEvent } from "./teleport-event.js";

/** What a step continues with. */
interface BranchState<P> {
  readonly params: TensorsOf<P>;
  readonly optimizer: OptimizerState;
}

/** The data of a teleport. */
type BranchData = Pick<PartSetting, "batch" | "heldOut">;

/** The teleports of some steps. */
export interface BranchPlan {
  /** 1 for each step before which there is a teleport, 0 for the others. */
  readonly now: Uint8Array;
  /** The schedule's state after the steps. */
  readonly schedule: ScheduleState;
}

/** Teleports that need nothing from the host. */
export interface TeleportBranch<P> {
  /**
   * Traced: teleports where `now`, a bool, holds; `numbers` is a vector for {@link event}, zero elsewhere.
   *
   * @param rate the learning rate
   */
  trace(
    now: Tensor,
    at: BranchState<P>,
    given: { readonly data: () => BranchData; readonly rate: Tensor },
  ): BranchState<P> & { readonly numbers: Tensor };
  /** Asks the schedule in advance, for the steps from `first` on. */
  plan(schedule: ScheduleState, first: number, count: number, stepsPerEpoch: number): BranchPlan;
  /** Whether {@link event} needs both ends. */
  readonly measuresEnds: boolean;
  /** Undefined where the host has to teleport instead. */
  event(step: number, results: PartResults<P>): Promise<TeleportEvent | undefined>;
}

export function teleportBranch<P>({
  when,
  part,
  transport,
  note,
  usesMemory,
  race: { usesState, usesRate },
  due,
}: {
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
}): TeleportBranch<P> {
  return {
    trace(now, { params, optimizer }, { data, rate }) {
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
    },
    plan(schedule, first, count, stepsPerEpoch) {
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
    },
    measuresEnds: part.measuresEnds,
    async event(step, results) {
      const report = await part.report(results);
      if (report === undefined) return undefined;
      return { step, ...report, ...(report.accepted && note !== undefined ? { note } : {}) };
    },
  };
}
