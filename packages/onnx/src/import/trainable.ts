import { DTypeError, dtypeOf, type ImportedModel, type Model, type NdArray, OptionError } from "isoloss";
import { describeValue, requireKnown } from "isoloss/internal";
import { constant } from "isoloss/ops";

export interface TrainableOptions {
  /** The input that gets the data; default the only one. */
  readonly input?: string | undefined;
  /** The result that is trained; default the only one. */
  readonly output?: string | undefined;
  /** Which arrays stay as they are, by their names in `params` and `state`; default none. */
  readonly freeze?: ((name: string) => boolean) | undefined;
}

type Arrays = Readonly<Record<string, NdArray>>;

/**
 * An imported model as a model for `createTrainer`: it begins with the file's parameters, and carries the running
 * statistics of its batch normalizations as state.
 *
 * In training a batch normalization uses mean m and variance v of the batch, and running := 0.9 running + 0.1 batch with the
 * unbiased variance, as in `batchNorm` (the file's `momentum` in the place of 0.9); in evaluation it uses the running
 * statistics. One with frozen statistics, or with statistics that share a tensor of the file with something else, uses
 * the running ones always. Dropout does nothing, as in a file that was exported for inference.
 *
 * Frozen parameters are constants of the graph. `withParams(bytes, { ...params, ...state })` writes a trained model back.
 *
 * @param model a model of `fromOnnx`
 * @param options `input`, `output` and `freeze`
 * @returns a model whose parameters and state are arrays by name; `init` ignores the generator
 * @throws OptionError for an input or output that the model does not have, and if nothing is left to train; `init` throws
 *   DTypeError for another dtype than that of the model
 *
 * @example
 * const imported = fromOnnx(bytes);
 * const model = trainable(imported, { output: "logits", freeze: (name) => name.includes("layers.0.") });
 * const data = { inputs: x, labels: y };
 * const trainer = await createTrainer({ model, data, optimizer: adam(), learningRate: 1e-3 });
 * await trainer.run({ steps: 5 });
 * const { params, state } = trainer.current;
 * const after = withParams(bytes, { ...params, ...state });
 */
export function trainable(model: ImportedModel, options: TrainableOptions = {}): Model<Arrays, Arrays> {
  requireImported(model);
  requireKnown("trainable", options, ["input", "output", "freeze"], 'trainable(model, { output: "logits" })');
  const inputs = model.inputs.map(({ name }) => name);
  const input = chosen("input", options.input, inputs);
  const output = chosen("output", options.output, model.outputs);
  if (inputs.length !== 1) {
    throw new OptionError(
      `trainable: the model must have one input, which gets the data; it has ${inputs.join(", ") || "none"}.`,
    );
  }
  const { freeze = () => false } = options;
  if (typeof freeze !== "function") {
    throw new OptionError(
      `trainable: freeze must be a function of an array's name; got ${describeValue(freeze)}.`,
    );
  }
  if (Object.keys(model.params).length === 0) {
    throw new OptionError(
      "trainable: the file must have parameters of floats; it has none. If it is quantized, train the file in float that it was made of, and quantize that again.",
    );
  }
  const [frozen, params] = parted(model.params, freeze);
  const [, state] = parted(model.state, freeze);
  if (Object.keys(params).length === 0) {
    const names = Object.keys(model.params).join(", ");
    throw new OptionError(`trainable: nothing is left to train: all of ${names} is frozen.`);
  }
  const [float] = Object.values(params).map(dtypeOf);
  return {
    init(_, { dtype = float } = {}) {
      if (dtype === float) return { params, state };
      throw new DTypeError(
        `trainable: the model was read as ${float}, and is to be trained as ${dtype}: read it with fromOnnx(bytes, { dtype: "${dtype}" }).`,
      );
    },
    apply(own, x, context) {
      const constants = Object.entries(frozen).map(([name, value]) => [name, constant(value)]);
      const all = { ...Object.fromEntries(constants), ...own };
      const result = model.applyWithState(all, { [input]: x }, context);
      return { output: result.output[output], state: result.state };
    },
  };
}

function requireImported(model: unknown): void {
  const { applyWithState } = (model ?? {}) as Partial<ImportedModel>;
  if (typeof applyWithState === "function") return;
  throw new OptionError(
    `trainable takes a model that fromOnnx has read; got ${describeValue(model)}. Write trainable(fromOnnx(bytes)).`,
  );
}

/** A name among those of the model; the only one by default. */
function chosen(what: "input" | "output", name: string | undefined, names: readonly string[]): string {
  if (name === undefined && names.length === 1) return names[0];
  if (name !== undefined && names.includes(name)) return name;
  const problem = name === undefined ? `must be named` : `"${name}" is not one of the model's`;
  throw new OptionError(`trainable: the ${what} ${problem}; it has ${names.join(", ") || "none"}.`);
}

/** The arrays that a condition selects, and the others. */
const parted = (arrays: Arrays, isFirst: (name: string) => boolean): readonly [Arrays, Arrays] => {
  const pick = (wanted: boolean) =>
    Object.fromEntries(Object.entries(arrays).filter(([name]) => isFirst(name) === wanted));
  return [pick(true), pick(false)];
};
