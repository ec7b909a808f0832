// A teleport as a part of a program that goes on from where it leads.
import type { Batch, BatchTensors } from "../batch.js";
import { abs } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import { concat } from "../graph/ops/slice.js";
import { isTensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { flatten } from "../tree.js";
import type { Limits } from "./guard.js";
import { outcomeOf } from "./guarded-search.js";
import type { Reporter } from "./measured-report.js";
import type { Memory } from "./objective/objective.js";
import type { TeleportReport } from "./report.js";
import { all, hasValue, indicator, packed } from "./search/guard-graph.js";
import type { TracedEnd, TracedWalk } from "./search/search.js";

/** What the host needs for a report. */
export interface PartResults<P> {
  readonly numbers: Float64Array;
  /** Both ends, where {@link TeleportPart.measuresEnds}. */
  readonly ends?: { readonly from: P; readonly to: P; readonly batch: Batch } | undefined;
  readonly seconds: number;
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
      const { params, isMoved, numbers } = walk.trace(start, batch, memory, limits);
      const hasNumbers = all(...flatten(params, isTensor).leaves.map((leaf) => hasValue(sum(abs(leaf)))));
      return { params, isMoved, numbers: concat([packed([indicator(hasNumbers, "float64")]), numbers]) };
    },
    async report({ numbers, ends, seconds }) {
      const [hasNumbers] = numbers;
      const walked = hasNumbers === 1 ? walk.read(numbers.subarray(1), limits) : undefined;
      const outcome = walked && outcomeOf(walked, limits);
      if (outcome === undefined) return undefined;
      return reporter.report(outcome, {
        accepted: outcome.steps > 0,
        ...{ seconds, ends, sharedClock: true },
      });
    },
  };
}
