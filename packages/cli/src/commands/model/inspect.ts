import { statSync } from "node:fs";
import { resolve } from "node:path";
import { sum, without } from "es-toolkit";
import { IsolossError, type NdArray, OptionError, sizeOf } from "isoloss";
import { groupBy } from "isoloss/internal";
import type { ImportedModel, OnnxModel } from "isoloss/onnx";
import { fromOnnx, liftBounds, modelOperators, type OperatorUse } from "isoloss-onnx";
import { bytesText } from "../../experiments/results/format-number.js";
import { textList, textTable } from "../../experiments/results/table.js";
import { type ModelFile, readModelFile } from "../../formats/read-model.js";
import { foldAdvice } from "../../model/discovery.js";
import { type Sizes, shapesOf, sizeOption, sizesOf, sizesText, tracing } from "../../model/sizes.js";
import { json, type Values } from "../../option-rows.js";
import { colors } from "../../terminal.js";
import type { Result } from "../command.js";

const options = { size: sizeOption, json: json() };

const help = `Remove operators that are not read before isoloss works with the model. "keeps" says which changes of
hidden units pass an operator: positive factors (scaling), signs, linear maps, another order (permutation). Each operator
is judged by itself; isoloss model symmetries judges the whole model. "prevents" says what is not possible because of an
operator: scaling, permutation or rotation of the units around it; of the whole file, quantize and half.

The document of --json: file, bytes, producer, irVersion, opsets, inputs and outputs [{name, dtype, shape}], parameters
{tensors, numbers} (null: the file could not be read), stored {tensors, numbers, bytes}, largest [{name, dtype, shape, bytes}], operators [{name, count,
supported, keeps (left out where nothing was traced), prevents}], sizes, problem (why it could not be traced, or null).

Examples:
  isoloss model inspect model.onnx
  isoloss model inspect model.onnx --size height=224 --size width=224`;

/** `isoloss model inspect`: what an ONNX file holds. */
async function run(path: string, { size }: Values<typeof options>): Promise<Result> {
  const inspection = inspectModel(await readModelFile(path, { withNumbers: false }), size);
  return { document: { ...inspection, file: resolve(path) }, text: inspectionText(inspection) };
}

export const inspect = { options, help, run };

/** An input or output. */
interface PortReport {
  readonly name: string;
  /** Left out where the file does not say. */
  readonly dtype?: string | undefined;
  /** A string names an open size; the empty one has no name. Undefined where the number of axes is open. */
  readonly shape?: readonly (number | string)[] | undefined;
}

interface TensorReport {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

interface OperatorReport {
  /** With its domain, if that is not the standard. */
  readonly name: string;
  /** Nodes. */
  readonly count: number;
  /** Whether `fromOnnx` reads it. */
  readonly supported: boolean;
  /** Changes of hidden units that pass; undefined where nothing could be traced, and for constants. */
  readonly keeps?: readonly string[] | undefined;
  /** Of scaling, permutation, rotation, quantize and half: what is not possible because of it. */
  readonly prevents: readonly string[];
}

/** The document of `isoloss model inspect --json`. */
export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  /** The program that wrote it. */
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
  /** The five largest. */
  readonly largest: readonly TensorReport[];
  /** The most frequent first. */
  readonly operators: readonly OperatorReport[];
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Why the model could not be read or traced. */
  readonly problem: string | null;
}

const LARGEST = 5;

