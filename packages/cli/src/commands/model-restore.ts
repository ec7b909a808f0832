import { fromOnnx, restoreBatchNorm } from "isoloss-onnx";
import { readBatches } from "../model/batches.js";
import { type DataOptions, dataSource } from "../model/data-options.js";
import { namingFile, readModelFile } from "../model/read-model.js";
import { requireOutputs } from "../model/require-outputs.js";
import { type Sizes, sizesOf } from "../model/sizes.js";
import { preparedText, writePrepared } from "../model/write-prepared.js";

export interface RestoreOptions extends DataOptions {
  readonly calibration: string;
  readonly out: string;
  readonly epsilon: number;
  readonly tolerance?: number;
  readonly size: Sizes;
  readonly verify: boolean;
  readonly json: boolean;
}

/** `isoloss model restore`: batch normalizations put back into a model that was exported without. */
export async function restore(path: string, options: RestoreOptions): Promise<void> {
  const { calibration, out, epsilon, tolerance, size, verify, json } = options;
  const before = await readModelFile(path);
  await requireOutputs(before, { out }, [calibration]);
  const { inputs } = namingFile(path, () => fromOnnx(before.bytes));
  const batches = await readBatches(inputs, dataSource(calibration, options), size);
  const sizes = sizesOf(inputs, size, batches[0]);
  const preparation = await restoreBatchNorm(before.bytes, batches, { epsilon });
  const prepared = await writePrepared(before, out, preparation, { sizes, tolerance, verify });
  const text = preparedText(prepared, before, { out, sizes });
  process.stdout.write(json ? `${JSON.stringify(prepared)}\n` : `${text}\n`);
}
