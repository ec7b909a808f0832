// The file that is trained: what an exporter has changed for inference is undone.

import type { NdArray } from "../array.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { PreparationRow } from "../model-file/prepare/preparation.js";
import { restoreBatchNorm } from "../model-file/prepare/restore-batch-norm.js";
import type { RuntimeName } from "../runtime/compile.js";
import { decodeModel, encodeModel } from "../runtime/onnx/codec.js";

/** A file with batch norms put back, and which those are. */
export interface RestoredFile {
  readonly bytes: Uint8Array;
  /** Results of the batch norms that the file did not have. */
  readonly norms: ReadonlySet<string>;
  readonly report: readonly PreparationRow[];
}

export interface RestoreOptions {
  /** Default: not in a file that has batch norms, of which none was folded. */
  readonly batchNorm: "restore" | "keep" | undefined;
  readonly frozen: ReadonlySet<string>;
  readonly runtime: RuntimeName;
}

/** Puts batch norms back, except where the weights of a layer are frozen. */
export async function restoredFile(
  bytes: Uint8Array,
  batches: readonly Readonly<Record<string, NdArray>>[],
  { batchNorm, frozen, runtime }: RestoreOptions,
): Promise<RestoredFile> {
  const before = normsOf(bytes);
  if (batchNorm === "keep" || (batchNorm === undefined && before.size > 0)) {
    return { bytes, norms: new Set(), report: [] };
  }
  const { bytes: restored, report } = await restoreBatchNorm(bytes, batches, {
    weights: (name) => !frozen.has(name.replaceAll(":", "_")),
    runtime,
  });
  const norms = [...normsOf(restored)].filter((result) => !before.has(result));
  return { bytes: restored, norms: new Set(norms), report };
}

const normsOf = (bytes: Uint8Array): ReadonlySet<string> =>
  new Set(
    decodeModel(bytes)
      .graph.nodes.filter(({ opType }) => opType === "BatchNormalization")
      .map(({ outputs: [result] }) => result),
  );

/** A file and the result of it that a loss takes. */
export interface TrainingFile {
  readonly bytes: Uint8Array;
  readonly output: string;
}

/** The operand of an operator that makes a result, as a result of its own; the same file where another operator does. */
export function withOperandAsOutput(
  op: string,
  file: TrainingFile,
  operator: string | undefined,
): TrainingFile {
  if (operator === undefined) return file;
  const editor = new GraphEditor(op, file.bytes);
  const maker = editor.uses.maker(file.output);
  if (maker?.opType !== operator) return file;
  const [output] = maker.inputs;
  if (!editor.isOutput(output)) editor.addOutput(output);
  return { bytes: editor.finish(), output };
}

/** A file with a first axis of any size for an input, whether or not its nodes allow that. */
export function withOpenBatch(bytes: Uint8Array, input: string): Uint8Array {
  const model = decodeModel(bytes);
  const inputs = model.graph.inputs.map((info) =>
    info.name === input ? { ...info, shape: ["batch", ...(info.shape ?? []).slice(1)] } : info,
  );
  return encodeModel({ ...model, graph: { ...model.graph, inputs } });
}
