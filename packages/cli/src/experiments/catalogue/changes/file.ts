import { isUndefined, mapValues, omitBy } from "es-toolkit";
import { dtypeOf, type Model, OptionError, type Tensor } from "isoloss";
import { type ModelToOnnxOptions, modelToOnnx } from "isoloss/onnx";
import { fromOnnx, trainable, withParams } from "isoloss-onnx";
import type { TrainedRun } from "../../kind.js";
import type { Tree } from "../problems.js";
import type { RunData } from "../run-data.js";
import type { Network } from "./network.js";

/** Names of the input and the result in files of networks. */
export const fileNames = { input: "x", output: "logits" } as const;

type ExportedModel = Model<Tree, Tree, Tensor | Readonly<Record<string, Tensor>>>;

/** What a file of a run's network says of it. */
export const fileMetadata = (
  { name }: Pick<TrainedRun, "name">,
  step: number,
  { features, classes, tasks }: RunData,
): Readonly<Record<string, string>> => ({
  run: name,
  step: String(step),
  ...mapValues(omitBy({ features, classes, tasks }, isUndefined), (value) => JSON.stringify(value)),
});

/**
 * A network in evaluation mode as an ONNX file, with the input x and the output logits, or those of several tasks by name.
 *
 * @param options `batch`: number of examples; left out: it stays open
 */
export function networkFile(
  { model, params, state }: Pick<Network, "params" | "state"> & { readonly model: ExportedModel },
  { train }: RunData,
  options: Partial<Pick<ModelToOnnxOptions, "batch" | "metadata" | "output">> = {},
): Uint8Array {
  return modelToOnnx(
    model,
    { params, state },
    {
      ...fileNames,
      ...options,
      example: train.inputs.shape.slice(1),
      ...(dtypeOf(train.inputs) === "int64" ? { dtype: "int64" as const } : {}),
    },
  );
}

/**
 * The file of a network, as it was read where it was read from one: a graph no longer shows what were batch norms.
 *
 * @param reader the change that reads it
 * @throws OptionError after changes that hold from then on and that no file keeps
 */
export function fileOf(network: Network, data: RunData, reader: string): Uint8Array {
  const lasting = network.rounding ?? (network.mask && "prune");
  if (lasting) {
    throw new OptionError(
      `start: ${reader} reads the network from a file, which would forget ${lasting}: put ${lasting} last, or leave one of them out.`,
    );
  }
  return network.file === undefined
    ? networkFile(network, data)
    : withParams(network.file, { ...network.params, ...network.state } as never);
}

export function networkOf(file: Uint8Array): Network {
  const model = fromOnnx(file);
  const { params, state } = model;
  return { model: trainable(model) as unknown as Network["model"], params: params as Tree, state, file };
}
