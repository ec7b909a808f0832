import { resolve } from "node:path";
import { spec } from "isoloss";
import { type Summary, summary as summaryOf, summaryText } from "isoloss/nn";
import { importModel, readModelFile } from "../../formats/read-model.js";
import { type Sizes, shapesOf, sizeOption, sizesOf, sizesText, tracing } from "../../model/sizes.js";
import { json, type Values } from "../../option-rows.js";
import type { Result } from "../command.js";

const options = { size: sizeOption, json: json("one JSON document on stdout instead of the table") };

const help = `Each line is a layer: the operations that use its weights, and those after them up to the next layer. Multiply-adds are those of
matrix products and convolutions; FLOPs are two for each multiply-add, plus those of all other operations. The memory of a step is
that of weights, results and gradients if each result is freed after its last use; an optimizer's state comes on top.

The document of --json: file, sizes, layers [{name, operations, output, parameters, multiplyAdds, flops}], outputs {name:
shape}, parameters, state, multiplyAdds, flops, memory {parameters, results} in bytes.

Examples:
  isoloss model summary model.onnx
  isoloss model summary model.onnx --size batch=32 --json`;

/** The document of `isoloss model summary --json`. */
export interface ModelSummary extends Summary {
  readonly file: string;
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Sizes;
}

/** `isoloss model summary`: layers, shapes, parameters, operations and memory of an ONNX file. */
async function run(path: string, { size }: Values<typeof options>): Promise<Result> {
  const file = await readModelFile(path);
  const model = importModel(file);
  const sizes = sizesOf(model.inputs, size);
  const shapes = shapesOf(model.inputs, sizes);
  const specs = model.inputs.map(({ name, dtype }) => [name, spec(shapes[name], dtype)] as const);
  const layers = tracing(file, sizes, () => summaryOf(model, Object.fromEntries(specs)));
  const document: ModelSummary = { file: resolve(path), sizes, ...layers };
  const isOpen = Object.keys(sizes).length > 0;
  return {
    document,
    text: [summaryText(layers), ...(isOpen ? [`With ${sizesText(sizes)}; other sizes: --size NAME=N.`] : [])],
  };
}

export const summary = { options, help, run };
