// The file without its batch norms. Loaded when it is asked for.
import { foldBatchNorm } from "isoloss-onnx";

export interface Folded {
  readonly bytes: Uint8Array;
  /** Batch norms that became part of the layer before them. */
  readonly count: number;
  /** Those that stayed, and why. */
  readonly left: readonly string[];
}

export function folded(file: Uint8Array): Folded {
  const { bytes, report } = foldBatchNorm(file);
  return {
    bytes,
    count: report.filter(({ changed }) => changed).length,
    left: report.flatMap(({ node, note, changed }) => (changed ? [] : [`${node}: ${note}`])),
  };
}
