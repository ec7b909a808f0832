import type { NdArray } from "../array.js";
import type { Attributes, Graph, Tensor } from "./tensor.js";

/** An ONNX attribute before encoding. A number is ambiguous in ONNX, hence the explicit kinds. */
export type OnnxValue =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string };

export const int = (value: number): OnnxValue => ({ kind: "int", value });
export const ints = (value: readonly number[]): OnnxValue => ({ kind: "ints", value });
export const float = (value: number): OnnxValue => ({ kind: "float", value });
export const text = (value: string): OnnxValue => ({ kind: "string", value });

/** ONNX element types used in emitted nodes: the graph's types and integers of a fixed width. */
export const onnxType = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
} as const;

export interface EmitOptions {
  readonly domain?: string | undefined;
  /** Number of results; default 1. */
  readonly results?: number | undefined;
}

/** A graph inside a node. */
export interface OnnxBody {
  readonly graph: Graph;
  /** How many of the graph's inputs are its own; the others are values of the surrounding graph. Default 0. */
  readonly own?: number | undefined;
  /** Names of those values. */
  readonly captured: readonly string[];
  /** Number of further inputs that the graph does not use. */
  readonly unused?: number | undefined;
}

export interface ControlOptions {
  readonly attributes?: Readonly<Record<string, OnnxValue>> | undefined;
  readonly bodies: Readonly<Record<string, OnnxBody>>;
  /** Number of results. */
  readonly results: number;
}

/** The interface through which a rule emits ONNX nodes. Values are names. */
export interface OnnxEmitter {
  /**
   * Adds a node unless an equal one exists, and returns the name of its (first) result. For 2 or more
   * `results` see {@link emitAll}.
   */
  emit(
    opType: string,
    inputs: readonly string[],
    attributes?: Record<string, OnnxValue>,
    options?: EmitOptions,
  ): string;
  emitAll(
    opType: string,
    inputs: readonly string[],
    attributes: Record<string, OnnxValue>,
    options: EmitOptions,
  ): string[];
  /** Adds a node with graphs among its attributes, and returns the names of its results. */
  control(opType: string, inputs: readonly string[], options: ControlOptions): string[];
  /** The names of the results of an operation that has several. */
  results(tensor: Tensor): readonly string[];
  /**
   * Products of stacks of matrices [..., m, n] of a dtype, with the last two axes of either swapped first: in one
   * node if the program that runs the model has one.
   */
  products(
    operands: readonly [a: string, b: string],
    swapped: { readonly a: boolean; readonly b: boolean },
    type: Pick<Tensor, "rank" | "dtype">,
  ): string;
  /** A constant; equal ones are shared. */
  constant(value: NdArray): string;
  /** A constant list of int64. */
  indices(values: readonly number[]): string;
  /** A constant scalar of the dtype. */
  scalar(value: number, dtype: Tensor["dtype"]): string;
  /** The name of a tensor's value; emits the tensor first if necessary. */
  value(tensor: Tensor): string;
  /** Whether to use only operators of the ONNX standard, for files that other programs read. */
  readonly portable: boolean;
  /** Whether the graph also computes the indices of a tensor's max pooling, so that they can be reused. */
  indexed(tensor: Tensor): boolean;
}

/** How an operation becomes ONNX nodes. */
export interface OnnxRule<A extends Attributes = Attributes> {
  /** Returns the name of the result, or of each of several. */
  emit(e: OnnxEmitter, inputs: readonly string[], node: Tensor, attrs: A): string | readonly string[];
  /**
   * Which axes of the inputs ONNX broadcasts by itself: all, or those before the last two. Explicit
   * broadcasts before the operation are then left out.
   */
  readonly broadcasts?: true | "before matrices" | undefined;
  /** Set if ONNX Runtime has no float64 kernel for the operation, or one that is wrong for some numbers. */
  readonly float32Only?: boolean | undefined;
}
