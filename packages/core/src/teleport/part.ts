// A teleport as a part of a program that goes on from where it leads.

import type { Batch, BatchLoss, BatchTensors } from "../batch.js";
import { timed } from "../graph/control/timed.js";
import { constant } from "../graph/ops/leaf.js";
import { reshape } from "../graph/ops/reshape.js";
import { concat, vectorOf } from "../graph/ops/slice.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Limits } from "./guard.js";
import { outcomeOf } from "./guarded-search.js";
import type { Reporter } from "./measured-report.js";
import type { Memory } from "./objective/objective.js";
import type { TracedRace } from "./race.js";
import type { TeleportReport } from "./report.js";
import { hasNumbers, indicator } from "./search/guard-graph.js";
import type { TracedEnd, TracedWalk } from "./search/search.js";

/** What the host needs for a report. */
export interface PartResults<P> {
  readonly numbers: Float64Array;
  /** Both ends, where {@link TeleportPart.measuresEnds}. */
  readonly ends?: { readonly from: P; readonly to: P; readonly batch: Batch } | undefined;
  /** Whether the teleport had held-out data. */
  readonly hasHeldOut: boolean;
}

/** What a teleport depends on besides the parameters. */
export interface PartSetting {
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** Data on which the loss must stay as well. */
  readonly heldOut?: BatchTensors | undefined;
  /** Where the guard's race begins, if it has one; default as `TeleportOptions` has it. */
  readonly race?: Parameters<TracedRace<never>["tracedStart"]>[2] | undefined;
}

export interface TeleportPart<P> {
  /** Traced: where the teleport leads, and a vector from which its report is made. */
  trace(params: TensorsOf<P>, setting: PartSetting): TracedEnd<P>;
  /** See {@link TracedWalk.push}. */
  readonly push: TracedWalk<P>["push"];
  /** Whether the reports measure curvature at both ends. */
  readonly measuresEnds: boolean;
  /** Undefined where the host has to teleport instead, as the guard there might decide otherwise. */
  report(results: PartResults<P>): Promise<TeleportReport | undefined>;
}

/** The part of a search that has a traced walk. */
export function teleportPart<P>(
  walk: TracedWalk<P>,
  {
    limits,
    reporter,
    heldOutLoss,
    race,
  }: {
    readonly limits: Limits;
    readonly reporter: Reporter<P>;
    readonly heldOutLoss: BatchLoss<P>;
    readonly race: TracedRace<P> | undefined;
  },
): TeleportPart<P> {
  return {
    push: walk.push,
    measuresEnds: limits.curvature > 0,
    trace(start, { batch, memory, heldOut, race: raceStart = {} }) {
      const [{ params, elements, isMoved, numbers }, seconds] = timed(() => {
        const raced = race?.tracedStart(start, heldOut ?? batch, raceStart) ?? {};
        const setting = { batch, memory, race: raced };
        const end = walk.trace(start, setting, limits);
        const elsewhere = [start, end.params].map((p) =>
          heldOut ? reshape(heldOutLoss(p, heldOut), []) : constant(0, "float64"),
        );
        const told = vectorOf([...elsewhere, indicator(hasNumbers(end.params), "float64")]);
        return { ...end, numbers: concat([told, end.numbers]) };
      });
      return { params, elements, isMoved, numbers: concat([vectorOf([seconds]), numbers]) };
    },
    async report({ numbers, ends, hasHeldOut }) {
      const [seconds, before, after, isFine] = numbers;
      const walked = isFine === 1 ? walk.read(numbers.subarray(4), limits) : undefined;
      const outcome = walked && outcomeOf(walked, limits, hasHeldOut ? [before, after] : undefined);
      if (outcome === undefined) return undefined;
      return reporter.report(outcome, {
        accepted: outcome.steps > 0,
        seconds,
        ends,
      });
    },
  };
}
