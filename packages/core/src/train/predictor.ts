import { allocate, astype, dtypeOf, type FloatArray, isNdArray, type NdArray, sizeOf } from "../array.js";
import { rowsOf, takeRows } from "../data/batches.js";
import { DTypeError, describeValue, OptionError, ShapeError } from "../errors.js";
import { formatShape, isFloat, isTensor, type Tensor } from "../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../graph/trace.js";
import type { FloatDType, ImportedModel, Model } from "../nn/model.js";
import { requireModel } from "../nn/require-model.js";
import { requireKnown } from "../options.js";
import { type CompileOptions, compile, compileOptionNames, pickCompileOptions } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { lazy } from "../runtime/lazy.js";
import { Lifetime } from "../runtime/lifetime.js";
import type { Disposable } from "../runtime/resources.js";
import { flatten, type MapLeaves, namedArrays, type TreeDef, unflatten } from "../tree.js";
import { requireCount } from "./run-steps.js";

/** Arrays by name. */
type Named = Readonly<Record<string, NdArray>>;

/** A model for predictions. */
export interface Predictor<I, R> {
  /**
   * Outputs for any number of examples, also none, in evaluation mode.
   *
   * @throws ShapeError, DTypeError, OptionError when the inputs do not fit the model, whose outputs must be floats; RuntimeError after `dispose`
   */
  predict(inputs: I): Promise<R>;
  dispose(): Promise<void>;
}

export interface PredictorOptions extends Omit<CompileOptions, "scan" | "dtype"> {
  /** Number of examples that are computed at once; default 500, or what the file fixes. */
  readonly batchSize?: number | undefined;
}

/** A model with its numbers: what a trainer has in `current`, or what a file was read as. */
export interface Trained<P, S> {
  readonly params: P;
  readonly state: S;
}

/**
 * Compiles a model for predictions: one read by `fromOnnx`, or one of one's own with parameters and state.
 *
 * Batches of few sizes are compiled, on the first call that needs them: the rest after whole batches is filled up to a
 * power of two, or to the size that a file fixes. An example's prediction must not depend on the others of its batch.
 *
 * @param model an imported model, whose inputs and outputs are arrays by name; or a model, of one input
 * @param trained parameters and state of a model, such as `trainer.current`; those of an imported model by default
 * @throws OptionError for settings that are unknown or out of range
 *
 * @example
 * const predictor = await createPredictor(fromOnnx(bytes));
 * const { logits } = await predictor.predict({ input: x });
 *
 * @example
 * const model = mlp({ sizes: [4, 3, 2] });
 * const trained = model.init(torchGenerator(0));
 * const predictor = await createPredictor(model, trained, { batchSize: 64 });
 * const logits = await predictor.predict(x);
 */
