import type { DType, NdArray, Shape } from "../../array.js";
import { allocate, dtypeOf } from "../../array.js";
import { type EmitOptions, int, ints, type OnnxValue } from "../../graph/onnx-rule.js";
import { broadcastShapes } from "../../graph/ops/broadcast.js";
import { sameShape, type Tensor } from "../../graph/tensor.js";
import type { BlockEmitter } from "./blocked/layout.js";
import { emitBlocked } from "./blocked/rules.js";
import type { OnnxData, OnnxNode, OnnxTensor } from "./schema.js";

export interface EmitterOptions {
  readonly portable: boolean;
  readonly convBlock?: number | undefined;
}

/** Constants of at most this many elements are compared by value, larger ones by identity. */
const comparedByValue = 2 ** 14;

/** Collects the ONNX nodes of a graph. */
export class Emitter implements BlockEmitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly portable: boolean;
  readonly convBlock: number | undefined;
  private readonly names = new Map<Tensor, string>();
  private readonly constants = new Map<string, string>();
  private readonly memories = new Map<NdArray["data"], number>();
  private readonly results = new Map<string, string[]>();
  private readonly useCounts = new Map<Tensor, number>();
  private readonly poolIndexed = new Set<Tensor>();
  private count = 0;

  constructor(order: readonly Tensor[], outputs: readonly Tensor[], { portable, convBlock }: EmitterOptions) {
    this.portable = portable;
    this.convBlock = portable ? undefined : convBlock;
    const use = (x: Tensor) => this.useCounts.set(x, this.uses(x) + 1);
    for (const node of order) {
      node.inputs.forEach(use);
      if (node.op.name === "maxPoolIndices2d") this.poolIndexed.add(node.inputs[0]);
    }
    outputs.forEach(use);
  }

  /** Records the name of a tensor that already exists, such as an input. */
  bind(tensor: Tensor, name: string): void {
    this.names.set(tensor, name);
  }

  uses(tensor: Tensor): number {
    return this.useCounts.get(tensor) ?? 0;
  }

  indexed(tensor: Tensor): boolean {
    return this.poolIndexed.has(tensor);
  }

  value(tensor: Tensor): string {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    const operands = this.operands(tensor);
    const name =
      emitBlocked(this, operands, tensor) ?? tensor.op.onnx.emit(this, operands, tensor, tensor.attrs);
    this.names.set(tensor, name);
    return name;
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
    const key = `${domain}:${opType} ${inputs} ${results} ${JSON.stringify(attributes)}`;
    const known = this.results.get(key);
    if (known) return known;
    const outputs = Array.from({ length: results }, () => `t:${this.count++}`);
    this.nodes.push({ opType, inputs, outputs, attributes, domain });
    this.results.set(key, outputs);
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

  constant({ shape, data }: NdArray): string {
    // Small constants are compared by value, large ones by their memory.
    const content = data.length <= comparedByValue ? data.join() : `memory ${this.memoryId(data)}`;
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
