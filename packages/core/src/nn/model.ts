import type { DType, NdArray } from "../array.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { requireKnown } from "../options.js";

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

/** An input of an imported model. */
export interface ImportedInput {
  readonly name: string;
  readonly dtype: DType;
  /** A string names a size that the file leaves open; without a shape the number of axes is open, too. */
  readonly shape?: readonly (number | string)[] | undefined;
  /** Of integers that number the rows of a table, such as tokens: how many the smallest one has; undefined where none is found. */
  readonly tableRows?: number | undefined;
}

/**
 * A model read from an ONNX file, as `fromOnnx` returns it: arrays to train, and a function of them for tracing.
 *
 * @typeParam Out names of the results
 */
export interface ImportedModel<Out extends string = string> {
  /** The weights by their names in the file, with `_` for a colon. */
  readonly params: NamedArrays;
  readonly inputs: readonly ImportedInput[];
  /** Names of the results. */
  readonly outputs: readonly Out[];
  /** Running means and variances of batch normalizations by their names in the file: what `applyWithState` updates. */
  readonly state: NamedArrays;
  /**
   * Traces the model: maps parameters and inputs by name to results by name. An input may be an array, which
   * becomes a constant: one that decides shapes, axes or branches must be.
   */
  apply(
    params: Readonly<Record<string, Tensor>>,
    inputs: Readonly<Record<string, Tensor | NdArray>>,
  ): Record<Out, Tensor>;
  /**
   * Traces the model with a state, all of {@link state} or a part. In training, a batch normalization whose two running
   * statistics are in it uses mean and variance of the batch, and the state returned has the running ones updated, as
   * `batchNorm` does. What is left out stays as in the file.
   */
  applyWithState(
    params: Readonly<Record<string, Tensor>>,
    inputs: Readonly<Record<string, Tensor | NdArray>>,
    context: Context<NamedArrays>,
  ): Output<NamedArrays, Record<Out, Tensor>>;
}

/** Arrays by their names in a file. */
type NamedArrays = Readonly<Record<string, NdArray>>;

/** Checks the options of a model's `init`. */
export function resolveInit(model: string, options: InitOptions): InitOptions {
  requireKnown(`${model}'s init`, options, ["dtype"], 'model.init(rng, { dtype: "float64" })');
  return options;
}
