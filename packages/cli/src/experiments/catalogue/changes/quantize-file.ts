import type { Model } from "isoloss";
import { constant } from "isoloss/ops";
import { fromOnnx, quantizeModel } from "isoloss-onnx";
import type { Tree } from "../problems.js";
import { fileNames, fileOf } from "./file.js";
import { type Change, firstExamples, type Network } from "./network.js";

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
    const { bytes } = await quantizeModel(fileOf(network, data), {
      calibration: [{ [fileNames.input]: x }],
      granularity,
      biasCorrection,
      equalize: false,
    });
    return { ...network, model: fixedModel(bytes, network) };
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
