// Trained models that scripts/fetch-models.mjs fetches.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { type Arrays, float32, int64 } from "isoloss-test-support/nn/onnx/support";
import { normals } from "isoloss-test-support/symmetry/discovery/support";

const folder = fileURLToPath(new URL("../../../../models", import.meta.url));

/** A file, inputs for it, and how many symmetries of each kind it has at least. */
export interface TrainedModel {
  readonly file: string;
  /** Inputs that are symbols when the model is traced. */
  readonly inputs: Arrays;
  /** Inputs that decide shapes or branches, and are arrays then. */
  readonly known?: Arrays;
  readonly scalings: number;
  readonly linear: number;
}

const noise = (shape: readonly number[], scale = 1): NdArray => {
  const { data } = normals(createRng(7), shape, scale);
  return float32([...data].map(Number), shape);
};

const zeros = (shape: readonly number[]): NdArray => noise(shape, 0);

/** Black bars on white, which resemble letters: on noise a detector's outputs are all zero to rounding. */
const bars = (size: number): NdArray => {
  const isInk = (row: number, column: number) => row % 32 >= 10 && row % 32 < 24 && column % 6 < 3;
  const values = Array.from({ length: 3 * size * size }, (_, i) =>
    isInk(Math.floor(i / size) % size, i % size) ? -2 : 2,
  );
  return float32(values, [1, 3, size, size]);
};

const rate = { sr: int64([16_000], []) };

export const trainedModels: readonly TrainedModel[] = [
  {
    // The direction of a line of text: MobileNetV3 with squeeze and excitation.
    file: "ch_ppocr_mobile_v2.0_cls_infer.onnx",
    inputs: { x: noise([2, 3, 48, 64]) },
    scalings: 19,
    linear: 0,
  },
  {
    // Text of a line: a convolutional network, then two layers of a transformer.
    file: "ch_PP-OCRv4_rec_infer.onnx",
    inputs: { x: noise([1, 3, 48, 64]) },
    scalings: 72,
    linear: 4,
  },
  {
    // Places of text: a convolutional network with a pyramid of features.
    file: "ch_PP-OCRv4_det_infer.onnx",
    inputs: { x: bars(96) },
    scalings: 78,
    linear: 4,
  },
  {
    // Whether somebody speaks: a spectrogram, convolutions and an LSTM, twice, for two rates of sampling.
    file: "silero_vad_legacy.onnx",
    inputs: { input: noise([2, 512], 0.1), h: zeros([2, 2, 64]), c: zeros([2, 2, 64]) },
    known: rate,
    scalings: 11,
    linear: 0,
  },
  {
    // The same, with all weights in the branches of an If, where they are constants.
    file: "silero_vad_v5.onnx",
    inputs: { input: noise([2, 512], 0.1), state: zeros([2, 2, 128]) },
    known: rate,
    scalings: 0,
    linear: 0,
  },
  {
    // Features of speech: convolutions of 1 x 3 and 3 x 1 with leaky ReLUs, written with Max.
    file: "embedding_model.onnx",
    inputs: { input_1: noise([2, 76, 32, 1]) },
    scalings: 1,
    linear: 0,
  },
  {
    // A mel spectrogram as convolutions with fixed weights.
    file: "melspectrogram.onnx",
    inputs: { input: noise([1, 1280], 1000) },
    scalings: 1,
    linear: 0,
  },
];

export const pathOf = ({ file }: TrainedModel): string => join(folder, file);
export const isFetched = (model: TrainedModel): boolean => existsSync(pathOf(model));
