// The settings of the model screen, which are what its address holds; a file of one's own cannot be in it.
import { type Fields, printState, type ReadState, readState } from "../../url/codec.js";
import { choiceField, numberField } from "../../url/fields.js";

export const sampleNames = ["mlp", "convnet", "attention"] as const;
export type SampleName = (typeof sampleNames)[number];

export interface ModelState {
  readonly sample: SampleName;
  /** Whether the graph runs from top to bottom or from left to right. */
  readonly dir: "tb" | "lr";
  /** What turning the wheel over the graph does without Ctrl. */
  readonly wheel: "scroll" | "zoom";
  /** Of directions, random moves and the first inputs that outputs are compared on. */
  readonly seed: number;
}

export const samples: Readonly<Record<SampleName, string>> = {
  mlp: "perceptron 8-16-4, leaky ReLU",
  convnet: "small convolutional network",
  attention: "one block of attention",
};

export const defaults: ModelState = { sample: "mlp", dir: "tb", wheel: "scroll", seed: 0 };

const modelFields: Fields<ModelState> = {
  sample: choiceField(sampleNames),
  dir: choiceField(["tb", "lr"]),
  wheel: choiceField(["scroll", "zoom"]),
  seed: numberField([0, 1e6], true),
};

export const readModel = (query: string): ReadState<ModelState> => readState(modelFields, query, defaults);
export const printModel = (state: ModelState): string => printState(modelFields, state, defaults);
