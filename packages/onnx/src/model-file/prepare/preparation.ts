import type { OnnxNode } from "isoloss/internal";
import type { OnnxFile } from "../edit/onnx-file.js";
import { isReason, type Reason } from "./linear-layer.js";

/** What a preparation did with a node, or why it left it. */
export interface PreparationRow {
  /** The node's name, or that of its first result if it has none. */
  readonly node: string;
  readonly opType: string;
  readonly changed: boolean;
  /** What was done, or the reason why nothing was. */
  readonly note: string;
}

/** A file that computes the same function in another form. */
export interface Preparation {
  /** The bytes of the new file. */
  readonly bytes: Uint8Array;
  /** One row for each node that was changed or could not be. */
  readonly report: readonly PreparationRow[];
}

/** The same before the file is encoded. */
export interface PreparedFile extends Pick<Preparation, "report"> {
  readonly file: OnnxFile;
}

export const encoded = ({ file, report }: PreparedFile): Preparation => ({ bytes: file.bytes, report });

/** What was done with a node, or why nothing was. */
export type Outcome = { readonly note: string } | Reason;

export const rowOf = ({ name, opType, outputs }: OnnxNode, outcome: Outcome): PreparationRow => ({
  node: name || outputs[0],
  opType,
  changed: !isReason(outcome),
  note: isReason(outcome) ? outcome.reason : outcome.note,
});