export function createPredictor<Out extends string>(
  model: ImportedModel<Out>,
  trained?: Trained<Named, Named>,
  options?: PredictorOptions,
): Promise<Predictor<Named, Record<Out, NdArray>>>;
export function createPredictor<P, S, O>(
  model: Model<P, S, O>,
  trained: Trained<P, S>,
  options?: PredictorOptions,
): Promise<Predictor<NdArray, MapLeaves<O, Tensor, NdArray<FloatArray>>>>;
export async function createPredictor(
  model: ImportedModel | Model<unknown, unknown, unknown>,
  trained?: Trained<unknown, unknown>,
  options: PredictorOptions = {},
): Promise<Predictor<never, unknown>> {
  const known = ["batchSize", ...compileOptionNames] as const;
  requireKnown("createPredictor", options, known, "createPredictor(model, trained, { batchSize: 64 })");
  const { batchSize } = options;
  if (batchSize !== undefined) requireCount("createPredictor: batchSize", batchSize, 1);
  const compileOptions = pickCompileOptions(options);
  const lifetime = new Lifetime("predictor", "createPredictor");
  if (isImported(model)) {
    const { params, state } = { ...model, ...(trained as Trained<Named, Named> | undefined) };
    const fixed = fixedSize(model);
    const names = model.inputs.map(({ name }) => name);
    const batches: InBatches<Trained<Named, Named>, readonly NdArray[]> = inBatches({
      // Names of a file may hold colons, which those of a graph's inputs and outputs must not.
      forward: (trees, inputs) => {
        const { params: p, state: s } = trees as unknown as Trained<
          Record<string, Tensor>,
          Record<string, Tensor>
        >;
        const byName = Object.fromEntries(names.map((name, i) => [name, inputs[i]]));
        const { output } = model.applyWithState(p, byName, { state: s as never });
        return model.outputs.map((name) => output[name]);
      },
      like: { params, state },
      dtype: dtypeOfTree({ params, state }),
      batchSize: fixed ?? batchSize ?? 500,
      isFixed: fixed !== undefined,
      compileOptions,
    });
    return {
      async predict(given: Named) {
        lifetime.requireOpen();
        const inputs = names.map((name) => given?.[name]);
        const unknown = Object.keys(given ?? {}).find((name) => !names.includes(name));
        if (isNdArray(given) || unknown !== undefined || inputs.some((a) => a === undefined)) {
          throw new OptionError(
            `predict takes the model's inputs by name, { ${names.join(", ")} }; got ${describeValue(given)}.`,
          );
        }
        const outputs = await batches.run({ params, state }, inputs);
        return Object.fromEntries(model.outputs.map((name, i) => [name, outputs[i]]));
      },
      dispose: () => lifetime.end(() => batches.dispose()),
    };
  }
  requireModel("createPredictor", model);
  if (trained === undefined) {
    throw new OptionError(
      "createPredictor: a model needs its parameters and state; write createPredictor(model, trainer.current).",
    );
  }
  const { params, state } = trained;
  const batches = modelInBatches({
    model,
    like: { params, state },
    dtype: dtypeOfTree({ params, state }),
    batchSize: batchSize ?? 500,
    compileOptions,
  });
  return {
    async predict(inputs: NdArray) {
      lifetime.requireOpen();
      return batches.run({ params, state }, [inputs]);
    },
    dispose: () => lifetime.end(() => batches.dispose()),
  };
}

/** A model of one input on any number of examples, in evaluation mode. */
export function modelInBatches<P, S, O>({
  model,
  ...rest
}: { readonly model: Model<P, S, O> } & Omit<
  Parameters<typeof inBatches<Trained<P, S>, unknown>>[0],
  "forward"
>): InBatches<Trained<P, S>, MapLeaves<O, Tensor, NdArray<FloatArray>>> {
  return inBatches({
    ...rest,
    forward: (trees, [x]) => {
      const { params, state } = trees as unknown as { params: TensorsOf<P>; state: TensorsOf<S> };
      const { output } = model.apply(params, x, { state });
      const other = flatten<Tensor>(output, isTensor).leaves.find(({ dtype }) => !dtype.startsWith("float"));
      if (other === undefined) return output;
      throw new DTypeError(
        `predict: the outputs of a model are floats; this one gives ${other.dtype}. Compute it of the predictions, or by jit.`,
      );
    },
  });
}

const isImported = (model: unknown): model is ImportedModel =>
  typeof (model as Partial<ImportedModel> | null)?.applyWithState === "function";

/** The size of a batch that a file fixes. */
function fixedSize({ inputs }: ImportedModel): number | undefined {
  const sizes = inputs.map(({ shape }) => shape?.[0]);
  return sizes.find((size) => typeof size === "number");
}

/** The dtype of a tree's floats. */
export function dtypeOfTree(tree: unknown): FloatDType {
  const { leaves } = flatten<NdArray>(tree, isNdArray);
  return leaves.some((a) => dtypeOf(a) === "float64") ? "float64" : "float32";
}

/** A function of examples that is compiled for batches of few sizes. */
export interface InBatches<T, R> {
  /**
   * @param trees parameters and state
   * @param inputs arrays of equally many examples, any number
   * @throws ShapeError, DTypeError when the inputs do not fit the function
   */
  run(trees: T, inputs: readonly NdArray[]): Promise<R>;
  dispose(): Promise<void>;
}

interface Compiled extends Disposable {
  readonly executable: Executable;
  readonly resultDef: TreeDef;
}

