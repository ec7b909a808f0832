import { OptionError } from "../errors.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { spec, trace } from "../graph/trace.js";
import type { Model } from "../nn/model.js";
import {
  inCode,
  integerFrom,
  isObject,
  listOf,
  type OptionsOf,
  oneOf,
  optionTable,
  text,
} from "../options.js";
import { toOnnx } from "../runtime/onnx/export.js";
import { namedArrays } from "../tree.js";
import { dtypeOfTree, type Trained } from "./predictor.js";

export interface ModelToOnnxOptions extends OptionsOf<typeof modelToOnnxOptions> {}

const modelToOnnxOptions = optionTable("modelToOnnx", {
  /** Shape of one example, such as [4] for rows of four numbers. */
  example: listOf(integerFrom(1)).required(),
  /** Type of the input: `int64` of tokens; default that of the model's numbers. */
  dtype: oneOf(["float32", "float64", "int64"]).otherwise("that of the model's numbers"),
  /** Number of examples of a batch; default any. */
  batch: integerFrom(1).otherwise("any"),
  /** Name of the file's input; default input. */
  input: text("a name").default("input"),
  /** Name of the file's output, of a model that has one; default output. */
  output: text("a name").default("output"),
  /** Metadata strings stored with the model; default none. */
  metadata: inCode<Readonly<Record<string, string>>>("strings by name", isObject).otherwise("none"),
});

/**
 * A model with its numbers, in evaluation mode, as the bytes of an `.onnx` file with one input: see {@link toOnnx}. Of a model whose
 * output is tensors by name, such as those of several tasks, the file has these outputs.
 *
 * @param trained parameters and state, such as `trainer.current`
 * @throws OptionError for settings out of range; what the model throws for examples of another shape
 *
 * @example
 * const model = mlp({ sizes: [64, 10] });
 * const bytes = modelToOnnx(model, model.init(torchGenerator(0)), { example: [64], output: "logits" });
 */
export function modelToOnnx<P, S>(
  model: Model<P, S, Tensor | Readonly<Record<string, Tensor>>>,
  { params, state }: Trained<P, S>,
  options: ModelToOnnxOptions,
): Uint8Array {
  const { example, dtype, batch, input, output, metadata } = modelToOnnxOptions.read(options);
  if (input === "params" || input === "state") {
    throw new OptionError(
      `modelToOnnx: the input must not have the name "${input}", which the model's numbers have.`,
    );
  }
  const graphOf = (examples: number) =>
    trace(
      ({ params: p, state: s, [input]: x }) => {
        const result = model.apply(p, x as Tensor, { state: s }).output;
        const results = isTensor(result) ? { [output]: result } : result;
        if (!Object.hasOwn(results, input)) return results;
        throw new OptionError(
          `modelToOnnx: the input and the output must have different names; got "${input}" for both.`,
        );
      },
      { params, state, [input]: spec([examples, ...example], dtype ?? dtypeOfTree({ params, state })) },
    ).graph;
  return toOnnx(batch === undefined ? graphOf : graphOf(batch), {
    constants: namedArrays({ params, state }),
    metadata,
  });
}
