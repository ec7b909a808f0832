// The ONNX standard (onnx.ai/onnx/operators): models of dense tensors.

import {
  astype,
  DataError,
  type DType,
  DTypeError,
  type ImportedInput,
  type ImportedModel,
  isNdArray,
  type NdArray,
  OptionError,
  ShapeError,
  type Tensor,
} from "isoloss";
import {
  allNodesOf,
  describeValue,
  formatType,
  isFloat,
  isTensor,
  isTracing,
  type OnnxGraph,
  type OnnxNode,
  type OnnxValueInfo,
  ownEntry,
  requireBytes,
  requireFlags,
  requireKnown,
} from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import { decodeModel, type ExternalData, type OnnxModel } from "isoloss/onnx";
import { constant, reshape } from "isoloss/ops";
import { arrayOf, constantOf, importedDType } from "./arrays.js";
import { Call, isStandard, operatorName } from "./call.js";
import { NodeCount } from "./limits.js";
import { operators } from "./operators/operators.js";
import { epsilonsOf, factorsOf, type NamedTensor, parametersOf, runningStatisticsOf } from "./parameters.js";
import { asEntry, type Entry, isSequence, type ReadValue, Scope, type Settings } from "./value.js";

export interface FromOnnxOptions<Out extends string = string> {
  /** Names of the results that the model returns; default: all results of the file. */
  readonly outputs?: readonly Out[] | undefined;
  /** The dtype of all floats of the model; default float64 if the file's weights are float64, else float32. */
  readonly dtype?: FloatDType | undefined;
  /**
   * Which of the file's float tensors are trained, by name; default: those that a node takes as an operand,
   * Constant nodes of different numbers included, except single numbers, running statistics, bounds, exponents and
   * what computes them. The others are constants.
   */
  readonly isParameter?: ((name: string) => boolean) | undefined;
  /**
   * Whether the small constants that normalizations add to a variance are parameters, too, one for each and named
   * `RESULT.epsilon`: then scalings of what a LayerNormalization reads are exact; default false.
   */
  readonly epsilons?: boolean | undefined;
  /** The files with the model's external data: bytes by location, or a function that reads them. */
  readonly external?: ExternalData | undefined;
}

/**
 * Reads an `.onnx` file as a model that can be differentiated, trained and teleported: the inverse of
 * `toOnnx`. Its symmetries are found from its graph, like those of any loss.
 *
 * It reads models of standard operators, of all versions of the operator set, and of those that ONNX Runtime's optimizer and
 * exporters of transformers write (`com.microsoft`); the site of the documents lists them. Among them are branches and loops, recurrent layers, losses, sequences of tensors and quantized numbers. `apply` takes
 * sizes that the file leaves open from its inputs; they, and inputs given as arrays, must determine every computed
 * shape. Batch normalization uses its running statistics unless the file says otherwise, dropout does nothing.
 *
 * Floats of 16 bits are read as float32, and a Cast to them rounds; stored ones of 8 bits are constants. Integers of 32 bits and fewer wrap around as in
 * the file; those of 64 bits are exact up to 2^53. A gradient passes through a QuantizeLinear to the DequantizeLinear
 * that takes its result, as if it did not round, and is 0 for numbers beyond the range.
 *
 * @param options `outputs`, `dtype`, `isParameter`, `epsilons` and `external`
 * @throws OptionError for an output that the model does not have; DataError when the bytes are not an ONNX
 *   model or the model uses unknown operators, which the message names. `apply` throws DataError if a node is
 *   used in an unsupported way, ShapeError or DTypeError if inputs do not fit.
 *
 * @example
 * const model = fromOnnx(bytes, { outputs: ["logits"] });
 * const loss = (p, { x, y }) => crossEntropy(model.apply(p, { input: x }).logits, y);
 * const { scaling } = symmetriesOf(loss, model.params, { x, y });
 */
