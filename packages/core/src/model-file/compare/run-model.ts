import { OptionError } from "../../errors.js";
import type { Tensor } from "../../graph/tensor.js";
import type { ImportedModel } from "../../nn/onnx/from-onnx.js";
import type { CompileOptions } from "../../runtime/compile.js";
import { jit } from "../../runtime/jit.js";
import type { NamedValues } from "./random-inputs.js";

interface RunOptions extends Pick<CompileOptions, "runtime"> {
  /** What is computed of the model's results. */
  readonly after?: (results: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
}

/** What a model computes for each of some batches of the same shapes. */
export async function outputsOf(
  model: ImportedModel,
  batches: readonly NamedValues[],
  { runtime, after = (results) => results }: RunOptions,
): Promise<readonly NamedValues[]> {
  const { params, inputs } = model;
  const lost = inputs.find(({ name }) => batches.some((batch) => !Object.hasOwn(batch, name)));
  if (lost !== undefined) {
    const given = Object.keys(batches[0]).join(", ") || "nothing";
    throw new OptionError(`The model's input "${lost.name}" is missing; the batch has ${given}.`);
  }
  // Names of a file may hold colons, which names of a graph's inputs and outputs must not.
  const names: string[] = [];
  const run = await jit(
    ({ p, x }) => {
      const results = Object.entries(after(model.apply(p, named(inputs, x))));
      names.push(...results.map(([name]) => name));
      return results.map(([, tensor]) => tensor);
    },
    { p: params, x: inputs.map(({ name }) => batches[0][name]) },
    { runtime },
  );
  const outputs: NamedValues[] = [];
  for (const batch of batches) {
    const values = await run({ p: params, x: inputs.map(({ name }) => batch[name]) });
    outputs.push(Object.fromEntries(values.map((value, i) => [names[i], value])));
  }
  await run.dispose();
  return outputs;
}

const named = <T>(inputs: ImportedModel["inputs"], values: readonly T[]): Record<string, T> =>
  Object.fromEntries(inputs.map(({ name }, i) => [name, values[i]]));
