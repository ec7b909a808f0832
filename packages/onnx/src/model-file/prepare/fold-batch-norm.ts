import { inCode, isFunction, type OnnxNode, type OptionsOf, optionTable } from "isoloss/internal";
import { GraphEditor } from "../edit/graph-editor.js";
import { OnnxFile } from "../edit/onnx-file.js";
import { float, int, isStandard } from "./attributes.js";
import { changeLayer } from "./change-layer.js";
import { dropStoredIdentity } from "./drop-identity.js";
import { isReason, linearLayer } from "./linear-layer.js";
import { encoded, type Outcome, type Preparation, type PreparedFile, rowOf } from "./preparation.js";
import { type LayoutOf, layouts } from "./value-layout.js";

export interface FoldBatchNormOptions extends OptionsOf<typeof foldBatchNormOptions> {}

const foldBatchNormOptions = optionTable("foldBatchNorm", {
  /** Which batch norms are folded, by the name of their result; default all. */
  norms: inCode<(result: string) => boolean>(
    "a function of the name of a batch norm's result",
    isFunction,
  ).otherwise("all"),
});

/**
 * Folds batch norms into the layers before them: Conv, ConvTranspose, Gemm, and MatMul with or without an Add of a
 * bias. For each channel c, with f_c = gamma_c / sqrt(var_c + eps):
 *
 *     W_c <- f_c W_c,    b_c <- beta_c + (b_c - mean_c) f_c
 *
 * computed in float64 and rounded to the file's type. The function stays the same to rounding. A batch norm is left
 * where its input is another operator's result or has other readers, where the layer's weight is shared or computed,
 * or in training mode. Equal tensors that are shared through Identity nodes are read directly. Everything else in the
 * file stays as it is.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @returns the new file, and a row for each batch norm
 * @throws DataError if the bytes are no ONNX model
 *
 * @example
 * const { bytes: folded, report } = foldBatchNorm(before);
 * report.filter(({ changed }) => !changed).map(({ node, note }) => `${node}: ${note}`);
 * (await compareModels(before, folded)).largest < 1e-4; // true
 */
export function foldBatchNorm(bytes: Uint8Array, options: FoldBatchNormOptions = {}): Preparation {
  const { norms } = foldBatchNormOptions.read(options);
  return encoded(foldBatchNormIn(OnnxFile.decode("foldBatchNorm", bytes), norms));
}

/** The same of a file that is decoded. */
export function foldBatchNormIn(file: OnnxFile, isWanted?: FoldBatchNormOptions["norms"]): PreparedFile {
  const editor = new GraphEditor("foldBatchNorm", file);
  dropStoredIdentity(editor);
  const layoutOf = layouts(editor);
  const norms = editor.nodes.filter((node) => node.opType === "BatchNormalization" && isStandard(node));
  const report = norms.map((node) => {
    const isChosen = isWanted?.(node.outputs[0]) ?? true;
    return rowOf(
      node,
      isChosen ? fold(editor, layoutOf, node) : { reason: "it is not among the chosen batch norms" },
    );
  });
  return { file: editor.finish(), report };
}

function fold(editor: GraphEditor, layoutOf: LayoutOf, node: OnnxNode): Outcome {
  if (int(node, "training_mode", 0) === 1) return { reason: "it is in training mode" };
  if (int(node, "spatial", 1) === 0) return { reason: "it normalizes every place by itself" };
  if (node.outputs.slice(1).some((name) => name !== ""))
    return { reason: "it returns statistics of the batch" };
  const [x, ...names] = node.inputs;
  const maker = editor.uses.maker(x);
  if (maker === undefined) return { reason: "its input is an input of the model" };
  if (!editor.isUsedOnce(x)) return { reason: `its input ${x} has other readers` };
  const layer = linearLayer(editor, layoutOf, maker);
  if (isReason(layer)) return { reason: `its input is a result of ${maker.opType}: ${layer.reason}` };
  const [gamma, beta, mean, variance] = names.map((name) => editor.floats(name)?.data);
  if (!gamma || !beta || !mean || !variance) return { reason: "its parameters are computed" };
  if (gamma.length !== layer.channels) {
    return { reason: `it has ${gamma.length} channels, the layer before it ${layer.channels}` };
  }
  const epsilon = float(node, "epsilon", 1e-5);
  if (variance.some((v) => !(v + epsilon > 0))) return { reason: "a variance is not positive" };
  const factors = gamma.map((g, c) => g / Math.sqrt(variance[c] + epsilon));
  const bias = beta.map((b, c) => b + (layer.bias[c] - mean[c]) * factors[c]);
  const end = changeLayer(editor, layer, { factors, bias, output: node.outputs[0] });
  if (isReason(end)) return end;
  editor.replace(node);
  return { note: `folded into ${end.opType} ${end.outputs[0]}` };
}
