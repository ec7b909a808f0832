// The file that is trained: what an exporter has changed for inference is undone.

import type { NdArray, RuntimeName } from "isoloss";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { PreparationRow } from "../model-file/prepare/preparation.js";
import { restoreBatchNorm } from "../model-file/prepare/restore-batch-norm.js";

/** A file with batch norms put back, and which those are. */
export interface RestoredFile {
  readonly bytes: Uint8Array;
  /** Results of the batch norms that the file did not have. */
  readonly norms: ReadonlySet<string>;
  readonly report: readonly PreparationRow[];
}

export interface RestoreOptions {
  /** Default: not in a file that has batch norms, of which none was folded, nor in one without convolutions for a regression. */
  readonly batchNorm: "restore" | "keep" | undefined;
  /** Whether the loss is of distances: the noise of batch statistics keeps outputs from exact numbers. */
  readonly isRegression: boolean;
  readonly frozen: ReadonlySet<string>;
  readonly runtime: RuntimeName;
}

/** Puts batch norms back, except where the weights of a layer are frozen. */
export async function restoredFile(
  bytes: Uint8Array,
  batches: readonly Readonly<Record<string, NdArray>>[],
  { batchNorm, isRegression, frozen, runtime }: RestoreOptions,
): Promise<RestoredFile> {
  const before = resultsOf(bytes, "BatchNormalization");
  const mayHaveHad = !isRegression || resultsOf(bytes, "Conv", "ConvTranspose").size > 0;
  if (batchNorm === "keep" || (batchNorm === undefined && (before.size > 0 || !mayHaveHad))) {
    return { bytes, norms: new Set(), report: [] };
  }
  const { bytes: restored, report } = await restoreBatchNorm(bytes, batches, {
    weights: (name) => !frozen.has(name.replaceAll(":", "_")),
    runtime,
  });
  const norms = [...resultsOf(restored, "BatchNormalization")].filter((result) => !before.has(result));
  return { bytes: restored, norms: new Set(norms), report };
}

/** The results of nodes of some operators. */
const resultsOf = (bytes: Uint8Array, ...operators: readonly string[]): ReadonlySet<string> =>
  new Set(
    decodeModel(bytes)
      .graph.nodes.filter(({ opType }) => operators.includes(opType))
      .map(({ outputs: [result] }) => result),
  );

/** A file and the result of it that a loss takes. */
export interface TrainingFile {
  readonly bytes: Uint8Array;
  readonly output: string;
}

/** Operators that pass on all numbers of their operand in order. */
const passing = new Set(["Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);

/**
 * A file without the operator that a result ends in, of which the result may be another shape; the same file where it ends
 * in another operator.
 */
export function withoutEnd(op: string, file: TrainingFile, operator: string | undefined): TrainingFile {
  if (operator === undefined) return file;
  const editor = new GraphEditor(op, file.bytes);
  let end = file.output;
  let maker = editor.uses.maker(end);
  while (maker !== undefined && passing.has(maker.opType)) {
    [end] = maker.inputs;
    maker = editor.uses.maker(end);
  }
  if (maker?.opType !== operator) return file;
  const [operand] = maker.inputs;
  if (end !== file.output) {
    editor.rename(end, operand);
    return { bytes: editor.finish(), output: file.output };
  }
  if (!editor.isOutput(operand)) editor.addOutput(operand);
  return { bytes: editor.finish(), output: operand };
}

/** A file with a first axis of any size for an input, whether or not its nodes allow that. */
export function withOpenBatch(bytes: Uint8Array, input: string): Uint8Array {
  const model = decodeModel(bytes);
  const inputs = model.graph.inputs.map((info) =>
    info.name === input ? { ...info, shape: ["batch", ...(info.shape ?? []).slice(1)] } : info,
  );
  return encodeModel({ ...model, graph: { ...model.graph, inputs } });
}