export function fromOnnx<const Out extends string = string>(
  bytes: Uint8Array,
  options: FromOnnxOptions<Out> = {},
): ImportedModel<Out> {
  requireBytes("fromOnnx", bytes);
  requireKnown(
    "fromOnnx",
    options,
    ["dtype", "epsilons", "external", "isParameter", "outputs"],
    'fromOnnx(bytes, { dtype: "float64" })',
  );
  const { dtype, epsilons = false, external, isParameter, outputs: wanted } = options;
  requireFlags("fromOnnx", { epsilons });
  if (isParameter !== undefined && typeof isParameter !== "function") {
    throw new OptionError(
      `fromOnnx: isParameter must be a function of a tensor's name; got ${describeValue(isParameter)}.`,
    );
  }
  if (dtype !== undefined && dtype !== "float32" && dtype !== "float64") {
    throw new OptionError(`fromOnnx: dtype must be float32 or float64; got ${describeValue(dtype)}.`);
  }
  if (wanted !== undefined && !Array.isArray(wanted)) {
    throw new OptionError(
      `fromOnnx: outputs must be a list of names, such as ["logits"]; got ${describeValue(wanted)}.`,
    );
  }
  return importedModel(() => decodeModel(bytes, { external }), {
    dtype,
    epsilons,
    isParameter,
    outputs: wanted,
  });
}

export interface ImportSettings<Out extends string = string> extends Omit<FromOnnxOptions<Out>, "external"> {
  /** Whether the factors of GELUs are parameters, too, one for each and named `RESULT.factor`. */
  readonly factors?: boolean | undefined;
  /** Changes what nodes read. */
  readonly read?: ReadValue | undefined;
}

/** The same of a file that `decode` reads. */
export function importedModel<const Out extends string = string>(
  decode: () => OnnxModel,
  settings: ImportSettings<Out> = {},
): ImportedModel<Out> {
  const { dtype, epsilons, factors, isParameter, outputs: wanted, read } = settings;
  const model = readable(decode);
  const opset = requireOperators(model);
  const { graph } = model;
  const nodes = allNodesOf(graph);
  const outputs = wanted ?? graph.outputs.map(({ name }) => name as Out);
  const missing = outputs.find((name) => !graph.outputs.some((output) => output.name === name));
  if (missing !== undefined) {
    throw new OptionError(
      `fromOnnx: the model has no output "${missing}"; it has ${graph.outputs.map(({ name }) => name).join(", ")}.`,
    );
  }
  const trained = parametersOf(graph, isParameter);
  const float = dtype ?? (trained.some(({ tensor }) => tensor.dtype === "float64") ? "float64" : "float32");
  const lifted = [...(epsilons ? epsilonsOf(graph) : []), ...(factors ? factorsOf(graph) : [])];
  const params = Object.fromEntries([
    ...trained.map(({ name, tensor }) => [name, arrayOf(tensor, float)]),
    ...lifted.map(({ name, value }) => [name, astype({ shape: [], data: Float64Array.of(value) }, float)]),
  ]);
  const carried = runningStatisticsOf(graph, trained);
  const state = Object.fromEntries(carried.map(({ name, tensor }) => [name, arrayOf(tensor, float)]));
  const readNames = nodes.flatMap((node) => node.inputs);
  const readsOf = new Map(
    trained.map(({ tensor: { name } }) => [name, readNames.filter((own) => own === name).length]),
  );
  const givenNames = new Set([...trained, ...carried].map(({ tensor }) => tensor.name));
  const isGiven = ({ opType, outputs: [own] }: OnnxNode) => opType === "Constant" && givenNames.has(own);
  const computed = { ...graph, nodes: graph.nodes.filter((node) => !isGiven(node)) };
  const stored = new Set(graph.initializers.map(({ name }) => name));
  const infos = graph.inputs.filter(({ name }) => !stored.has(name));
  const inputs = infos.map((info) => ({ ...inputOf(info, float), ...tableRowsOf(graph, info) }));

  const applyWithState: ImportedModel<Out>["applyWithState"] = (given, data, context) => {
    requireTracing([...Object.values(given), ...Object.values(data)]);
    const scope = new Scope();
    const store = (tensors: readonly NamedTensor[], values: Readonly<Record<string, Tensor | NdArray>>) => {
      for (const { name, tensor: stored } of tensors) {
        const tensor = fitting(name, stored.shape, float, ownEntry(values, name));
        scope.set(stored.name, { tensor, kind: stored.dtype });
      }
    };
    store(trained, given);
    store(carried, { ...state, ...context.state });
    inputs.forEach(({ name, dtype, shape }, i) => {
      const tensor = fitting(name, shape, dtype, ownEntry(data, name));
      scope.set(name, { tensor, kind: infos[i].dtype ?? "float32" });
    });
    const own = carried.filter(({ name }) => Object.hasOwn(context.state, name));
    const updated = new Set(context.training ? own.map(({ tensor }) => tensor.name) : []);
    const count = new NodeCount(nodes.length);
    const reads = new Map(
      [...readsOf].flatMap(([name, number]) => {
        const value = scope.get(name);
        return value === undefined || isSequence(value) ? [] : [[value.tensor, number] as const];
      }),
    );
    const added = new Map(
      lifted.map(({ name, node, operand }) => [
        node,
        { tensor: fitting(name, [], float, ownEntry(given, name)), operand },
      ]),
    );
    evaluate(computed, scope, { opset, dtype: float, count, reads, lifted: added, updated, read });
    const results = outputs.map((name) => {
      const result = resultOf(name, scope, graph);
      return [name, read === undefined || !isFloat(result.dtype) ? result : read(result, name)] as const;
    });
    return {
      output: Object.fromEntries(results) as Record<Out, Tensor>,
      state: Object.fromEntries(own.map(({ name, tensor }) => [name, resultOf(tensor.name, scope, graph)])),
    };
  };
  return {
    params,
    state,
    inputs,
    outputs,
    apply: (given, data) => applyWithState(given, data, { state: {} }).output,
    applyWithState,
  };
}

