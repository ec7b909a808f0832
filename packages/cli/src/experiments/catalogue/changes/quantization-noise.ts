import { takeRows } from "isoloss";
import { minimizeQuantizationNoise } from "isoloss/moves";
import type { Change } from "./network.js";

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
