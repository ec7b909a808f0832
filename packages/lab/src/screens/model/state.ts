// The settings of the model screen, which are what its address holds; a file of one's own cannot be in it.
import { printState, type ReadState, readState, type StateOf } from "../../url/codec.js";
import { choiceField, numberField } from "../../url/fields.js";

export const sampleNames = ["mlp", "convnet", "attention"] as const;
export type SampleName = (typeof sampleNames)[number];

const modelFields = {
  sample: choiceField(sampleNames),
  /** Whether the graph runs from top to bottom or from left to right. */
  dir: choiceField(["tb", "lr"]),
  /** What turning the wheel over the graph does without Ctrl. */
  wheel: choiceField(["scroll", "zoom"]),
  /** Of directions, random moves and the first inputs that outputs are compared on. */
  seed: numberField([0, 1e6], true),
};

export interface ModelState extends StateOf<typeof modelFields> {}

export const samples: Readonly<Record<SampleName, string>> = {
  mlp: "perceptron 8-16-4, leaky ReLU",
  convnet: "small convolutional network",
  attention: "one block of attention",
};

export const defaults: ModelState = { sample: "mlp", dir: "tb", wheel: "scroll", seed: 0 };

export const readModel = (query: string): ReadState<ModelState> => readState(modelFields, query, defaults);
export const printModel = (state: ModelState): string => printState(modelFields, state, defaults);
