import { allNodesOf } from "isoloss/internal";
import { Uses } from "../model-file/edit/graph-editor.js";
import { imported, type Runnable } from "../model-file/edit/onnx-file.js";

/** Operators whose stored operands may have an axis of channels. */
const channeled: ReadonlySet<string> = new Set([
  ...["Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu"],
  ...["BatchNormalization", "InstanceNormalization", "LayerNormalization"],
  ...["Conv", "ConvTranspose", "Gemm", "MatMul"],
]);

export interface ChanneledParameters {
  /** Whether a tensor of the file may have an axis that shrinks with the units. */
  readonly isParameter: (name: string) => boolean;
  /** Whether a parameter is a weight, rather than a statistic or a constant. */
  readonly isWeight: (name: string) => boolean;
  /** Names in the file by those of parameters. */
  readonly fileNames: ReadonlyMap<string, string>;
}

/** What of a file is taken as parameters where units go: weights, running statistics, and constants of channels. */
export function channeledParameters(file: Runnable): ChanneledParameters {
  const { graph } = file.model;
  const weights = new Set(Object.keys(imported(file).params));
  const nodes = allNodesOf(graph);
  const uses = new Uses(nodes);
  const constants = nodes.filter(({ opType }) => opType === "Constant").flatMap(({ outputs }) => outputs);
  const isChanneled = (name: string) => {
    const readers = uses.readers(name);
    return readers.length > 0 && readers.every(({ opType }) => channeled.has(opType));
  };
  return {
    isParameter: (name) => weights.has(named(name)) || isChanneled(name),
    isWeight: (name) => weights.has(name),
    fileNames: new Map(
      [...graph.initializers.map(({ name }) => name), ...constants].map((name) => [named(name), name]),
    ),
  };
}

/** Names of the parameters that are added to others alone, such as the mask of an attention, or biases of places. */
export function addedParameters(file: Runnable): ReadonlySet<string> {
  const nodes = allNodesOf(file.model.graph);
  const uses = new Uses(nodes);
  const isAdded = (name: string) => uses.readers(name).every(({ opType }) => opType === "Add");
  return new Set(nodes.flatMap(({ inputs }) => inputs.filter(isAdded).map(named)));
}

/** The name of a tensor of the file as a parameter. */
const named = (name: string): string => name.replaceAll(":", "_");
