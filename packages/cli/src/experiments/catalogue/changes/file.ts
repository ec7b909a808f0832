import { fromOnnx, modelToOnnx, trainable, withParams } from "isoloss/onnx";
import type { Tree } from "../problems.js";
import type { RunData } from "../run-data.js";
import type { Network } from "./network.js";

/** Names of the input and the result in files of networks. */
export const fileNames = { input: "x", output: "logits" } as const;

/**
 * A network in evaluation mode as an ONNX file, with the input x and the output logits.
 *
 * @param batch number of examples; undefined: it stays open
 */
export function networkFile(
  { model, params, state }: Network,
  { train }: RunData,
  options: { readonly batch?: number | undefined; readonly metadata?: Readonly<Record<string, string>> } = {},
): Uint8Array {
  return modelToOnnx(
    model,
    { params, state },
    { ...fileNames, ...options, example: train.inputs.shape.slice(1) },
  );
}

/** The file of a network, as it was read where it was read from one: a graph no longer shows what were batch norms. */
export const fileOf = (network: Network, data: RunData): Uint8Array =>
  network.file === undefined
    ? networkFile(network, data)
    : withParams(network.file, { ...network.params, ...network.state } as never);

/** The network of a file, to be trained. */
export function networkOf(file: Uint8Array): Network {
  const model = fromOnnx(file);
  const { params, state } = model;
  return { model: trainable(model) as unknown as Network["model"], params: params as Tree, state, file };
}
