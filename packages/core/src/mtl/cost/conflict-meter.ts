import type { NdArray } from "../../array.js";
import type { Batch, BatchTensors } from "../../batch.js";
import { vectorOf } from "../../graph/ops/slice.js";
import { isTensor } from "../../graph/tensor.js";
import { trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { flatten } from "../../tree.js";
import { type Conflict, conflictOf } from "../conflict.js";
import { gradientRows, gramianOf, gramiansOf } from "../gradients/rows.js";
import type { Parts, SharedLosses } from "./shared-losses.js";

/** Losses and conflicts at a point. */
export interface TaskPoint {
  readonly losses: Float64Array;
  readonly gramian: NdArray<Float64Array>;
  /** Left out if the Gramian is not finite. */
  readonly conflict?: Conflict | undefined;
}

export interface ConflictMeter {
  at(parts: Parts, batch: Batch): Promise<TaskPoint>;
  dispose(): Promise<void>;
}

/**
 * Compiles losses and Gramian without dropout and batch statistics.
 *
 * @param trained leaves of the shared parameters in which gradients count, as in the trainer; default: all
 */
export async function compileConflict(
  losses: SharedLosses,
  example: Parts,
  batch: Batch,
  compileOptions: CompileOptions,
  trained?: readonly number[],
): Promise<ConflictMeter> {
  const measured = ({ parts, batch: b }: { readonly parts: Parts; readonly batch: BatchTensors }) => {
    const found = losses(parts, b);
    const { leaves } = flatten(parts.shared, isTensor);
    const rows = gradientRows({ losses: found, space: trained?.map((leaf) => leaves[leaf]) ?? leaves });
    return { losses: vectorOf(found), gramians: gramiansOf(rows) };
  };
  const { graph } = trace(measured, { parts: example, batch });
  const run = await compile(graph, compileOptions);
  return {
    async at(parts, b) {
      const results = await run.run(namedArrays({ parts, batch: b }));
      await run.unload();
      const gramian = gramianOf(results.gramians);
      return {
        losses: Float64Array.from(results.losses.data as Float64Array),
        gramian,
        conflict: gramian.data.every(Number.isFinite) ? conflictOf(gramian) : undefined,
      };
    },
    dispose: () => run.dispose(),
  };
}
