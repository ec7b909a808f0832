import { resolve } from "node:path";
import { spec } from "isoloss";
import { type Summary, summary as summaryOf, summaryText } from "isoloss/nn";
import { fromOnnx } from "isoloss-onnx";
import { namingFile, readModelFile } from "../model/read-model.js";
import { type Sizes, shapesOf, sizesOf, sizesText, tracing } from "../model/sizes.js";

export interface SummaryOptions {
  readonly size: Sizes;
  readonly json: boolean;
}

/** The document of `isoloss model summary --json`. */
export interface ModelSummary extends Summary {
  readonly file: string;
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Sizes;
}

/** `isoloss model summary`: layers, shapes, parameters, operations and memory of an ONNX file. */
export async function summary(path: string, { size, json }: SummaryOptions): Promise<void> {
  const file = await readModelFile(path);
  const model = namingFile(path, () => fromOnnx(file.bytes));
  const sizes = sizesOf(model.inputs, size);
  const shapes = shapesOf(model.inputs, sizes);
  const specs = model.inputs.map(({ name, dtype }) => [name, spec(shapes[name], dtype)] as const);
  const found = tracing(file, sizes, () => summaryOf(model, Object.fromEntries(specs)));
  if (json) {
    const document: ModelSummary = { file: resolve(path), sizes, ...found };
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  const note =
    Object.keys(sizes).length === 0 ? "" : `\n\nWith ${sizesText(sizes)}; other sizes: --size NAME=N.`;
  process.stdout.write(`${summaryText(found)}${note}\n`);
}
