import { trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { checkOptions, integerFrom, nonNegative, oneOf } from "../../optim/options.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import type { Batch, BatchTensors } from "../../symmetry/symmetry.js";
import { type Parts, type SharedLosses, stacked } from "./shared-losses.js";

export interface DriftGuardOptions {
  /** Most that the losses may move, see `judge`; default 0.05. */
  readonly drift?: number;
  /** Whether that is relative to the losses (default), or in their units. */
  readonly kind?: "relative" | "absolute";
  /** Independent examples on which it is measured, in whole batches; default 1000. */
  readonly samples?: number;
  /** How often a displacement that moves them too far is halved; default 3. */
  readonly halvings?: number;
}

/** A guard, complete; `false` takes every finite point. */
export type DriftGuard = Required<DriftGuardOptions>;

/** How far losses have moved. */
export interface Drift {
  /** L_k before and after, [K]. */
  readonly lossesBefore: readonly number[];
  readonly lossesAfter: readonly number[];
  /** |L_k' - L_k| / max(|L_k|, 1e-12). */
  readonly relative: readonly number[];
  /** mean_k |L_k' - L_k|, and that over mean_k |L_k|. */
  readonly mean: number;
  readonly meanRelative: number;
}

/**
 * Fills in what a guard's options leave out.
 *
 * @throws OptionError for values out of range
 */
export function driftGuardOf(options: DriftGuardOptions | false): DriftGuard | false {
  if (options === false) return false;
  checkOptions<DriftGuardOptions>("guard", options, {
    drift: nonNegative,
    kind: oneOf("relative", "absolute"),
    samples: integerFrom(0),
    halvings: integerFrom(0),
  });
  const { drift = 0.05, kind = "relative", samples = 1000, halvings = 3 } = options;
  return { drift, kind, samples, halvings };
}

export function driftOf(before: Float64Array, after: Float64Array): Drift {
  const moves = after.map((loss, k) => Math.abs(loss - before[k]));
  const average = (values: Float64Array) => values.reduce((sum, v) => sum + v / values.length, 0);
  const mean = average(moves);
  return {
    lossesBefore: [...before],
    lossesAfter: [...after],
    relative: Array.from(moves, (move, k) => move / Math.max(Math.abs(before[k]), 1e-12)),
    mean,
    meanRelative: mean / Math.max(average(before.map(Math.abs)), 1e-12),
  };
}

/**
 * Why a move may not be made, or undefined when it may: the losses after it are finite, and the mean over the tasks of
 * |L_k' - L_k| is within the bound. That bounds the move of the mean loss, too, and sees one task pay for another.
 */
export function judge(drift: Drift, guard: DriftGuard | false): string | undefined {
  const bad = drift.lossesAfter.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) return `the loss of task ${bad} is ${drift.lossesAfter[bad]} at the new point`;
  if (guard === false) return undefined;
  const moved = guard.kind === "relative" ? drift.meanRelative : drift.mean;
  if (moved <= guard.drift) return undefined;
  const unit = guard.kind === "relative" ? " of their size" : "";
  return `the losses move by ${moved.toPrecision(3)}${unit}, more than ${guard.drift}`;
}

/** Task losses of many batches. */
export interface LossMeter {
  /** L_k on every batch, each [K]. */
  each(parts: Parts, batches: readonly Batch[]): Promise<readonly Float64Array[]>;
  dispose(): Promise<void>;
}

export async function compileLosses(
  losses: SharedLosses,
  example: Parts,
  batch: Batch,
  compileOptions: CompileOptions,
): Promise<LossMeter> {
  const values = (parts: Parts, b: BatchTensors) => ({ losses: stacked(losses(parts, b)) });
  const { graph } = trace(values as never, [example, batch] as never, { names: ["parts", "batch"] });
  const run = await compile(graph, compileOptions);
  return {
    async each(parts, batches) {
      const found: Float64Array[] = [];
      for (const b of batches) {
        const results = await run.run(namedArrays({ parts, batch: b }));
        found.push(Float64Array.from(results.losses.data as Float64Array));
      }
      return found;
    },
    dispose: () => run.dispose(),
  };
}

/** Element-wise mean of vectors. */
export const meanOf = (vectors: readonly Float64Array[]): Float64Array =>
  vectors[0].map((_, k) => vectors.reduce((sum, v) => sum + v[k] / vectors.length, 0));