/** Throws where nothing is traced: the results would be tensors that never get values. */
function requireTracing(values: readonly unknown[]): void {
  if (isTracing() || values.some(isTensor)) return;
  throw new DTypeError(
    "fromOnnx: apply is called with arrays, and no function is being traced: there is nothing to compute yet. Trace it " +
      "and run it: const f = await jit((params, x) => model.apply(params, { x }), [model.params, x]); await f(model.params, x).",
  );
}

/** The version of the operator set, if all nodes can be traced. */
function requireOperators({ opsets, graph }: OnnxModel): number {
  const unknown = new Set(
    allNodesOf(graph)
      .map(operatorName)
      .filter((name) => !operators.has(name)),
  );
  if (unknown.size > 0) {
    throw new DataError(
      `fromOnnx: the model uses operators that are not supported: ${[...unknown].join(", ")}. ` +
        "Export it for inference, with operators of the ONNX standard.",
    );
  }
  return opsets.find(({ domain }) => isStandard(domain))?.version ?? 1;
}

function inputOf({ name, dtype = "float32", shape }: OnnxValueInfo, float: FloatDType): ImportedInput {
  return { name, dtype: importedDType(dtype, float), shape };
}

/** Checks a parameter or input against the file, and returns it; an array becomes a constant. */
function fitting(
  name: string,
  shape: readonly (number | string)[] | undefined,
  dtype: DType,
  value: Tensor | NdArray | undefined,
): Tensor {
  const expected = `${dtype}[${shape?.join(", ") ?? "..."}]`;
  if (value === undefined) throw new ShapeError(`fromOnnx: "${name}" is missing; it must be ${expected}.`);
  const given = isNdArray(value) ? constant(value) : value;
  const isSame = (n: number, d: number) => typeof shape?.[d] === "string" || shape?.[d] === n;
  if (shape && !(given.rank === shape.length && given.shape.every(isSame))) {
    throw new ShapeError(
      `fromOnnx: "${name}" must be ${expected}; got ${formatType(given)}. Sizes can differ where the file leaves them open (dynamic axes).`,
    );
  }
  if (given.dtype === dtype) return given;
  throw new DTypeError(
    `fromOnnx: "${name}" must be ${expected}; got ${formatType(given)}. Convert it, or read the model with another \`dtype\`.`,
  );
}

function resultOf(name: string, scope: Scope, graph: OnnxGraph): Tensor {
  const value = scope.get(name);
  if (isSequence(value))
    throw new DataError(`fromOnnx: the model's output "${name}" is a sequence, not a tensor.`);
  if (value !== undefined) return value.tensor;
  const maker = graph.nodes.find(({ outputs }) => outputs.includes(name));
  throw new DataError(
    `fromOnnx: the model's output "${name}" is a result of ${maker?.opType ?? "no node"} that is not supported.`,
  );
}

/** A decoded file, or an error that says that the bytes are no ONNX model. */
function readable(read: () => OnnxModel): OnnxModel {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    const message = `fromOnnx: the bytes are not a readable ONNX model: ${cause.message}`;
    throw new DataError(message, { cause });
  }
}

