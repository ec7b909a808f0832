import { dropMetadata, foldBatchNorm } from "isoloss-onnx";
import { bytesText } from "../model/bytes-text.js";
import { namingFile, readModelFile } from "../model/read-model.js";
import { requireOutputs } from "../model/require-outputs.js";
import type { Sizes } from "../model/sizes.js";
import { preparedText, writePrepared } from "../model/write-prepared.js";

export interface FoldOptions {
  readonly out: string;
  readonly tolerance?: number;
  readonly size: Sizes;
  readonly verify: boolean;
  readonly dropMetadata: boolean;
  readonly json: boolean;
}

/** `isoloss model fold`: batch normalizations moved into the layers before them. */
export async function fold(path: string, options: FoldOptions): Promise<void> {
  const { out, size, tolerance, verify, json } = options;
  const before = await readModelFile(path);
  await requireOutputs(before, { out });
  const { report, ...folded } = namingFile(path, () => foldBatchNorm(before.bytes));
  const bytes = options.dropMetadata ? dropMetadata(folded.bytes) : folded.bytes;
  const dropped = folded.bytes.length - bytes.length;
  const prepared = await writePrepared(before, out, { bytes, report }, { sizes: size, tolerance, verify });
  const text = `${preparedText(prepared, before, { out, sizes: size })}${dropped > 0 ? ` ${bytesText(dropped)} of metadata left out.` : ""}`;
  process.stdout.write(json ? `${JSON.stringify(prepared)}\n` : `${text}\n`);
}
