import { restoreBatchNorm } from "isoloss-onnx";
import { importModel, readModelFile } from "../../formats/read-model.js";
import { readBatches } from "../../model/batches.js";
import { dataHelp, dataOptions, dataSource } from "../../model/data-options.js";
import { sizeOption, sizesOf } from "../../model/sizes.js";
import { preparedText, writePrepared } from "../../model/write-prepared.js";
import { required, type Values, value } from "../../option-rows.js";
import { requireOutputs } from "../../output.js";
import { positiveNumber } from "../../parse.js";
import type { Result } from "../command.js";
import { sameOutput } from "./options.js";

const options = {
  calibration: required(
    value("<path>", "examples: a .npy or .npz file, or a folder of images or of such folders"),
  ),
  epsilon: value("<number>", "of the batch normalizations", positiveNumber, 1e-5),
  ...dataOptions,
  size: sizeOption,
  ...sameOutput,
};

const help = `Each layer that an activation follows gets a batch normalization whose statistics are those of the examples, so that the
model computes the same; the report says which, and why not the others. Some hundred examples are good: --limit 500.
Before the file is written, the new model is compared with the old one on random inputs.

${dataHelp}

The document of --json: file, out, bytes, changed, left, largest (difference), inFloat64 (null: not needed), report [{node, opType, changed, note}].

Example:
  isoloss model restore model.onnx --calibration photos --out restored.onnx --limit 500`;

/** `isoloss model restore`: batch normalizations put back into a model that was exported without. */
async function run(path: string, settings: Values<typeof options>): Promise<Result> {
  const { calibration, out, epsilon, tolerance, size, verify } = settings;
  const before = await readModelFile(path);
  await requireOutputs(before, settings, [calibration]);
  const { inputs } = importModel(before);
  const batches = await readBatches(inputs, dataSource(calibration, settings), size);
  const sizes = sizesOf(inputs, size, batches[0]);
  const preparation = await restoreBatchNorm(before.bytes, batches, { epsilon });
  const document = await writePrepared(before, out, preparation, { sizes, tolerance, verify });
  return { document, text: [preparedText(document, before, { out, sizes })] };
}

export const restore = { options, help, run };
