import { type NdArray, type Port, type Shape, sizeOf, spec, type Tensor, trace } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import {
  allNodesOf,
  constantValue,
  graphsIn,
  inCode,
  isFloat,
  isObject,
  noLinks,
  type OptionsOf,
  optionTable,
  ownEntry,
  type Response,
  requireBytes,
  ruleOf,
  topologicalOrder,
} from "isoloss/internal";
import { decodeModel, type ExternalData, type OnnxModel } from "isoloss/onnx";
import { isConvertible } from "./half/convert.js";
import { defaultEpsilons, isStandard, operatorName } from "./import/call.js";
import { importedModel } from "./import/from-onnx.js";
import { operators } from "./import/operators/operators.js";
import { isQuantizing } from "./quantize/open-for-quantizing.js";

/**
 * Changes of hidden units that an operator may keep: positive factors (of each unit, or one for all), signs, linear
 * maps, another order.
 */
export type UnitChange = "scaling" | "sign" | "linear" | "permutation";

/**
 * What can be done with a model: the units of a layer scaled, put into another order or rotated; the file quantized, or
 * converted to float16.
 */
export type Transformation = "scaling" | "permutation" | "rotation" | "quantize" | "half";

/** An operator of a model. */
export interface OperatorUse {
  /** With its domain, if it is not one of the ONNX standard: `com.microsoft.Gelu`. */
  readonly name: string;
  /** Nodes, those of subgraphs included. */
  readonly count: number;
  /** Whether `fromOnnx` reads it. */
  readonly isSupported: boolean;
  /**
   * Changes of its operands that all its nodes pass on to their results; undefined where nothing was traced, and
   * where the results depend on no input and no weight.
   */
  readonly keeps?: readonly UnitChange[] | undefined;
  /**
   * At how many nodes positive factors of a layer's units end, on their way to the weights of the layers behind it; undefined at
   * none, and where nothing was traced.
   */
  readonly stops?: number | undefined;
  /**
   * What some node of it prevents: of the units of the layers around it, which is known where it was traced or is not read at
   * all, and of the file as a whole. Norms and attentions are judged as wholes, not step by step as in `keeps`.
   */
  readonly prevents: readonly Transformation[];
}

export interface ModelOperatorsOptions extends OptionsOf<typeof modelOperatorsOptions> {}

const modelOperatorsOptions = optionTable("modelOperators", {
  /** Shapes of the inputs by name; with them the model is traced for `keeps`. Default: it is not. */
  shapes: inCode<Readonly<Record<string, Shape>>>(
    "an object of shapes by the name of an input, such as { x: [1, 3, 32, 32] }",
    (value) => isObject(value) && Object.values(value).every(Array.isArray),
  ).otherwise("none: nothing is traced"),
  /** The files with the model's external data: bytes by location, or a function that reads them. */
  external: inCode<ExternalData>(
    "bytes by location, or a function that reads them",
    (value) => typeof value === "function" || isObject(value),
  ).otherwise("none: the file has all data itself"),
});

/**
 * The operators of an ONNX file, the most frequent first: which ones `fromOnnx` reads, and which ones stop the
 * symmetries of the layers around them. tanh keeps signs, and any order of hidden units, but no scalings; a batch
 * normalization keeps nothing, as its running statistics tell the units apart, and folding it removes it.
 *
 * Each operator is judged by itself, step by step: a change that only cancels over several steps counts as not
 * kept. What a model keeps as a whole is for `analyze` to find.
 *
 * @param bytes of an `.onnx` file
 * @throws DataError if they are not an ONNX model; with `shapes`, also what `fromOnnx` and its `apply` throw
 *
 * @example
 * modelOperators(bytes, { shapes: { x: [1, 3, 8, 8] } }).map(({ name, count }) => `${count} ${name}`);
 */
export function modelOperators(
  bytes: Uint8Array,
  options: ModelOperatorsOptions = {},
): readonly OperatorUse[] {
  requireBytes("modelOperators", bytes);
  const { shapes, external } = modelOperatorsOptions.read(options);
  const model = decodeModel(bytes, { external });
  const nodes = allNodesOf(model.graph);
  const isReadable = nodes.every(isSupported);
  const kept = shapes !== undefined && isReadable ? keptBy(model, shapes) : undefined;
  const stopping = stoppingNodes(model.graph.nodes, kept);
  const names = [...new Set(nodes.map(operatorName))];
  const opset = model.opsets.find(({ domain }) => isStandard(domain))?.version ?? 1;
  const ofFile = (own: readonly OnnxNode[]): Transformation[] => [
    ...(own.some(isQuantizing) ? (["quantize"] as const) : []),
    ...(own.every((node) => isSupported(node) && isConvertible(node, opset, kept?.floats ?? new Set()))
      ? []
      : (["half"] as const)),
  ];
  return names
    .map((name): OperatorUse => {
      const own = nodes.filter((node) => operatorName(node) === name);
      const use = { name, count: own.length, isSupported: isSupported(own[0]) };
      const lists = own.flatMap((node) => kept?.changes.get(node) ?? []);
      const keeps = unitChanges.filter(
        (change) => use.isSupported && lists.every((list) => list.has(change)),
      );
      const isStopped = (change: (typeof ofUnits)[number]) =>
        !keeps.includes(changeOf[change]) && !asWhole(name).includes(change);
      const prevents = [...ofUnits.filter(isStopped), ...ofFile(own)];
      if (lists.length === 0) return { ...use, prevents };
      const stops = own.filter((node) => stopping.has(node)).length;
      return { ...use, keeps, ...(stops > 0 ? { stops } : {}), prevents };
    })
    .sort((a, b) => b.count - a.count);
}

