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
  dropMetadata: flag("leave out what the exporter noted in nodes, values and tensors"),
  size: sizeOption,
  ...sameOutput,
};

const help = `W <- f W and b <- beta + (b - mean) f with f = gamma / sqrt(var + eps): the model computes the same. A batch normalization is
left where its input has other readers, or is no result of a layer with weights of its own: the report says why. Before
the file is written, the new model is compared with the old one on random inputs. Data that the model keeps in other
files are put into the new one. With --drop-metadata the texts and properties go that an exporter leaves in nodes, such as the
lines of Python that they come from; those of the model itself stay.

The document of --json: file, out, bytes, changed, left, largest (difference), report [{node, opType, changed, note}].

Example:
  isoloss model fold model.onnx --out folded.onnx`;

/** `isoloss model fold`: batch normalizations moved into the layers before them. */
async function run(path: string, settings: Values<typeof options>): Promise<Result> {
  const { out, size: sizes, tolerance, verify } = settings;
  const before = await readModelFile(path);
  await requireOutputs(before, { out });
  const { report, ...folded } = namingFile(path, () => foldBatchNorm(before.bytes));
  const bytes = settings.dropMetadata ? dropMetadata(folded.bytes) : folded.bytes;
  const dropped = folded.bytes.length - bytes.length;
  const document = await writePrepared(before, out, { bytes, report }, { sizes, tolerance, verify });
  const metadata = dropped > 0 ? ` ${bytesText(dropped)} of metadata left out.` : "";
  return { document, text: [`${preparedText(document, before, { out, sizes })}${metadata}`] };
}

export const fold = { options, help, run };
