// A trained network as a file.
import { encodeCheckpoint, namedArrays, spec, type Trainer, toOnnx, trace } from "isoloss";
import { encodeSafetensors } from "isoloss/data";
import type { MlpParams } from "isoloss/nn";
import { modelOf, type TrainData } from "./problem.js";
import type { FileKind, TrainState } from "./state.js";

/** What a file is made of. */
export interface Trained {
  readonly state: TrainState;
  readonly data: TrainData;
  readonly trainer: Trainer<MlpParams, object>;
}

/** The parameters as float32 tensors, the network as a graph of any number of examples, or all that training goes on with. */
export const fileOf: Readonly<Record<FileKind, (trained: Trained) => Uint8Array>> = {
  weights: ({ trainer }) => encodeSafetensors(namedArrays(trainer.current.params)),
  checkpoint: ({ trainer }) => encodeCheckpoint(trainer),
  onnx({ state, data, trainer }) {
    const { params } = trainer.current;
    const model = modelOf(state, data);
    const graphOf = (batch: number) =>
      trace(({ x, ...p }) => ({ logits: model.apply(p as never, x).output }), {
        x: spec([batch, data.inputs]),
        ...params,
      }).graph;
    return toOnnx(graphOf, { constants: namedArrays(params) });
  },
};
