import type { OnnxNode } from "isoloss/internal";
import { GraphEditor } from "../edit/graph-editor.js";
import { OnnxFile } from "../edit/onnx-file.js";
import { isStandard } from "./attributes.js";
import { encoded, type Preparation, type PreparedFile, rowOf } from "./preparation.js";

/**
 * Removes Identity and Dropout nodes, which do nothing in inference: their readers read what they read. So are Loops removed
 * that have no steps, or pass on what they were given; they count as an Identity for each result. One is left
 * where a graph inside a node reads its result, where it passes an input or a constant to an output of the model, and
 * where Dropout is in training mode or its mask is used.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @returns the new file, and a row for each Identity and Dropout
 * @throws DataError if the bytes are no ONNX model
 *
 * @example
 * const { bytes: after, report } = dropIdentity(before);
 */
export const dropIdentity = (bytes: Uint8Array): Preparation =>
  encoded(dropIdentityIn(OnnxFile.decode("dropIdentity", bytes)));

/** The same of a file that is decoded. */
export function dropIdentityIn(file: OnnxFile): PreparedFile {
  const editor = new GraphEditor("dropIdentity", file);
  for (const node of editor.nodes) {
    const identities = node.opType === "Loop" && isStandard(node) ? idleLoop(editor, node) : undefined;
    if (identities !== undefined) editor.replace(node, ...identities);
  }
  const idle = editor.nodes
    .filter(({ opType }) => opType === "Identity" || opType === "Dropout")
    .filter(isStandard);
  const report = idle.map((before) => {
    // The node as it is now: the removal of one before it may have changed its operand.
    const node = editor.uses.maker(before.outputs[0]);
    if (node?.opType !== before.opType || !node.inputs[0]) {
      return rowOf(before, { reason: "the file is damaged: it has no operand, or no result of its own" });
    }
    const reason = whyNeeded(editor, node) ?? drop(editor, node);
    return rowOf(node, reason === undefined ? { note: "removed" } : { reason });
  });
  return { file: editor.finish(), report };
}

/** Removes the Identity nodes through which exporters share equal stored tensors, such as the start values of batch norms. */
export function dropStoredIdentity(editor: GraphEditor): void {
  for (const { opType, outputs } of editor.nodes) {
    const node = opType === "Identity" ? editor.uses.maker(outputs[0]) : undefined;
    if (node === undefined || !isStandard(node) || editor.floatType(node.inputs[0] ?? "") === undefined)
      continue;
    if (whyNeeded(editor, node) === undefined) drop(editor, node);
  }
}

/** An Identity for each result of a Loop that does nothing; undefined for another one. */
function idleLoop(editor: GraphEditor, node: OnnxNode): readonly OnnxNode[] | undefined {
  const [count = "", start = "", ...carried] = node.inputs;
  const { body } = node.attributes;
  if (body?.kind !== "graph") return undefined;
  const { inputs, outputs, nodes } = body.value;
  const hasNoSteps = [count, start].some((name) => Number(editor.tensor(name)?.data[0] ?? 1) === 0);
  const isPassed = (k: number) => {
    let name = outputs[1 + k]?.name;
    for (const own of [...nodes].reverse()) {
      if (own.opType === "Identity" && own.outputs[0] === name) name = own.inputs[0];
    }
    return name !== undefined && name === inputs[2 + k]?.name;
  };
  const used = [...node.outputs.entries()].filter(
    ([, name]) => name !== "" && (editor.uses.isRead(name) || editor.isOutput(name)),
  );
  if (!used.every(([k]) => carried[k] && (hasNoSteps || isPassed(k)))) return undefined;
  return used.map(([k, name]) => ({
    opType: "Identity",
    inputs: [carried[k]],
    outputs: [name],
    attributes: {},
  }));
}

function whyNeeded(
  editor: GraphEditor,
  { opType, inputs, outputs: [output, mask] }: OnnxNode,
): string | undefined {
  if (editor.uses.isCaptured(output)) return "a graph inside a node reads its result";
  if (opType === "Identity") return undefined;
  if (mask && (editor.uses.isRead(mask) || editor.isOutput(mask))) return "its mask is used";
  if (inputs[2] && editor.tensor(inputs[2])?.data[0] !== 0) return "it may be in training mode";
  return undefined;
}

function drop(editor: GraphEditor, node: OnnxNode): string | undefined {
  const [from] = node.inputs;
  const [output] = node.outputs;
  if (!editor.isOutput(output)) {
    editor.replace(node);
    editor.rename(output, from);
    return undefined;
  }
  const maker = editor.uses.maker(from);
  if (maker === undefined || maker.opType === "Constant")
    return "it passes an input or a constant to an output";
  if (editor.isOutput(from) || editor.uses.isCaptured(from))
    return `${from} is needed under its own name, too`;
  editor.replace(node);
  editor.rename(from, output);
  editor.rewire(maker, { outputs: maker.outputs.map((name) => (name === from ? output : name)) });
  return undefined;
}
