// The file that is trained: what an exporter has changed for inference is undone.

import type { NdArray, RuntimeName } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import type { OnnxModel } from "isoloss/onnx";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { isStandard } from "../model-file/prepare/attributes.js";
import type { PreparationRow } from "../model-file/prepare/preparation.js";
import { restoreBatchNormIn } from "../model-file/prepare/restore-batch-norm.js";

/**
 * Gives each batch norm running statistics of its own. Exporters store equal tensors once, such as the zeros and
 * ones of new layers; such a tensor cannot follow several layers.
 */
export function withOwnStatistics(op: string, file: OnnxFile): OnnxFile {
  const editor = new GraphEditor(op, file);
  const norms = editor.nodes.filter((node) => node.opType === "BatchNormalization" && isStandard(node));
  // By layer and place: a layer may be applied several times.
  const added = new Map<string, string>();
  for (const node of norms) {
    const names = node.inputs.map((name, i) => {
      const floats = i === 3 || i === 4 ? editor.floats(name) : undefined;
      if (floats === undefined || isOwn(editor, node, i)) return name;
      const key = [i, ...node.inputs.slice(1)].join("\n");
      const own = added.get(key) ?? editor.add(`${name}_${node.outputs[0]}`, floats);
      added.set(key, own);
      return own;
    });
    if (names.some((name, i) => name !== node.inputs[i])) editor.rewire(node, { inputs: names });
  }
  return added.size === 0 ? file : editor.finish();
}

/** Whether only this layer reads an operand, in this place; a layer may be applied several times. */
function isOwn(editor: GraphEditor, node: OnnxNode, index: number): boolean {
  const name = node.inputs[index];
  const layer = node.inputs.slice(1).join("\n");
  return (
    !editor.uses.isCaptured(name) &&
    !editor.isOutput(name) &&
    editor.uses
      .readers(name)
      .every(
        ({ opType, inputs }) =>
          opType === "BatchNormalization" &&
          inputs.slice(1).join("\n") === layer &&
          inputs.every((other, i) => (other === name) === (i === index)),
      )
  );
}

/** A file with batch norms put back, and which those are. */
export interface RestoredFile {
  readonly file: OnnxFile;
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
  file: OnnxFile,
  batches: readonly Readonly<Record<string, NdArray>>[],
  { batchNorm, isRegression, frozen, runtime }: RestoreOptions,
): Promise<RestoredFile> {
  const before = resultsOf(file, "BatchNormalization");
  const mayHaveHad = !isRegression || resultsOf(file, "Conv", "ConvTranspose").size > 0;
  if (batchNorm === "keep" || (batchNorm === undefined && (before.size > 0 || !mayHaveHad))) {
    return { file, norms: new Set(), report: [] };
  }
  const { file: restored, report } = await restoreBatchNormIn(file, batches, {
    weights: (name) => !frozen.has(name.replaceAll(":", "_")),
    runtime,
  });
  const norms = [...resultsOf(restored, "BatchNormalization")].filter((result) => !before.has(result));
  return { file: restored, norms: new Set(norms), report };
}

/** The results of nodes of some operators. */
const resultsOf = (file: OnnxFile, ...operators: readonly string[]): ReadonlySet<string> =>
  new Set(
    file.model.graph.nodes
      .filter(({ opType }) => operators.includes(opType))
      .map(({ outputs: [result] }) => result),
  );

/** A file and the result of it that a loss takes. */
export interface TrainingFile {
  readonly file: OnnxFile;
  readonly output: string;
}

/** Operators that pass on all numbers of their operand in order. */
const passing = new Set(["Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);

/**
 * A file without the operator that a result ends in, of which the result may be another shape; the same file where it ends
 * in another operator.
 */
export function withoutEnd(op: string, given: TrainingFile, operator: string | undefined): TrainingFile {
  if (operator === undefined) return given;
  const editor = new GraphEditor(op, given.file);
  let end = given.output;
  let maker = editor.uses.maker(end);
  while (maker !== undefined && passing.has(maker.opType)) {
    [end] = maker.inputs;
    maker = editor.uses.maker(end);
  }
  if (maker?.opType !== operator) return given;
  const [operand] = maker.inputs;
  if (end !== given.output) {
    editor.rename(end, operand);
    return { file: editor.finish(), output: given.output };
  }
  editor.addOutput(operand);
  return { file: editor.finish(), output: operand };
}

/** A model with a first axis of any size for an input, whether or not its nodes allow that. */
export function withOpenBatch(model: OnnxModel, input: string): OnnxModel {
  const inputs = model.graph.inputs.map((info) =>
    info.name === input ? { ...info, shape: ["batch", ...(info.shape ?? []).slice(1)] } : info,
  );
  return { ...model, graph: { ...model.graph, inputs } };
}
