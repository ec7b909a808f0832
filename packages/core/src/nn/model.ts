import type { NdArray } from "../array.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";

/** Element type of parameters. */
export type FloatDType = "float32" | "float64";

/** The state of a model that has none: an empty tree. */
export type Stateless = Record<string, never>;

/** What a model needs besides parameters and input. */
export interface Context<S = Stateless> {
  /** What the model carries from step to step without training it, such as running statistics. */
  readonly state: TensorsOf<S>;
  /** Whether batch statistics and dropout are used; default false. */
  readonly training?: boolean | undefined;
  /** Seed of this step's dropout: an int64 scalar, usually the number of the step. */
  readonly seed?: Tensor | undefined;
}

/** A model's result, and its state for the next step. */
export interface Output<S = Stateless, O = Tensor> {
  readonly output: O;
  readonly state: TensorsOf<S>;
}

export interface InitOptions {
  /** Element type of the parameters; default `float32`. The two types draw different numbers from the generator. */
  readonly dtype?: FloatDType | undefined;
}

/**
 * A model: a pair of pure functions. It holds no numbers; parameters and state are trees under PyTorch's names and in
 * its layouts, so that a state_dict maps to them one to one (except `num_batches_tracked`, which nothing
 * reads).
 *
 * @typeParam P tree of parameters
 * @typeParam S tree of state; default none
 * @typeParam O the output: a tensor, or a tree of tensors for a model with several heads
 */
export interface Model<P, S = Stateless, O = Tensor> {
  /** Initial parameters and state: those of PyTorch for a generator with the same seed. */
  init(rng: Mt19937, options?: InitOptions): { params: P; state: S };
  /** Traces the model on a batch. */
  apply(params: TensorsOf<P>, x: Tensor, context: Context<S>): Output<S, O>;
}

/**
 * A model without state, whose context may be left out.
 *
 * @example
 * const model = mlp({ sizes: [2, 16, 1] });
 * const { params } = model.init(torchGenerator(0));
 * const { graph } = trace((p, x) => model.apply(p, x).output, [params, spec([32, 2])]);
 */
export interface StatelessModel<P, O = Tensor> extends Model<P, Stateless, O> {
  apply(params: TensorsOf<P>, x: Tensor, context?: Partial<Context>): Output<Stateless, O>;
}

/** The tensors of an affine layer or a normalization. */
export interface WeightAndBias {
  readonly weight: NdArray;
  readonly bias?: NdArray;
}
