// Products of integers whose operand is rounded by its own range in each run.
import { dtypeCode, int, type OnnxNode } from "isoloss/internal";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { isReason } from "../model-file/prepare/linear-layer.js";
import { isProduct } from "./products.js";
import type { WrittenFile } from "./report.js";
import type { WeightSettings } from "./settings.js";
import { weightedLayer } from "./weighted-layer.js";
import { weightsAlone } from "./weights-alone.js";

/** The weights of products alone, and rows of embeddings, as integers. */
export const productWeights = (
  op: string,
  file: OnnxFile,
  weights: WeightSettings,
  leave: ReadonlySet<string>,
): WrittenFile => weightsAlone(op, file, weights, leave, { products: true });

/**
 * The same, whose products y = x W round what they read, too, by the least and largest number of it in each run:
 *
 *     y = s_x s_W (q_x - z_x) (q_W - z_W),    q_x, s_x, z_x = DynamicQuantizeLinear(x)
 *
 * with sums of integers (MatMulInteger), which ONNX Runtime joins with the factors behind them. No example is needed. Convolutions
 * stay float: the kernel of their integers (ConvInteger) is slower than that of floats.
 */
export function writeDynamic(
  op: string,
  file: OnnxFile,
  weights: WeightSettings,
  leave: ReadonlySet<string>,
): WrittenFile {
  const written = productWeights(op, file, weights, leave);
  const editor = new GraphEditor(op, written.file);
  const rounded = new Map<string, readonly string[]>();
  for (const { dequantized } of written.weights) {
    const stored = editor.uses.maker(dequantized);
    if (stored === undefined) continue;
    for (const product of editor.uses.readers(dequantized)) {
      const [x] = product.inputs;
      const operand = rounded.get(x) ?? writeOperand(editor, x);
      rounded.set(x, operand);
      writeProduct(editor, product, operand, stored.inputs);
    }
    editor.replace(stored);
  }
  return { ...written, file: editor.finish() };
}

/** Whether all layers are products, so that a file of integers in them alone is one of integers. */
export function holdsProducts(file: OnnxFile): boolean {
  const editor = new GraphEditor("quantizeModel", file);
  const layers = editor.nodes.filter((node) => {
    const layer = weightedLayer(editor, node);
    return layer !== undefined && !isReason(layer);
  });
  return layers.length > 0 && layers.every(isProduct);
}

/** Rounds a value for its readers; returns the names of integers, scale and zero point. */
function writeOperand(editor: GraphEditor, x: string): readonly string[] {
  const outputs = ["quantized", "scale", "zero_point"].map((what) => editor.freshName(`${x}_${what}`));
  editor.putBeforeReaders(x, { opType: "DynamicQuantizeLinear", inputs: [x], outputs, attributes: {} });
  return outputs;
}

function writeProduct(
  editor: GraphEditor,
  product: OnnxNode,
  [x, scaleOfX, zeroOfX]: readonly string[],
  [w, scaleOfW, zeroOfW]: readonly string[],
): void {
  const [y] = product.outputs;
  const [sums, floats, scale] = ["sums", "floats", "scale"].map((what) => editor.freshName(`${y}_${what}`));
  editor.replace(
    product,
    { opType: "MatMulInteger", inputs: [x, w, zeroOfX, zeroOfW], outputs: [sums], attributes: {} },
    { opType: "Cast", inputs: [sums], outputs: [floats], attributes: { to: int(dtypeCode("float32")) } },
    { opType: "Mul", inputs: [scaleOfX, scaleOfW], outputs: [scale], attributes: {} },
    { opType: "Mul", inputs: [floats, scale], outputs: [y], attributes: {} },
  );
}