const isSupported = (node: OnnxNode): boolean => operators.has(operatorName(node));

/** Changes of units that transformations make. */
const changeOf = { scaling: "scaling", permutation: "permutation", rotation: "linear" } as const;

const ofUnits = ["scaling", "permutation", "rotation"] as const;

/** Operators that scale and turn queries with keys, and values with what reads the result. */
const attentions: ReadonlySet<string> = new Set([
  "Attention",
  ...["Attention", "GroupQueryAttention", "MultiHeadAttention"].map((name) => `com.microsoft.${name}`),
]);

/** Changes that pass an operator as a whole, with its weights or in the model, though not each of its steps. */
function asWhole(name: string): readonly Transformation[] {
  if (attentions.has(name)) return ["scaling", "rotation"];
  return Object.hasOwn(defaultEpsilons, name) ? ["rotation"] : [];
}

const unitChanges: readonly UnitChange[] = ["scaling", "sign", "linear", "permutation"];

/** Operators with weights that undo factors of their operand. */
const layers: ReadonlySet<string> = new Set([
  "Conv",
  "ConvTranspose",
  "Gemm",
  "GRU",
  "LSTM",
  "MatMul",
  "RNN",
  ...["Attention", "FusedConv", "FusedMatMul", "MatMulNBits"].map((name) => `com.microsoft.${name}`),
]);

interface Kept {
  readonly changes: ReadonlyMap<OnnxNode, ReadonlySet<UnitChange>>;
  /** Whether a value of the outer graph depends on an input. */
  readonly isData: (name: string) => boolean;
  /** Names of the first results that are floats. */
  readonly floats: ReadonlySet<string>;
}

/** The nodes between layers with weights, and those of such layers and graphs, that no factors of units pass. */
function stoppingNodes(nodes: readonly OnnxNode[], kept: Kept | undefined): ReadonlySet<OnnxNode> {
  if (kept === undefined) return new Set();
  const { changes, isData } = kept;
  const allNodesIn = (node: OnnxNode) => graphsIn(node).flatMap(allNodesOf);
  const hasLayers = (node: OnnxNode) => allNodesIn(node).some((inner) => layers.has(operatorName(inner)));
  // Weights inside of a node's graphs stay as they are.
  const passes = (node: OnnxNode) =>
    attentions.has(operatorName(node)) || (!hasLayers(node) && (changes.get(node)?.has("scaling") ?? true));
  const reads = (node: OnnxNode) =>
    [node, ...allNodesIn(node)].flatMap(({ inputs }) => inputs).filter(Boolean);
  const isLayer = (node: OnnxNode) =>
    hasLayers(node) ||
    (layers.has(operatorName(node)) && node.inputs.some((name) => name !== "" && !isData(name)));
  /** Values with factors of a layer's units; values that reach a layer. */
  const [scaled, read] = [new Set<string>(), new Set<string>()];
  const isBehind = new Set(
    nodes.filter((node) => {
      const isScaled = reads(node).some((name) => scaled.has(name));
      if ((isScaled || isLayer(node)) && passes(node)) for (const name of node.outputs) scaled.add(name);
      return isScaled;
    }),
  );
  const isBefore = new Set(
    [...nodes].reverse().filter((node) => {
      const isRead = node.outputs.some((name) => read.has(name));
      if (isRead || isLayer(node)) for (const name of reads(node)) read.add(name);
      return isRead;
    }),
  );
  return new Set(
    nodes.filter((node) => !passes(node) && (isLayer(node) || (isBehind.has(node) && isBefore.has(node)))),
  );
}