function inspectModel(file: ModelFile, given: Sizes): Inspection {
  const { path, files, model } = file;
  const { graph, opsets, producer, irVersion } = model;
  const tensors = storedTensors(graph);
  const { parameters, operators, sizes, problem } = tracedParts(file, given);
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  return {
    file: path,
    bytes: sum(files.map((own) => statSync(own).size)),
    producer,
    irVersion,
    opsets: Object.fromEntries(opsets.map(({ domain, version }) => [domain || "ai.onnx", version])),
    inputs: graph.inputs.filter(({ name }) => !initializers.has(name)),
    outputs: graph.outputs,
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
  const { bytes, external } = file;
  const untraced = modelOperators(bytes, { external }).map(operatorReport);
  let imported: ImportedModel;
  try {
    imported = fromOnnx(bytes, { external });
  } catch (error) {
    return { parameters: null, operators: untraced, sizes: {}, problem: messageOf(error) };
  }
  const arrays: readonly NdArray[] = Object.values(imported.params);
  const parameters = { tensors: arrays.length, numbers: sum(arrays.map(({ data }) => data.length)) };
  try {
    const sizes = sizesOf(imported.inputs, given);
    const shapes = shapesOf(imported.inputs, sizes);
    // As balance does: a Clip with a bound for each channel ends no scaling.
    const lifted = external === undefined ? liftBounds(bytes).report.filter(({ changed }) => changed) : [];
    const operators = tracing(file, sizes, () => modelOperators(bytes, { shapes, external })).map((use) => {
      const own = operatorReport(use);
      const isLifted = lifted.filter(({ opType }) => opType === use.name).length === use.count;
      return isLifted ? { ...own, prevents: without(own.prevents, "scaling") } : own;
    });
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

const operatorReport = ({ name, count, isSupported, keeps, prevents }: OperatorUse): OperatorReport => ({
  name,
  count,
  supported: isSupported,
  keeps,
  prevents,
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

const legend =
  "\n  keeps: the changes of hidden units that pass an operator; prevents: what is not possible because of it";

function inspectionText(inspection: Inspection): string[] {
  const { bold } = colors();
  const { inputs, outputs, operators, largest } = inspection;
  const sections: readonly (readonly [string, string])[] = [
    ["inputs", portsText(inputs)],
    ["outputs", portsText(outputs)],
    [
      "operators",
      textTable(
        ["  operator", "nodes", "read", "keeps", "prevents"],
        operators.map(({ name, count, supported, keeps, prevents }) => [
          `  ${name}`,
          String(count),
          supported ? "yes" : "no",
          keeps === undefined ? "-" : keptText(keeps),
          prevents.join(", ") || "-",
        ]),
      ) + legend,
    ],
    [
      "largest tensors",
      textTable(
        ["  tensor", "shape", "type", "size"],
        largest.map(({ name, shape, dtype, bytes }) => [
          `  ${name}`,
          shape.join(" x "),
          dtype,
          bytesText(bytes),
        ]),
      ),
    ],
  ];
  const texts = sections.filter(([, text]) => text !== "").map(([title, text]) => `${bold(title)}\n${text}`);
  return [headText(inspection), ...texts, notesText(inspection)].filter((text) => text !== "");
}

function headText({ file, bytes, opsets, irVersion, producer, parameters, stored }: Inspection): string {
  const sets = Object.entries(opsets).map(([domain, version]) => `${domain} ${version}`);
  return textList(
    [
      ["file", `${file}, ${bytesText(bytes)}`],
      ["operator set", `${sets.join(", ")}; IR version ${irVersion}`],
      ["producer", producer || "unknown"],
      [
        "parameters",
        parameters === null ? "?" : `${grouped(parameters.numbers)} numbers in ${parameters.tensors} tensors`,
      ],
      [
        "stored",
        `${grouped(stored.numbers)} numbers in ${stored.tensors} tensors, ${bytesText(stored.bytes)}`,
      ],
    ],
    "",
  );
}

const portsText = (ports: readonly PortReport[]): string =>
  ports.length === 0
    ? ""
    : textList(
        ports.map(({ name, dtype, shape }) => [
          name,
          `${dtype ?? "of unknown type"} ${shape === undefined ? "of an unknown number of axes" : `[${shape.map((n) => n || "?").join(", ")}]`}`,
        ]),
      );

const changes = ["scaling", "sign", "linear", "permutation"];

function keptText(keeps: readonly string[]): string {
  if (keeps.length === changes.length) return "all";
  return keeps.length === 0 ? "nothing" : keeps.join(", ");
}

/** What to conclude. */
function notesText({ operators, problem, sizes }: Inspection): string {
  if (problem !== null) return problem;
  const stopping = groupBy(
    operators.filter(({ keeps, prevents }) => keeps !== undefined && prevents.includes("scaling")),
    ({ keeps = [] }) => keeps.join(", "),
  );
  const lines = [...stopping].map(([kept, list]) => {
    const names = list.map(({ name }) => name).join(", ");
    return `${names}: no scalings of hidden units pass, ${kept === "" ? "nor anything else" : `only ${kept}`}.`;
  });
  const isUnfolded = operators.some(({ name }) => name === "BatchNormalization");
  return [
    ...lines,
    ...(isUnfolded ? [foldAdvice] : []),
    ...(Object.keys(sizes).length > 0
      ? [`Traced with ${sizesText(sizes)}; other sizes: --size NAME=N.`]
      : []),
  ].join("\n");
}

const grouped = (n: number): string => n.toLocaleString("en-US");
