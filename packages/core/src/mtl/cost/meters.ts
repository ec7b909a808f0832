// What is measured at a point, without dropout and batch statistics, so that points can be compared.
import type { NdArray } from "../../array.js";
import type { Batch, BatchTensors } from "../../batch.js";
import { vectorOf } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { trace } from "../../graph/trace.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { flatten, namedArrays } from "../../tree.js";
import { type Conflict, conflictOf } from "../conflict.js";
import { gradientRows, gramianOf, gramiansOf } from "../gradients/rows.js";
import type { Batches } from "./adapter/inner-loop.js";
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
 * Compiles losses and Gramian.
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
  const measured = (parts: Parts, b: BatchTensors) => {
    const found = losses(parts, b);
    const { leaves } = flatten(parts.shared, isTensor);
    const rows = gradientRows({ losses: found, space: trained?.map((leaf) => leaves[leaf]) ?? leaves });
    return { losses: vectorOf(found), gramians: gramiansOf(rows) };
  };
  const { run, unload, dispose } = await compileMeter(measured, example, batch, compileOptions);
  return {
    async at(parts, b) {
      const results = await run(parts, b);
      await unload();
      const gramian = gramianOf(results.gramians);
      const conflict = gramian.data.every(Number.isFinite) ? conflictOf(gramian) : undefined;
      return { losses: numbersIn(results.losses), gramian, conflict };
    },
    dispose,
  };
}

/** Task losses of many batches. */
export interface LossMeter {
  /** L_k on every batch, each [K]. */
  each(parts: Parts, batches: Batches): Promise<readonly Float64Array[]>;
  dispose(): Promise<void>;
}

export async function compileLosses(
  losses: SharedLosses,
  example: Parts,
  batch: Batch,
  compileOptions: CompileOptions,
): Promise<LossMeter> {
  const measured = (parts: Parts, b: BatchTensors) => ({ losses: vectorOf(losses(parts, b)) });
  const { run, unload, dispose } = await compileMeter(measured, example, batch, compileOptions);
  return {
    async each(parts, batches) {
      const found: Float64Array[] = [];
      for await (const b of batches) found.push(numbersIn((await run(parts, b)).losses));
      await unload();
      return found;
    },
    dispose,
  };
}

const numbersIn = ({ data }: NdArray): Float64Array => Float64Array.from(data as Float64Array);

async function compileMeter(
  measured: (parts: Parts, batch: BatchTensors) => Readonly<Record<string, Tensor>>,
  example: Parts,
  batch: Batch,
  compileOptions: CompileOptions,
) {
  const { graph } = trace(({ parts, batch: b }) => measured(parts as Parts, b), { parts: example, batch });
  const executable = await compile(graph, compileOptions);
  return {
    run: (parts: Parts, b: Batch) => executable.run(namedArrays({ parts, batch: b })),
    unload: () => executable.unload(),
    dispose: () => executable.dispose(),
  };
}