/** What each node of the outer graph keeps. */
function keptBy(model: OnnxModel, shapes: Readonly<Record<string, Shape>>): Kept {
  const named = model.graph.nodes.filter(({ outputs }) => Boolean(outputs[0]));
  const outputs = named.map(({ outputs: [name] }) => ({ name }));
  // Every first result is an output here: so each is found in the traced graph by its name.
  const imported = importedModel(() => ({ ...model, graph: { ...model.graph, outputs } }));
  const x = Object.fromEntries(
    imported.inputs.map(({ name, dtype }) => [name, spec(ownEntry(shapes, name) ?? [], dtype)]),
  );
  const { graph } = trace((at) => imported.apply(at.p, at.x), { p: imported.params, x });
  const values = new Map(graph.outputs.map(({ name, tensor }) => [name, tensor]));
  const isData = dependingOn(
    graph.inputs.filter((port) => port.name.startsWith("x.")),
    graph.outputs,
  );
  const isChanging = dependingOn(graph.inputs, graph.outputs);
  const dataNames = new Set([
    ...imported.inputs.map(({ name }) => name),
    ...named.flatMap((node) => (isData(values.get(node.outputs[0]) as Tensor) ? node.outputs : [])),
  ]);
  const changes = new Map(
    named.flatMap((node) => {
      const result = values.get(node.outputs[0]) as Tensor;
      if (!isChanging(result)) return [];
      const operands = new Set(node.inputs.flatMap((name) => values.get(name) ?? []));
      // What changes with the data; in a computation of weights alone, what changes with them.
      const isMoving = isData(result) ? isData : isChanging;
      const all = between(result, operands).filter(({ dtype }) => isFloat(dtype));
      if (all.some(({ inputs }) => inputs.some(isUneven))) return [[node, new Set<UnitChange>()] as const];
      const steps = all.filter(isMoving);
      const keeps = unitChanges.filter((change) => steps.every((step) => keepers[change](step, isMoving)));
      return [[node, new Set(keeps)] as const];
    }),
  );
  const floats = new Set([...values].flatMap(([name, { dtype }]) => (isFloat(dtype) ? [name] : [])));
  return { changes, isData: (name) => dataNames.has(name), floats };
}

type Test = (tensor: Tensor) => boolean;

/** Tells the tensors that depend on some inputs. */
function dependingOn(inputs: readonly Port[], outputs: readonly Port[]): Test {
  const known = new Set(inputs.map(({ tensor }) => tensor));
  for (const t of topologicalOrder(outputs.map(({ tensor }) => tensor))) {
    if (t.inputs.some((x) => known.has(x))) known.add(t);
  }
  return (t) => known.has(t);
}

/** The operations from a node's operands to its result. */
function between(result: Tensor, operands: ReadonlySet<Tensor>): Tensor[] {
  const seen = new Set<Tensor>();
  const waiting = [result];
  for (let t = waiting.pop(); t !== undefined; t = waiting.pop()) {
    if (seen.has(t) || operands.has(t) || t.inputs.length === 0) continue;
    seen.add(t);
    waiting.push(...t.inputs);
  }
  return [...seen];
}

/** Whether a tensor is a constant that tells units apart, such as running statistics. */
function isUneven({ op, dtype, attrs }: Tensor): boolean {
  if (op.name !== "array" || !isFloat(dtype)) return false;
  const { data } = attrs.value as NdArray;
  return Array.prototype.some.call(data, (value) => value !== data[0]);
}

/** Constants up to this size guard a normalization against zero: see the discovery of scalings. */
const largestGuard = 1e-3;

/** Whether a term of a sum can follow the others: it moves with them, is a weight, or is next to nothing. */
function isFree(term: Tensor, isMoving: Test): boolean {
  const value = constantValue(term);
  if (value !== undefined) return Math.abs(value) <= largestGuard;
  return isMoving(term) || isView(term);
}

/** Whether a tensor is an input of the graph, or shows the elements of one in another shape, or times a number. */
function isView({ op, inputs }: Tensor): boolean {
  if (op.name === "input") return true;
  if (op.name === "mul")
    return inputs.some((x, k) => constantValue(x) !== undefined && isView(inputs[1 - k]));
  return ["broadcast", "reshape", "transpose"].includes(op.name) && isView(inputs[0]);
}

function keepsFactors({ inputs }: Tensor, response: Response, isMoving: Test): boolean {
  if (response.kind === "alike") return response.members.every((k) => isFree(inputs[k], isMoving));
  return inputs.every((x, k) => !isMoving(x) || !isFloat(x.dtype) || response.powers[k] !== undefined);
}

function keepsLinearMaps(step: Tensor, isMoving: Test): boolean {
  const { how, inputs } = ruleOf(step).linear(step);
  const varying = step.inputs.flatMap((x, k) => (sizeOf(x.shape) > 1 ? [k] : []));
  const isFactor = (k: number) => constantValue(step.inputs[k]) === undefined;
  if (how === "together") return varying.every((k) => inputs.includes(k) && isFree(step.inputs[k], isMoving));
  const isElementwise = step.op.name === "mul" || step.op.name === "div";
  return inputs.length > 0 && !(isElementwise && varying.filter(isFactor).length > 1);
}

const keepers: Readonly<Record<UnitChange, (step: Tensor, isMoving: Test) => boolean>> = {
  scaling: (step, isMoving) => keepsFactors(step, ruleOf(step).scale(step), isMoving),
  sign: (step, isMoving) => keepsFactors(step, ruleOf(step).sign(step), isMoving),
  linear: keepsLinearMaps,
  permutation: (step) => ruleOf(step).links !== noLinks,
};
