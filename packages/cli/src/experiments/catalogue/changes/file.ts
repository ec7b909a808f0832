import { dtypeOf, namedArrays, spec, toOnnx, trace } from "isoloss";
import { fromOnnx, trainable, withParams } from "isoloss/onnx";
import { cast } from "isoloss/ops";
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
  const { batch, metadata } = options;
  const isDouble = Object.values(namedArrays({ params })).some((a) => dtypeOf(a) === "float64");
  const graphOf = (examples: number) =>
    trace(
      (at) => {
        const x = isDouble ? cast(at.x, "float64") : at.x;
        return { [fileNames.output]: model.apply(at.params, x, { state: at.state as never }).output };
      },
      { params, state, x: spec([examples, ...train.inputs.shape.slice(1)], "float32") },
    ).graph;
  return toOnnx(batch === undefined ? graphOf : graphOf(batch), {
    constants: namedArrays({ params, state }),
    ...(metadata ? { metadata } : {}),
  });
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
