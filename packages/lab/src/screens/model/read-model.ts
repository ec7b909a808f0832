// A file as a model whose symmetries are looked for, as far as it can be read.
import { IsolossError, type Symmetries, spec, symmetriesOf, type Tensor, trace } from "isoloss";
import type { ImportedModel } from "isoloss/onnx";
import { add, cast, mean, square, sub } from "isoloss/ops";
import { fromOnnx } from "isoloss-onnx";
import type { Params } from "./groups.js";
import { type Sizes, shapeOf } from "./sizes.js";

/** The model, or why it cannot be read as a computation: the library's own words. */
export interface ReadModel {
  readonly imported: ImportedModel | undefined;
  readonly problem: string | undefined;
}

export function readModel(bytes: Uint8Array): ReadModel {
  try {
    const imported = fromOnnx(bytes);
    const unranked = imported.inputs.find(({ shape }) => shape === undefined);
    if (unranked === undefined) return { imported, problem: undefined };
    const problem = `The file does not say how many axes the input "${unranked.name}" has. Export the model with the shapes of its inputs.`;
    return { imported: undefined, problem };
  } catch (error) {
    if (!(error instanceof IsolossError)) throw error;
    return { imported: undefined, problem: error.message };
  }
}

/**
 * The symmetries of the distances of all outputs from any targets: what keeps these on all inputs keeps the outputs.
 */
export function symmetriesOfModel(model: ImportedModel, sizes: Sizes): Symmetries<Params> {
  const { params, inputs, outputs } = model;
  const named = (batch: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(inputs.map(({ name }, i) => [name, batch[`x${i}`]]));
  const given = Object.fromEntries(
    inputs.map((input, i) => [`x${i}`, spec(shapeOf(input, sizes), input.dtype)]),
  );
  const { graph } = trace(({ p, x }) => Object.values(model.apply(p, named(x))), { p: params, x: given });
  const targets = graph.outputs.map(({ tensor }, i) => [`y${i}`, spec(tensor.shape, "float32")] as const);
  const distance = (p: Readonly<Record<string, Tensor>>, batch: Readonly<Record<string, Tensor>>): Tensor => {
    const results = model.apply(p, named(batch));
    const all = outputs.map((name, i) => mean(square(sub(cast(results[name], "float32"), batch[`y${i}`]))));
    return all.reduce((a, b) => add(a, b));
  };
  return symmetriesOf<Params>(distance as never, params, { ...given, ...Object.fromEntries(targets) });
}
