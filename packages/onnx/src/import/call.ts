import { DataError, type Tensor } from "isoloss";
import {
  allNodesOf,
  formatShape,
  nodesOf,
  type OnnxDType,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import { knownValue } from "./known-value.js";
import { whyNotListed } from "./limits.js";
import {
  type Entry,
  type Evaluate,
  isSequence,
  type Result,
  Scope,
  type Settings,
  type Value,
} from "./value.js";

/** Traces an ONNX operator: returns its result, or its results in order. */
export type Operator = (call: Call) => Result | readonly Result[];

/** Kinds of attributes, and the types of their values. */
interface AttributeValues {
  readonly int: number;
  readonly ints: readonly number[];
  readonly float: number;
  readonly floats: readonly number[];
  readonly string: string;
  readonly strings: readonly string[];
  readonly tensor: OnnxTensor;
  readonly graph: OnnxGraph;
}

export const isStandard = (domain: string): boolean => domain === "" || domain === "ai.onnx";

/** The name of a node's operator; of another domain than the standard's: `domain.name`. */
export const operatorName = ({ opType, domain = "" }: OnnxNode): string =>
  isStandard(domain) ? opType : `${domain}.${opType}`;

/** Normalizations whose attribute `epsilon` can be a parameter, and what it is where a node has none. */
export const defaultEpsilons: Readonly<Record<string, number>> = {
  LayerNormalization: 1e-5,
  RMSNormalization: 1e-5,
  SimplifiedLayerNormalization: 1e-5,
  "com.microsoft.EmbedLayerNormalization": 1e-12,
  "com.microsoft.SkipLayerNormalization": 1e-12,
  "com.microsoft.SkipSimplifiedLayerNormalization": 1e-12,
};

/** A node of an ONNX model while it is traced: its operands and attributes. */
export class Call {
  constructor(
    readonly node: OnnxNode,
    /** Undefined for an optional operand that is left out. */
    readonly operands: readonly (Entry | undefined)[],
    /** What the node's subgraphs see. */
    private readonly scope: Scope,
    private readonly settings: Settings,
    private readonly evaluate: Evaluate,
  ) {}

  /** The same node with other operands. */
  withOperands(operands: readonly Value[]): Call {
    return new Call(this.node, operands, this.scope, this.settings, this.evaluate);
  }

  get opset(): number {
    return this.settings.opset;
  }

  get dtype(): FloatDType {
    return this.settings.dtype;
  }

  /** @throws DataError if the operand is left out */
  tensor(index: number): Tensor {
    return this.operand(index).tensor;
  }

  /** Whether an operand is a running statistic that training updates. */
  isUpdated(index: number): boolean {
    return this.settings.updated.has(this.node.inputs[index]);
  }

  /** Gives a running statistic its next value, which nodes after this one see. */
  update(index: number, tensor: Tensor): void {
    this.scope.set(this.node.inputs[index], { ...this.operand(index), tensor });
  }

  /** The element type of an operand in the file. */
  kind(index: number): OnnxDType {
    return this.operand(index).kind;
  }

  /** Whether a subgraph reads parameters that are read around it, too, or what is computed of parameters. */
  sharesParameters(graph: OnnxGraph): boolean {
    const names = allNodesOf(graph).flatMap(({ inputs }) => inputs);
    return [...new Set(names)].some((name) => {
      const entry = this.scope.get(name);
      if (entry === undefined || isSequence(entry)) return false;
      const { reads } = this.settings;
      const total = reads.get(entry.tensor);
      if (total !== undefined) return names.filter((other) => other === name).length < total;
      const computed = nodesOf({ inputs: [], outputs: [{ name, tensor: entry.tensor }] });
      return computed.some((node) => reads.has(node));
    });
  }

  /** The results of a subgraph, which sees all values around the node, for values of its inputs. */
  subgraph(graph: OnnxGraph, inputs: readonly Entry[]): Entry[] {
    const scope = new Scope(this.scope);
    graph.inputs.forEach(({ name }, k) => {
      if (inputs[k]) scope.set(name, inputs[k]);
    });
    this.evaluate(graph, scope, this.settings);
    return graph.outputs.map(({ name }) => scope.get(name) ?? this.fail(`its subgraph lacks "${name}"`));
  }

  operand(index: number): Value {
    const entry = this.entry(index);
    return isSequence(entry) ? this.fail(`operand ${index} is a sequence; it must be a tensor`) : entry;
  }

  /** The tensors of an operand that is a sequence. */
  sequence(index: number): readonly Value[] {
    const entry = this.entry(index);
    if (isSequence(entry)) return entry.items;
    return this.fail(`operand ${index} is a tensor; it must be a sequence that the model makes`);
  }

  /** @throws DataError if the operand is left out */
  entry(index: number): Entry {
    return this.operands[index] ?? this.fail(`operand ${index} is missing`);
  }

  /** All operands, for operators that take any number. */
  tensors(): readonly Tensor[] {
    return this.operands.map((_, i) => this.tensor(i));
  }

  has(index: number): boolean {
    return this.operands[index] !== undefined;
  }

  /**
   * The numbers of an operand that must be known while tracing, such as a shape; undefined if it is left out.
   *
   * @throws DataError if they depend on the model's inputs or parameters
   */
  known(index: number): readonly number[] | undefined {
    if (!this.has(index)) return undefined;
    return (
      this.maybeKnown(index) ??
      this.fail(
        `operand ${index} (${this.node.inputs[index]}) depends on inputs or parameters; ` +
          `it must be known when the model is traced: give those inputs as arrays`,
      )
    );
  }

  /** The numbers of an operand that is given and depends on no inputs or parameters. */
  maybeKnown(index: number): readonly number[] | undefined {
    const value = this.has(index) ? knownValue(this.tensor(index)) : undefined;
    return value && Array.from<number | bigint, number>(value.data, Number);
  }

  /** A list that is an attribute in older operator sets and an operand in newer ones. */
  list(name: string, index: number): readonly number[] | undefined {
    return this.ints(name) ?? this.known(index);
  }

  int(name: string, otherwise: number): number {
    return this.attribute(name, "int") ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    return this.attribute(name, "float") ?? otherwise;
  }

  /** The attribute `epsilon` of a normalization: a number, or a parameter. */
  epsilon(): number | Tensor {
    const otherwise = defaultEpsilons[operatorName(this.node)];
    return this.settings.lifted.get(this.node)?.tensor ?? this.float("epsilon", otherwise);
  }

  text(name: string, otherwise: string): string {
    return this.attribute(name, "string") ?? otherwise;
  }

  ints(name: string): readonly number[] | undefined {
    return this.attribute(name, "ints");
  }

  /** A subgraph. */
  graph(name: string): OnnxGraph {
    return this.attribute(name, "graph") ?? this.fail(`it has no ${name}`);
  }

  attribute<K extends keyof AttributeValues>(name: string, kind: K): AttributeValues[K] | undefined {
    const given = this.node.attributes[name];
    if (given === undefined) return undefined;
    if (given.kind === kind) return given.value as AttributeValues[K];
    return this.fail(`the attribute ${name} must be of the kind ${kind}; it is of the kind ${given.kind}`);
  }

  /** A length of a list that is computed while the model is traced. */
  listed(length: number): number {
    const why = whyNotListed(length);
    return why === undefined ? length : this.fail(why);
  }

  /** The number of parts, each of nodes of its own, that this node becomes. */
  parts(count: number): number {
    this.listed(count);
    this.settings.count.add(count);
    return count;
  }

  /** Throws the error of a node that is not supported. */
  fail(why: string): never {
    const { opType, name, outputs } = this.node;
    const shapes = this.operands.map(describeEntry).join(", ");
    throw new DataError(`fromOnnx: ${opType} "${name ?? outputs[0]}" of ${shapes}: ${why}.`);
  }
}

function describeEntry(entry: Entry | undefined): string {
  if (entry === undefined) return "none";
  return isSequence(entry) ? `a sequence of ${entry.items.length}` : formatShape(entry.tensor.shape);
}
