// What an ONNX file holds: its interface, weights and operators.
import { sum } from "es-toolkit";
import { IsolossError, type NdArray, OptionError, sizeOf } from "isoloss";
import type { ImportedModel, OnnxModel } from "isoloss/onnx";
import { fromOnnx, modelOperators, type OperatorUse } from "isoloss-onnx";
import type { ModelFile } from "./read-model.js";
import { type Sizes, shapesOf, sizesOf, tracing } from "./sizes.js";

/** An input or output. */
export interface PortReport {
  readonly name: string;
  readonly dtype?: string | undefined;
  /** A string names an open size; the empty one has no name. Undefined where the number of axes is open. */
  readonly shape?: readonly (number | string)[] | undefined;
}

export interface TensorReport {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

export interface OperatorReport {
  readonly name: string;
  readonly count: number;
  readonly supported: boolean;
  /** Changes of hidden units that pass; undefined where nothing could be traced, and for constants. */
  readonly keeps?: readonly string[] | undefined;
}

/** The document of `isoloss model inspect --json`. */
export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly producer: string;
  readonly irVersion: number;
  /** Versions of operator sets by domain; that of the standard is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly PortReport[];
  readonly outputs: readonly PortReport[];
  /** Weights, as `fromOnnx` takes them; null where it cannot read the file. */
  readonly parameters: { readonly tensors: number; readonly numbers: number } | null;
  /** All tensors of the file. */
  readonly stored: { readonly tensors: number; readonly numbers: number; readonly bytes: number };
  readonly largest: readonly TensorReport[];
  readonly operators: readonly OperatorReport[];
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Why the model could not be read or traced. */
  readonly problem: string | null;
}

const LARGEST = 5;

export function inspectModel(file: ModelFile, given: Sizes): Inspection {
  const { path, bytes, model } = file;
  const { graph, opsets, producer, irVersion } = model;
  const tensors = storedTensors(graph);
  const { parameters, operators, sizes, problem } = tracedParts(file, given);
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return {
    file: path,
    bytes: bytes.length,
    producer,
    irVersion,
    opsets: Object.fromEntries(opsets.map(({ domain, version }) => [domain || "ai.onnx", version])),
    inputs: graph.inputs.filter(({ name }) => !initializers.has(name)).map(portOf),
    outputs: graph.outputs.map(portOf),
    parameters,
    stored: {
      tensors: tensors.length,
      numbers: sum(tensors.map(({ shape }) => sizeOf(shape))),
      bytes: sum(tensors.map((tensor) => tensor.bytes)),
    },
    largest: [...tensors].sort((a, b) => b.bytes - a.bytes).slice(0, LARGEST),
    operators,
    sizes,
    problem,
  };
}

/** What depends on reading the model as a computation. */
function tracedParts(
  file: ModelFile,
  given: Sizes,
): Pick<Inspection, "parameters" | "operators" | "sizes" | "problem"> {
  const { bytes } = file;
  const untraced = modelOperators(bytes).map(reportOf);
  let imported: ImportedModel;
  try {
    imported = fromOnnx(bytes);
  } catch (error) {
    return { parameters: null, operators: untraced, sizes: {}, problem: messageOf(error) };
  }
  const arrays: readonly NdArray[] = Object.values(imported.params);
  const parameters = { tensors: arrays.length, numbers: sum(arrays.map(({ data }) => data.length)) };
  try {
    const sizes = sizesOf(imported.inputs, given);
    const shapes = shapesOf(imported.inputs, sizes);
    const operators = tracing(file, sizes, () => modelOperators(bytes, { shapes })).map(reportOf);
    return { parameters, operators, sizes, problem: null };
  } catch (error) {
    return { parameters, operators: untraced, sizes: {}, problem: messageOf(error) };
  }
}

/** The message of an error about the file; a wrong option and a defect are thrown on. */
function messageOf(error: unknown): string {
  const isAboutFile = error instanceof IsolossError && !(error instanceof OptionError);
  if (!isAboutFile) throw error;
  return error.message;
}

const reportOf = ({ name, count, isSupported, keeps }: OperatorUse): OperatorReport => ({
  name,
  count,
  supported: isSupported,
  keeps,
});

const portOf = ({ name, dtype, shape }: OnnxModel["graph"]["inputs"][number]): PortReport => ({
  name,
  dtype,
  shape,
});

type OnnxGraph = OnnxModel["graph"];

/** The tensors of initializers and of nodes, those of graphs inside nodes too. */
const storedTensors = ({ initializers, nodes }: OnnxGraph): TensorReport[] => [
  ...initializers.map(tensorReport),
  ...nodes.flatMap(tensorsOf),
];

const tensorReport = ({ name, dtype, shape, data }: OnnxGraph["initializers"][number]): TensorReport => ({
  name,
  dtype,
  shape,
  bytes: data.byteLength,
});

/** The tensors in a node's attributes. A Constant has its numbers in those, too. */
function tensorsOf({ opType, attributes, outputs: [name] }: OnnxGraph["nodes"][number]): TensorReport[] {
  return Object.values(attributes).flatMap((a): TensorReport[] => {
    if (a.kind === "graph") return storedTensors(a.value);
    if (a.kind === "tensor") return [{ ...tensorReport(a.value), name }];
    if (opType !== "Constant" || typeof a.value === "string" || a.kind === "strings") return [];
    const shape = typeof a.value === "number" ? [] : [a.value.length];
    const [dtype, size] = a.kind.startsWith("float") ? (["float32", 4] as const) : (["int64", 8] as const);
    return [{ name, dtype, shape, bytes: size * sizeOf(shape) }];
  });
}
