import { allocate, type DType, dtypeOf, type NdArray, type Shape } from "../../array.js";
import { type Graph, nodesOf } from "../../graph/graph.js";
import { numberText } from "../../graph/graph-text.js";
import {
  type ControlOptions,
  type EmitOptions,
  int,
  ints,
  type OnnxBody,
  type OnnxValue,
} from "../../graph/onnx-rule.js";
import { broadcastShapes } from "../../graph/ops/broadcast.js";
import { type Readers, readersOf } from "../../graph/readers.js";
import { sameShape, type Tensor } from "../../graph/tensor.js";
import type { BlockEmitter } from "./blocked/layout.js";
import { emitBlocked } from "./blocked/rules.js";
import { toBranches } from "./branches.js";
import { fuse } from "./fuse.js";
import { nameResults, valueInfo } from "./names.js";
import {
  graph as graphAttribute,
  type OnnxData,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "./schema.js";

export interface EmitterOptions {
  readonly portable: boolean;
  readonly convBlock?: number | undefined;
  readonly branches: boolean;
}

/** Nodes that are emitted where they are used. */
const lazy = new Set(["broadcast", "constant", "array", "input"]);

/** Constants of at most this many elements are compared by value, larger ones by identity. */
const sharedByValue = 2 ** 14;

/** Names and constants of a model, which are common to its graph and those inside nodes. */
class Shared {
  readonly initializers: OnnxTensor[] = [];
  private readonly constants = new Map<string, string>();
  private readonly memories = new Map<NdArray["data"], number>();
  private count = 0;

  /** A new name of a value. */
  name(): string {
    return `t:${this.count++}`;
  }

  constant({ shape, data }: NdArray): string {
    // Small constants are compared by value, large ones by their memory.
    const content =
      data.length <= sharedByValue
        ? `${Array.from<number | bigint, string>(data, numberText)}`
        : `memory ${this.memoryId(data)}`;
    const key = `${data.constructor.name}[${shape}] ${content}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = `c:${this.constants.size}`;
    this.constants.set(key, name);
    this.initializers.push(onnxTensor(name, { shape, data }));
    return name;
  }

  private memoryId(data: NdArray["data"]): number {
    const id = this.memories.get(data) ?? this.memories.size;
    this.memories.set(data, id);
    return id;
  }
}

/** Collects the ONNX nodes of a graph. */
export class Emitter implements BlockEmitter {
  readonly nodes: OnnxNode[] = [];
  readonly portable: boolean;
  readonly convBlock: number | undefined;
  private readonly names = new Map<Tensor, readonly string[]>();
  private readonly emitted = new Map<string, string[]>();
  private readonly readers: Readers;
  private readonly order: readonly Tensor[];

  constructor(
    private readonly graph: Graph,
    private readonly options: EmitterOptions,
    private readonly shared: Shared = new Shared(),
  ) {
    this.portable = options.portable;
    this.convBlock = options.portable ? undefined : options.convBlock;
    this.order = nodesOf(graph);
    this.readers = readersOf(graph, this.order);
  }

  get initializers(): readonly OnnxTensor[] {
    return this.shared.initializers;
  }

  /** Emits some of the tensors first, and takes out their nodes: those of a loop that stand before it. */
  emitFirst(isFirst: (tensor: Tensor) => boolean): OnnxNode[] {
    for (const node of this.order) if (isFirst(node) && !lazy.has(node.op.name)) this.results(node);
    return this.nodes.splice(0);
  }

  /** Emits all nodes whose inputs are bound; returns the names of the outputs. */
  emitGraph(): string[] {
    for (const node of this.order) {
      if (!lazy.has(node.op.name)) this.results(node);
    }
    return this.graph.outputs.map(({ tensor }) => this.value(tensor));
  }

  /** Records the name of a tensor that already exists, such as an input. */
  bind(tensor: Tensor, name: string): void {
    this.names.set(tensor, [name]);
  }

  uses(tensor: Tensor): number {
    return this.readers.get(tensor)?.length ?? 0;
  }

  indexed(tensor: Tensor): boolean {
    return this.readers.get(tensor)?.some((reader) => reader?.op.name === "maxPoolIndices2d") ?? false;
  }

  value(tensor: Tensor): string {
    return this.results(tensor)[0];
  }

  results(tensor: Tensor): readonly string[] {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    const operands = this.operands(tensor);
    const given =
      emitBlocked(this, operands, tensor) ?? tensor.op.onnx.emit(this, operands, tensor, tensor.attrs);
    const names = typeof given === "string" ? [given] : given;
    this.names.set(tensor, names);
    return names;
  }

  /** Names of a node's inputs; skips broadcasts that ONNX performs by itself. */
  private operands(node: Tensor): string[] {
    const { broadcasts } = node.op.onnx;
    if (!broadcasts) return node.inputs.map((x) => this.value(x));
    // ONNX does not broadcast the matrix axes, and the transpose flags assume the node's own rank.
    const own = broadcasts === "before matrices" ? 2 : 0;
    const outer = ({ shape }: Tensor): Shape => shape.slice(0, shape.length - own);
    const isImplied = ({ op, inputs: [source], rank, shape }: Tensor) =>
      op.name === "broadcast" &&
      (own === 0 || (source.rank === rank && sameShape(source.shape.slice(-own), shape.slice(-own))));
    const sources = node.inputs.map((x) => (isImplied(x) ? x.inputs[0] : x));
    const implied = sources.map(outer).reduce((a, b) => broadcastShapes(a, b, node.op.name));
    // If every operand is broadcast, one explicit broadcast must stay to give the result's shape.
    if (!sameShape(implied, outer(node))) sources[0] = node.inputs[0];
    return sources.map((x) => this.value(x));
  }

  emit(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, OnnxValue> = {},
    options: EmitOptions = {},
  ): string {
    return this.emitAll(opType, inputs, attributes, options)[0];
  }

  emitAll(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, OnnxValue>,
    { domain, results = 1 }: EmitOptions,
  ): string[] {
    // Several derivatives need the same rearrangement of a shared value.
    const key = JSON.stringify([domain, opType, inputs, results, attributes]);
    const known = this.emitted.get(key);
    if (known) return known;
    const outputs = Array.from({ length: results }, () => this.shared.name());
    // Some versions of ONNX Runtime fuse nodes under a name made from theirs, which must then be unique.
    const name = this.portable ? `${opType}_${outputs[0].slice(2)}` : undefined;
    this.nodes.push({ opType, inputs, outputs, attributes, domain, name });
    this.emitted.set(key, outputs);
    return outputs;
  }

  products(
    [a, b]: readonly [string, string],
    swapped: { readonly a: boolean; readonly b: boolean },
    { rank, dtype }: Pick<Tensor, "rank" | "dtype">,
  ): string {
    if (!swapped.a && !swapped.b) return this.emit("MatMul", [a, b]);
    // An operator of ONNX Runtime alone, which has no float64 kernel for it.
    if (!this.portable && dtype === "float32") {
      const flags = { ...(swapped.a ? { transA: int(1) } : {}), ...(swapped.b ? { transB: int(1) } : {}) };
      return this.emit("FusedMatMul", [a, b], flags, { domain: "com.microsoft" });
    }
    const axes = [...Array(rank - 2).keys(), rank - 1, rank - 2];
    const turned = (x: string) => this.emit("Transpose", [x], { perm: ints(axes) });
    return this.emit("MatMul", [swapped.a ? turned(a) : a, swapped.b ? turned(b) : b]);
  }

  control(
    opType: string,
    inputs: readonly string[],
    { attributes, bodies, results }: ControlOptions,
  ): string[] {
    const outputs = Array.from({ length: results }, () => this.shared.name());
    const inner = Object.entries(bodies).map(([name, body]) => [name, graphAttribute(this.body(body))]);
    this.nodes.push({ opType, inputs, outputs, attributes: { ...attributes, ...Object.fromEntries(inner) } });
    return outputs;
  }

  /** A graph inside a node; it reads captured values under the names that they have here. */
  private body({ graph, own = 0, captured, unused = 0 }: OnnxBody): OnnxGraph {
    const fused = this.options.branches ? toBranches(fuse(graph)) : fuse(graph);
    const child = new Emitter(fused, this.options, this.shared);
    const name = () => this.shared.name();
    const inputs = fused.inputs.slice(0, own).map(({ tensor }) => valueInfo(name(), tensor));
    fused.inputs.forEach(({ tensor }, k) => {
      child.bind(tensor, k < own ? inputs[k].name : captured[k - own]);
    });
    const results = child.emitGraph();
    const names = results.map(name);
    return {
      name: name(),
      inputs: [...inputs, ...Array.from({ length: unused }, () => ({ name: name() }))],
      outputs: fused.outputs.map(({ tensor }, k) => valueInfo(names[k], tensor)),
      initializers: [],
      nodes: nameResults(child.nodes, results, names),
    };
  }

  constant(array: NdArray): string {
    return this.shared.constant(array);
  }

  indices(values: readonly number[]): string {
    return this.constant({ shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  }

  scalar(value: number, dtype: DType): string {
    const data = allocate(dtype, 1);
    data[0] = data instanceof BigInt64Array ? BigInt(value) : value;
    return this.constant({ shape: [], data });
  }
}

/** An array as a tensor of an ONNX file. */
export function onnxTensor(name: string, array: NdArray): OnnxTensor {
  return { name, dtype: dtypeOf(array), shape: array.shape, data: array.data as OnnxData };
}
