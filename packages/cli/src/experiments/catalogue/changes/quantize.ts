import { omit } from "es-toolkit";
import { flattenTree, type Model, Tensor, takeRows, unflattenTree } from "isoloss";
import { minimizeQuantizationNoise } from "isoloss/moves";
import { fakeQuantize } from "isoloss/nn";
import { constant } from "isoloss/ops";
import { fromOnnx, quantizeModel } from "isoloss-onnx";
import type { Tree } from "../problems.js";
import { fileNames, fileOf } from "./file.js";
import { type Change, firstExamples, type Network } from "./network.js";

interface QuantizeOptions {
  readonly bits: number;
  readonly granularity: "tensor" | "channel";
}

/** Weights as integers of few bits in every evaluation and every step, with straight-through gradients. */
export const quantize = ({ bits, granularity }: QuantizeOptions): Change => ({
  isMove: false,
  apply: (network) => ({
    ...network,
    rounding: "quantize",
    model: withWeights(network.model, (weight) =>
      fakeQuantize(weight, { bits, ...(granularity === "channel" ? { axis: 0 } : {}) }),
    ),
  }),
});

/** Whether a parameter multiplies: biases and the scales of normalizations have one axis. */
const isWeight = ({ rank }: Tensor): boolean => rank > 1;

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/** A model that computes with a function of each of its weights. */
function withWeights(model: Model<Tree, Tree>, change: (weight: Tensor) => Tensor): Model<Tree, Tree> {
  return {
    ...model,
    apply(params, x, context) {
      const { leaves, def } = flattenTree<Tensor>(params, isTensor);
      const changed = leaves.map((leaf) => (isWeight(leaf) ? change(leaf) : leaf));
      return model.apply(unflattenTree(def, changed) as typeof params, x, context);
    },
  };
}

export interface QuantizeFileOptions {
  readonly granularity: "tensor" | "channel";
  readonly biasCorrection: boolean;
  readonly examples: number;
}

/** Weights and activations as integers of eight bits, as in the file that is written; there is nothing left to train. */
export const quantizeFile = ({ granularity, biasCorrection, examples }: QuantizeFileOptions): Change => ({
  isMove: false,
  async apply(network, { data }) {
    const { x } = firstExamples(data, examples);
    // The mask goes on beside the file.
    const { bytes } = await quantizeModel(fileOf(omit(network, ["mask"]), data, "quantizeFile"), {
      calibration: [{ [fileNames.input]: x }],
      activations: "uint8",
      granularity,
      biasCorrection,
      equalize: false,
      compensate: false,
    });
    return { ...network, rounding: "quantizeFile", model: fixedModel(bytes, network) };
  },
});

/** The function of a file, whatever the parameters. */
function fixedModel(bytes: Uint8Array, { params, state }: Network): Model<Tree, Tree> {
  const imported = fromOnnx(bytes);
  return {
    init: () => ({ params, state }),
    apply(_, x, context) {
      const stored = Object.entries(imported.params).map(([name, value]) => [name, constant(value)]);
      const results = imported.apply(Object.fromEntries(stored), { [fileNames.input]: x });
      return { output: results[fileNames.output], state: context.state };
    },
  };
}

/** Batches of the calibration: the last quarter of them is held out. */
const batches = 8;

/** Moves to where rounded weights, one scale a tensor, and activations of eight bits make the least noise. */
export const minimizeNoise = (bits: number, examples: number): Change => ({
  isMove: true,
  async apply(network, { data: { train } }) {
    const { model, params, state } = network;
    const size = Math.max(1, Math.floor(Math.min(examples, train.inputs.shape[0]) / batches));
    const calibration = Array.from({ length: batches }, (_, k) => ({
      x: takeRows(
        train.inputs,
        Int32Array.from({ length: size }, (_, i) => k * size + i),
      ),
    }));
    const { params: moved } = await minimizeQuantizationNoise(
      (p, { x }) => model.apply(p, x, { state: state as never }).output,
      params,
      calibration,
      { weights: bits },
    );
    return { ...network, params: moved };
  },
});
