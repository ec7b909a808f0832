import type { Tensor } from "../graph/tensor.js";
import type { ImportedModel } from "../nn/onnx/from-onnx.js";
import type { CompileOptions } from "../runtime/compile.js";
import { jit } from "../runtime/jit.js";
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
  const { params } = model;
  const run = await jit(({ p, x }) => after(model.apply(p, x)), { p: params, x: batches[0] }, { runtime });
  const results: NamedValues[] = [];
  for (const x of batches) results.push(await run({ p: params, x }));
  await run.dispose();
  return results;
}
