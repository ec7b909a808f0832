import { dropMetadata, foldBatchNorm } from "isoloss-onnx";
import { bytesText } from "../../experiments/results/format-number.js";
import { namingFile, readModelFile } from "../../formats/read-model.js";
import { sizeOption } from "../../model/sizes.js";
import { preparedText, writePrepared } from "../../model/write-prepared.js";
import { flag, type Values } from "../../option-rows.js";
import { requireOutputs } from "../../output.js";
import type { Result } from "../command.js";
import { sameOutput } from "./options.js";

const options = {
  dropMetadata: flag("remove the exporter's metadata from nodes, values and tensors"),
  size: sizeOption,
  ...sameOutput,
};

const help = `Folds each batch normalization into the layer before it: W <- f W and b <- beta + (b - mean) f, with f = gamma / sqrt(var + eps).
The outputs stay the same up to rounding. A batch normalization stays where its input has other readers, or does not come from a
layer with weights of its own; the report says why. Before the file is written, both models are compared on random inputs. Data in
other files are moved into the new one. --drop-metadata removes the texts that an exporter left in nodes, values and tensors, such
as lines of Python; the metadata of the model itself stay.

The document of --json: file, out, bytes, changed, left, largest (difference), inFloat64 (null: not needed), report [{node, opType, changed, note}].

Example:
  isoloss model fold model.onnx --out folded.onnx`;

/** `isoloss model fold`: batch normalizations moved into the layers before them. */
async function run(path: string, settings: Values<typeof options>): Promise<Result> {
  const { out, size: sizes, tolerance, verify } = settings;
  const before = await readModelFile(path);
  await requireOutputs(before, settings);
  const { report, ...folded } = namingFile(path, () => foldBatchNorm(before.bytes));
  const bytes = settings.dropMetadata ? dropMetadata(folded.bytes) : folded.bytes;
  const dropped = folded.bytes.length - bytes.length;
  const document = await writePrepared(before, out, { bytes, report }, { sizes, tolerance, verify });
  const metadata = dropped > 0 ? ` ${bytesText(dropped)} of metadata left out.` : "";
  return { document, text: [`${preparedText(document, before, { out, sizes })}${metadata}`] };
}

export const fold = { options, help, run };
