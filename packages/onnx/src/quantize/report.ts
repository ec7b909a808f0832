import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import type { Affine } from "./affine.js";
import type { WrittenWeight } from "./write-weights.js";

/** A node of a quantized file. */
export interface QuantizedNode {
  /** The name of the node's first result; of a product whose bias an Add adds, that of the sum. */
  readonly node: string;
  readonly opType: string;
  /** Bits of each number of its weight in the file; 32 where the weight is left. */
  readonly bits?: number | undefined;
  /** Why it stays as it is. */
  readonly note?: string | undefined;
}

export interface QdqReport {
  /** Layers, and other nodes whose operands and results are rounded, in the order of the graph. */
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
