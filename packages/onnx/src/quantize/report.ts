import type { OnnxNode } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import type { Affine } from "./affine.js";
import type { Plan } from "./plan.js";
import { layerName } from "./weighted-layer.js";
import type { WrittenWeight } from "./write-weights.js";

/** What a node of a quantized file runs as. */
export interface QuantizedNode {
  /** The name of the node's first result; of a product whose bias an Add adds, that of the sum. */
  readonly node: string;
  readonly opType: string;
  /** The kernel that ONNX Runtime's CPU runs it by, such as QLinearConv; `float` if it computes with floats. */
  readonly runs: string;
  /** Bits of each number of its weight in the file; 32 where the weight is left. */
  readonly bits?: number | undefined;
  /** Why it stays as it is. */
  readonly note?: string | undefined;
}

export interface QdqReport {
  /** Layers, and other nodes that run on integers, in the order of the graph. */
  readonly nodes: readonly QuantizedNode[];
  /** Scales and zero points of the activations, by the names of the values. */
  readonly scales: ReadonlyMap<string, Affine>;
  /** How many scales of weights are larger than the weights need, so that a large bias fits 32 bits. */
  readonly raisedScales: number;
}

export interface QuantizedFile {
  readonly bytes: Uint8Array;
  readonly report: QdqReport;
}

/** The same before it is encoded. */
export interface WrittenFile extends Pick<QuantizedFile, "report"> {
  readonly file: OnnxFile;
  readonly weights: readonly WrittenWeight[];
}

/** The rows of a graph before it is changed. */
export function rowsOf(editor: GraphEditor, plan: Plan): readonly QuantizedNode[] {
  const rows = new Map<OnnxNode, Omit<QuantizedNode, "node" | "opType">>();
  const values = new Set(plan.values);
  for (const { node, sum } of plan.layers) {
    const isRounded = plan.endsOf.get(node)?.some((value) => values.has(value)) ?? false;
    const runs = sum === undefined ? kernelOf(node, isRounded) : kernelOfSum(editor);
    rows.set(node, { runs, bits: 8 });
  }
  for (const { node } of plan.weightsAlone) {
    rows.set(node, { runs: "float", bits: 8, note: "the runtime has no kernel for it" });
  }
  for (const [node, { kernel }] of plan.others) rows.set(node, { runs: kernel });
  for (const [node, { reason }] of plan.left) rows.set(node, { runs: "float", bits: 32, note: reason });
  return editor.nodes.flatMap((node) => {
    const row = rows.get(node);
    return row === undefined ? [] : [{ node: layerName(editor, node), opType: node.opType, ...row }];
  });
}

function kernelOf({ opType }: OnnxNode, isRounded: boolean): string {
  if (opType === "Conv") return "QLinearConv";
  if (opType === "Gemm") return "QGemm";
  return isRounded ? "QLinearMatMul" : "MatMulIntegerToFloat";
}

/** The runtime makes a Gemm of a product and a sum of several axes where it knows all sizes. */
function kernelOfSum(editor: GraphEditor): string {
  const shapes = editor.nodes.flatMap(({ inputs }) => inputs.map((name) => editor.input(name)));
  const isOpen = shapes.some((own) => own !== undefined && own.shape?.every(Number.isInteger) !== true);
  return isOpen ? "MatMulIntegerToFloat" : "QGemm";
}
