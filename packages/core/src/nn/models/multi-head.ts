import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { Mt19937 } from "../../math/mt19937.js";
import { inCode, integerFrom, isObject, type Kind } from "../../options.js";
import { mapValues } from "../../tree.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import type { InitOptions, Model, Output } from "../model.js";

/** The kind of the option `heads`. @param what the numbers are, such as classes */
export const headSizes = (what: string): Kind<Readonly<Record<string, number>>> =>
  inCode(`the ${what} of each task by its name, integers >= 1`, (value) => {
    const sizes = isObject(value) ? Object.values(value) : [];
    return sizes.length > 0 && sizes.every((size) => integerFrom(1).test(size));
  });

/** Parameters of a model of several tasks: a shared trunk, and a head for each task. */
export interface MultiHeadParams<Trunk, Head> {
  readonly shared: Trunk;
  readonly heads: Readonly<Record<string, Head>>;
}

/** A linear layer as the head of each task, drawn in order. */
export const initLinearHeads = (
  rng: Mt19937,
  features: number,
  heads: Readonly<Record<string, number>>,
  options: InitOptions,
): Readonly<Record<string, LinearParams>> =>
  mapValues(heads, (outputs) => initLinear(rng, features, outputs, options));

/** The output of each task's linear head, from the representation that it reads. Traced. */
export const readLinearHeads = (
  heads: TensorsOf<Readonly<Record<string, LinearParams>>>,
  tasks: readonly string[],
  representationOf: (k: number) => Tensor,
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(tasks.map((task, k) => [task, linear(representationOf(k), heads[task])]));

/** What a model with several heads needs besides parameters and input. */
export interface HeadContext {
  readonly training?: boolean | undefined;
  /** Seed of the step's dropout; needed in training. */
  readonly seed?: Tensor | undefined;
  /** The trunk's output, if it is already known. */
  readonly representation?: Tensor | undefined;
}

/**
 * A model without state whose tasks share a trunk.
 *
 * @typeParam Trunk parameters of the trunk
 * @typeParam Head parameters of a head
 */
export interface MultiHeadModel<Trunk, Head> {
  init(rng: Mt19937, options?: InitOptions): MultiHeadParams<Trunk, Head>;
  /** The trunk's output for a batch, the input of all heads. Traced. */
  trunk(shared: TensorsOf<Trunk>, x: Tensor, context?: HeadContext): Tensor;
  /** Output of every head, by task. Traced. */
  apply(
    params: TensorsOf<MultiHeadParams<Trunk, Head>>,
    x: Tensor,
    context?: HeadContext,
  ): Readonly<Record<string, Tensor>>;
}

/**
 * A model of several tasks with a state, such as running statistics. Its trunk's output is one tensor that all heads read,
 * or one for each task.
 *
 * @typeParam P parameters, `{ shared, heads }`
 * @typeParam S tree of the state
 */
export interface StatefulMultiHeadModel<P extends MultiHeadParams<unknown, unknown>, S>
  extends Model<P, S, Readonly<Record<string, Tensor>>> {
  /** What the heads read, and the next state. Traced. */
  trunk(
    shared: TensorsOf<P["shared"]>,
    x: Tensor,
    context: { readonly state: TensorsOf<S>; readonly training?: boolean | undefined },
  ): Output<S, readonly Tensor[]>;
  /** The output of every head, by task. Traced. */
  readOut(heads: TensorsOf<P["heads"]>, representations: readonly Tensor[]): Readonly<Record<string, Tensor>>;
}
