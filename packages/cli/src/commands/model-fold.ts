import { foldBatchNorm } from "isoloss/onnx";
import { namingFile, readModelFile } from "../model/read-model.js";
import type { Sizes } from "../model/sizes.js";
import { preparedText, requireOtherFile, writePrepared } from "../model/write-prepared.js";

export interface FoldOptions {
  readonly out: string;
  readonly tolerance: number;
  readonly size: Sizes;
  readonly verify: boolean;
  readonly json: boolean;
}

/** `isoloss model fold`: batch normalizations moved into the layers before them. */
export async function fold(path: string, { out, size, tolerance, verify, json }: FoldOptions): Promise<void> {
  const before = await readModelFile(path);
  await requireOtherFile(before, out);
  const preparation = namingFile(path, () => foldBatchNorm(before.bytes));
  const prepared = await writePrepared(before, out, preparation, { sizes: size, tolerance, verify });
  process.stdout.write(json ? `${JSON.stringify(prepared)}\n` : `${preparedText(prepared, path, out)}\n`);
}