/** Traces the nodes of a graph; the results are left in the scope. Stored tensors that it does not have are constants. */
function evaluate(graph: OnnxGraph, scope: Scope, settings: Settings): void {
  for (const stored of graph.initializers) {
    if (scope.get(stored.name)) continue;
    scope.set(stored.name, { tensor: constantOf(stored, settings.dtype), kind: stored.dtype });
  }
  for (const node of graph.nodes) evaluateNode(node, scope, settings);
}

function evaluateNode(node: OnnxNode, scope: Scope, settings: Settings): void {
  settings.count.add();
  const { read } = settings;
  const lifted = settings.lifted.get(node);
  const operands = node.inputs.map((name, i): Entry | undefined => {
    const own = name === "" ? undefined : scope.get(name);
    if (own === undefined || isSequence(own)) return own;
    const isLifted = lifted?.operand === i;
    const tensor = isLifted ? reshape(lifted.tensor, own.tensor.shape) : own.tensor;
    if (read === undefined || !isFloat(tensor.dtype)) return { ...own, tensor };
    return { ...own, tensor: read(tensor, name, node, isLifted) };
  });
  const call = new Call(node, operands, scope, settings, evaluate);
  const lost = node.inputs.find((name, i) => name !== "" && operands[i] === undefined);
  if (lost !== undefined) call.fail(`its operand "${lost}" is a result that is not supported`);
  const results = naming(node, () => operators.get(operatorName(node))?.(call) ?? []);
  const list = "length" in results ? results : [results];
  list.forEach((result, i) => {
    if (node.outputs[i]) scope.set(node.outputs[i], asEntry(result, operands));
  });
}

/** What a node gives; an error about shapes names it, the innermost one where nodes have graphs inside. */
function naming<T>(node: OnnxNode, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!(cause instanceof ShapeError) || cause.cause instanceof ShapeError) throw cause;
    throw new ShapeError(`${node.opType} "${node.name || node.outputs[0]}": ${cause.message}`, { cause });
  }
}

/** Operators whose result holds numbers of their first operand, and no others. */
const passing = new Set([
  "Cast",
  "Expand",
  "Flatten",
  "Identity",
  "Reshape",
  "Slice",
  "Squeeze",
  "Transpose",
  "Unsqueeze",
]);

/** Operators that read rows of tables: places of a table and of its rows. */
const lookups: Readonly<Record<string, readonly (readonly [table: number, rows: number])[]>> = {
  Gather: [[0, 1]],
  RotaryEmbedding: [[1, 3]],
  "com.microsoft.EmbedLayerNormalization": [
    [2, 0],
    [3, 8],
    [4, 1],
  ],
  "com.microsoft.GatherBlockQuantized": [[0, 1]],
  "com.microsoft.GroupQueryAttention": [[7, 9]],
  "com.microsoft.RotaryEmbedding": [[2, 1]],
};

/** Operators of which a table may be the result: they keep its shape. */
const stored = new Set(["Cast", "DequantizeLinear", "Identity"]);

/** How many rows the smallest table has of which an input of integers gives the rows. */
function tableRowsOf(
  { nodes, initializers }: OnnxGraph,
  { name, dtype = "float32" }: OnnxValueInfo,
): Pick<ImportedInput, "tableRows"> {
  if (!/^u?int/.test(dtype)) return {};
  const shapes = new Map(initializers.map((tensor) => [tensor.name, tensor.shape]));
  const values = new Set([name]);
  const counts: number[] = [];
  // Nodes are in the order in which they are computed.
  for (const node of nodes) {
    const { opType, inputs, outputs, attributes } = node;
    const shape = stored.has(opType) ? shapes.get(inputs[0]) : undefined;
    if (shape !== undefined) shapes.set(outputs[0], shape);
    if (opType === "Constant" && attributes.value?.kind === "tensor") {
      shapes.set(outputs[0], attributes.value.value.shape);
    }
    if (passing.has(opType) && values.has(inputs[0])) values.add(outputs[0]);
    const given = attributes.axis ?? attributes.gather_axis;
    const axis = given?.kind === "int" ? Number(given.value) : 0;
    for (const [table, places] of ownEntry(lookups, operatorName(node)) ?? []) {
      const rows = values.has(inputs[places]) ? shapes.get(inputs[table])?.at(axis) : undefined;
      if (rows !== undefined && rows > 0) counts.push(rows);
    }
  }
  return counts.length === 0 ? {} : { tableRows: Math.min(...counts) };
}