/**
 * Runs a function on any number of examples, in whole batches and a rest. The rest is filled up, by repeating its last
 * example, to the next power of two, so that few sizes are compiled: up to `batchSize` not more than its logarithm.
 *
 * @param forward traced: a tree of tensors whose first axis is that of the examples
 * @param isFixed whether `forward` takes batches of `batchSize` alone
 */
export function inBatches<T, R>({
  forward,
  like,
  dtype,
  batchSize,
  isFixed = false,
  compileOptions,
}: {
  readonly forward: (trees: T, inputs: readonly Tensor[]) => unknown;
  /** Trees of which only the types matter. */
  readonly like: T;
  readonly dtype: "float32" | "float64";
  readonly batchSize: number;
  readonly isFixed?: boolean | undefined;
  readonly compileOptions: Omit<CompileOptions, "scan" | "dtype">;
}): InBatches<T, R> {
  const compiled = lazy<Compiled>();
  const compileFor = async (inputs: readonly NdArray[], size: number): Promise<Compiled> => {
    const specs = inputs.map((a) => spec([size, ...a.shape.slice(1)], dtypeOf(a)));
    const { graph, resultDef } = trace((given) => forward(given.trees as T, given.inputs), {
      trees: like,
      inputs: specs,
    });
    for (const { name, tensor } of graph.outputs) {
      if (tensor.shape[0] === size) continue;
      throw new ShapeError(
        `predict: the output${name ? ` "${name}"` : ""} of a batch of ${size} examples must have them along its first axis; it has the shape ${formatShape(tensor.shape)}.`,
      );
    }
    const executable = await compile(graph, compileOptions);
    return { executable, resultDef, dispose: () => executable.dispose() };
  };
  return {
    async run(trees, given) {
      const count = countOf(given);
      const inputs = given.map((a) => (isFloat(dtypeOf(a)) ? astype(a, dtype) : a));
      const collected = new Map<string, NdArray>();
      let def: TreeDef | undefined;
      // No examples need a compiled batch, too: it tells the shapes of the outputs.
      for (let from = 0; from === 0 || from < count; from += batchSize) {
        const size = Math.min(batchSize, count - from);
        const whole = isFixed ? batchSize : Math.min(batchSize, 2 ** Math.ceil(Math.log2(Math.max(1, size))));
        const parts = inputs.map((a) => padded(a, from, { size, whole }));
        const key = JSON.stringify(parts.map((a) => [a.shape, dtypeOf(a)]));
        const { executable, resultDef } = await compiled.get(key, () => compileFor(inputs, whole));
        const results = await executable.run(namedArrays({ trees, inputs: parts }));
        def = resultDef;
        for (const { name } of executable.graph.outputs) {
          if (!collected.has(name)) collected.set(name, emptyLike(results[name], count));
          const { data } = collected.get(name) as NdArray;
          const width = results[name].data.length / whole;
          data.set(results[name].data.subarray(0, size * width) as never, from * width);
        }
      }
      return unflatten(def as TreeDef, [...collected.values()]) as R;
    },
    dispose: () => compiled.dispose(),
  };
}

/** The number of examples. */
function countOf(inputs: readonly NdArray[]): number {
  const [first] = inputs;
  for (const a of inputs) {
    if (isNdArray(a) && a.shape.length > 0 && a.shape[0] === first.shape[0]) continue;
    throw new ShapeError(
      `predict takes arrays with equally many examples along their first axis; got ${describeValue(a)}.`,
    );
  }
  return first.shape[0];
}

/** `size` rows from one on, and copies of the last of them up to `whole`; zeros if there is none. */
function padded(
  a: NdArray,
  from: number,
  { size, whole }: { readonly size: number; readonly whole: number },
): NdArray {
  if (size === 0) return emptyLike(a, whole);
  if (size === whole) return rowsOf(a, from, from + size);
  return takeRows(
    a,
    Array.from({ length: whole }, (_, i) => from + Math.min(i, size - 1)),
  );
}

/** Zeros for a number of examples. */
function emptyLike(a: NdArray, count: number): NdArray {
  const rest = a.shape.slice(1);
  const width = sizeOf(rest);
  return { shape: [count, ...rest], data: allocate(dtypeOf(a), count * width) } as NdArray;
}
