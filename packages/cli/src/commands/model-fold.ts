import { foldBatchNorm } from "isoloss/onnx";
import { namingFile, readModelFile } from "../model/read-model.js";
import { requireOutputs } from "../model/require-outputs.js";
import type { Sizes } from "../model/sizes.js";
import { preparedText, writePrepared } from "../model/write-prepared.js";

export interface FoldOptions {
  readonly out: string;
  readonly tolerance?: number;
  readonly size: Sizes;
  readonly verify: boolean;
  readonly json: boolean;
}

/** `isoloss model fold`: batch normalizations moved into the layers before them. */
export async function fold(path: string, { out, size, tolerance, verify, json }: FoldOptions): Promise<void> {
  const before = await readModelFile(path);
  await requireOutputs(before, { out });
  const preparation = namingFile(path, () => foldBatchNorm(before.bytes));
  const prepared = await writePrepared(before, out, preparation, { sizes: size, tolerance, verify });
  process.stdout.write(json ? `${JSON.stringify(prepared)}\n` : `${preparedText(prepared, path, out)}\n`);
}
