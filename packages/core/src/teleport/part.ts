// A teleport as a part of a program that goes on from where it leads.
import type { Batch, BatchTensors } from "../batch.js";
import { timed } from "../graph/control/timed.js";
import { concat } from "../graph/ops/slice.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Limits } from "./guard.js";
import { outcomeOf } from "./guarded-search.js";
import type { Reporter } from "./measured-report.js";
import type { Memory } from "./objective/objective.js";
import type { TeleportReport } from "./report.js";
import { hasNumbers, indicator, packed } from "./search/guard-graph.js";
import type { TracedEnd, TracedWalk } from "./search/search.js";

/** What the host needs for a report. */
export interface PartResults<P> {
  readonly numbers: Float64Array;
  /** Both ends, where {@link TeleportPart.measuresEnds}. */
  readonly ends?: { readonly from: P; readonly to: P; readonly batch: Batch } | undefined;
}

export interface TeleportPart<P> {
  /** Traced: where the teleport leads, and a vector from which its report is made. */
  trace(params: TensorsOf<P>, batch: BatchTensors, memory: Memory): TracedEnd<P>;
  /** Whether the reports measure curvature at both ends. */
  readonly measuresEnds: boolean;
  /** Undefined where the host has to teleport instead, as the guard there might decide otherwise. */
  report(results: PartResults<P>): Promise<TeleportReport | undefined>;
}

/** The part of a search that has a traced walk. */
export function teleportPart<P>(
  walk: TracedWalk<P>,
  { limits, reporter }: { readonly limits: Limits; readonly reporter: Reporter<P> },
): TeleportPart<P> {
  return {
    measuresEnds: limits.curvature > 0,
    trace(start, batch, memory) {
      const [{ params, isMoved, numbers }, seconds] = timed(() => walk.trace(start, batch, memory, limits));
      return {
        params,
        isMoved,
        numbers: concat([packed([seconds, indicator(hasNumbers(params), "float64")]), numbers]),
      };
    },
    async report({ numbers, ends }) {
      const [seconds, isFine] = numbers;
      const walked = isFine === 1 ? walk.read(numbers.subarray(2), limits) : undefined;
      const outcome = walked && outcomeOf(walked, limits);
      if (outcome === undefined) return undefined;
      return reporter.report(outcome, {
        accepted: outcome.steps > 0,
        ...{ seconds, ends },
      });
    },
  };
}
