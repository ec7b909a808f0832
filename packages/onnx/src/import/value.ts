import type { Tensor } from "isoloss";
import { isFloat, type OnnxDType, type OnnxGraph, type OnnxNode } from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import type { NodeCount } from "./limits.js";

/**
 * A value of a model while it is traced. The graph has one type for floats and one for integers; `kind` is the
 * element type in the file, which decides where integers wrap around.
 */
export interface Value {
  readonly tensor: Tensor;
  readonly kind: OnnxDType;
  /** Of quantized numbers: the same as floats, whose derivatives pass through the rounding. */
  readonly real?: Tensor | undefined;
}

/** A list of tensors, whose length is known while the model is traced. */
export interface Sequence {
  readonly items: readonly Value[];
}

/** What a name of a model stands for. An optional tensor or sequence stands for its element. */
export type Entry = Value | Sequence;

export const isSequence = (x: Entry | undefined): x is Sequence => x !== undefined && "items" in x;

/**
 * What an operator returns: a tensor, whose kind follows from the operands, a value of a kind of its own, or a
 * sequence.
 */
export type Result = Tensor | Entry;

/** The entry of a result: floats and integers have the kind of the first operand of their sort. */
export function asEntry(result: Result, operands: readonly (Entry | undefined)[]): Entry {
  if ("kind" in result || "items" in result) return result;
  const { dtype } = result;
  if (dtype === "bool") return { tensor: result, kind: "bool" };
  const like = operands
    .flatMap((x) => (x && !isSequence(x) ? [x] : []))
    .find(({ tensor }) => tensor.dtype !== "bool" && isFloat(tensor.dtype) === isFloat(dtype));
  return { tensor: result, kind: like?.kind ?? dtype };
}

/** A number of a node that is a parameter, and which operand it is; none: the attribute. */
export interface LiftedValue {
  readonly tensor: Tensor;
  readonly operand: number | undefined;
}

/** What a node, or none for an output of the model, gets for a tensor of floats of a name, which may be a lifted number. */
export type ReadValue = (tensor: Tensor, name: string, node?: OnnxNode, isLifted?: boolean) => Tensor;

/** What is the same for all nodes of a model. */
export interface Settings {
  /** Version of the standard operator set. */
  readonly opset: number;
  /** The dtype of all the model's floats. */
  readonly dtype: FloatDType;
  readonly count: NodeCount;
  /** The parameters, and how often nodes of the file read each. */
  readonly reads: ReadonlyMap<Tensor, number>;
  /** Epsilons and factors that are parameters, by the node that has each. */
  readonly lifted: ReadonlyMap<OnnxNode, LiftedValue>;
  readonly read?: ReadValue | undefined;
  /** Names of running statistics that training updates, and has those of the batch for; none in evaluation. */
  readonly updated: ReadonlySet<string>;
}

/** Traces the nodes of a graph, and leaves the results in a scope. */
export type Evaluate = (graph: OnnxGraph, scope: Scope, settings: Settings) => void;

/** Names of values. A subgraph of an If, Loop or Scan sees those around it. */
export class Scope {
  private readonly values = new Map<string, Entry>();

  constructor(private readonly outer?: Scope) {}

  get(name: string): Entry | undefined {
    return this.values.get(name) ?? this.outer?.get(name);
  }

  set(name: string, value: Entry): void {
    this.values.set(name, value);
  }
}
