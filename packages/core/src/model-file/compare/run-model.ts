import { OptionError } from "../../errors.js";
import type { Tensor } from "../../graph/tensor.js";
import type { ImportedModel } from "../../nn/model.js";
import type { CompileOptions } from "../../runtime/compile.js";
import { jit } from "../../runtime/jit.js";
import type { FileSession } from "../../runtime/onnx/file-session.js";
import type { NamedValues } from "./random-inputs.js";

interface RunOptions extends Pick<CompileOptions, "runtime"> {
  /** What is computed of the model's results. */
  readonly after?: (results: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
}

/** A model that is ready to run. */
interface ModelSession extends FileSession {
  /** @param params others than the model's own, of the same shapes */
  run(inputs: NamedValues, params?: NamedValues): Promise<NamedValues>;
}

/** Compiles a model for batches of the shapes of one. */
export async function openModel(
  model: ImportedModel,
  example: NamedValues,
  { runtime, after = (results) => results }: RunOptions,
): Promise<ModelSession> {
  const { params, inputs } = model;
  requireInputs(model, example);
  // Names of a file may hold colons, which names of a graph's inputs and outputs must not.
  const names: string[] = [];
  const run = await jit(
    ({ p, x }) => {
      const results = Object.entries(after(model.apply(p, named(inputs, x))));
      names.push(...results.map(([name]) => name));
      return results.map(([, tensor]) => tensor);
    },
    { p: params, x: inputs.map(({ name }) => example[name]) },
    { runtime },
  );
  return {
    async run(batch, p = params) {
      requireInputs(model, batch);
      const values = await run({ p, x: inputs.map(({ name }) => batch[name]) });
      return Object.fromEntries(values.map((value, i) => [names[i], value]));
    },
    dispose: () => run.dispose(),
  };
}

/** What a model computes for each of some batches of the same shapes. */
export async function outputsOf(
  model: ImportedModel,
  batches: readonly NamedValues[],
  options: RunOptions,
): Promise<readonly NamedValues[]> {
  for (const batch of batches) requireInputs(model, batch);
  const running = await openModel(model, batches[0], options);
  const outputs: NamedValues[] = [];
  for (const batch of batches) outputs.push(await running.run(batch));
  await running.dispose();
  return outputs;
}

function requireInputs({ inputs }: ImportedModel, batch: NamedValues): void {
  const lost = inputs.find(({ name }) => !Object.hasOwn(batch, name));
  if (lost === undefined) return;
  const given = Object.keys(batch).join(", ") || "nothing";
  throw new OptionError(`The model's input "${lost.name}" is missing; the batch has ${given}.`);
}

const named = <T>(inputs: ImportedModel["inputs"], values: readonly T[]): Record<string, T> =>
  Object.fromEntries(inputs.map(({ name }, i) => [name, values[i]]));
