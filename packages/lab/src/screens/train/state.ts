// The settings of the train screen, which are what its address holds.
import { objectiveNames, optimizerNames } from "../../app/choices.js";
import { printState, type ReadState, readState, type StateOf } from "../../url/codec.js";
import { choiceField, type Field, flagField, namesField, numberField } from "../../url/fields.js";
import { type Presets, takePreset } from "../../url/presets.js";
import { teleportsField } from "../../url/teleports.js";

export const dataNames = ["digits", "moons", "circles", "spirals", "own"] as const;
export const activationNames = ["relu", "leakyRelu", "tanh"] as const;
/** Groups that the library finds in a network, and the search that needs none. */
export const moveNames = ["scaling", "linear", "orthogonal", "shifts", "hidden", "levelSet"] as const;
export const policyNames = ["keep", "reset", "push", "reuse"] as const;
/** What is trained side by side, from the same start on the same batches. */
export const runNames = ["plain", "teleported", "random", "rate"] as const;

export type DataName = (typeof dataNames)[number];
export type MoveName = (typeof moveNames)[number];
export type RunName = (typeof runNames)[number];

/** Limits of addresses and fields. */
export const hard = {
  noise: [0, 2],
  lr: [1e-12, 1e3],
  batch: [1, 2000],
  seed: [0, 1_000_000],
  seeds: [1, 8],
  epochs: [1, 5000],
  width: [1, 256],
} as const;
const mostLayers = 4;

/** Widths by comma, of one to four layers. */
const widthsField: Field<readonly number[]> = {
  read(text, name) {
    const read = text.split(",").map((part) => numberField(hard.width, true).read(part, name));
    const [notice] = read.flatMap((part) => part.notice ?? []);
    const value = read.flatMap((part) => part.value ?? []);
    if (value.length === 0) return notice === undefined ? {} : { notice };
    if (value.length > mostLayers) {
      return {
        value: value.slice(0, mostLayers),
        notice: `${name}: at most ${mostLayers} hidden layers, so ${value.slice(0, mostLayers).join(", ")}.`,
      };
    }
    return { value, ...(notice === undefined ? {} : { notice }) };
  },
  print: (value) => value.join(","),
};

export const trainFields = {
  data: choiceField(dataNames),
  /** Of planar data: standard deviation of what is added to the points. */
  noise: numberField(hard.noise),
  /** Widths of the hidden layers. */
  net: widthsField,
  act: choiceField(activationNames),
  opt: choiceField(optimizerNames),
  lr: numberField(hard.lr),
  batch: numberField(hard.batch, true),
  seed: numberField(hard.seed, true),
  /** Number of seeds of each run, from `seed` on. */
  seeds: numberField(hard.seeds, true),
  epochs: numberField(hard.epochs, true),
  tp: teleportsField,
  sym: choiceField(moveNames),
  obj: choiceField(objectiveNames),
  /** What happens to the optimizer's state. */
  state: choiceField(policyNames),
  with: namesField(runNames),
  /** Factor of the rate of the run "rate". */
  control: choiceField(["0.5", "2", "4"]),
  /** Whether the runs take turns of equal steps or of equal seconds. */
  by: choiceField(["steps", "seconds"]),
  /** What the charts show. */
  y: choiceField(["loss", "heldOut", "accuracy", "grad"]),
  logy: flagField,
};

export interface TrainState extends StateOf<typeof trainFields> {}

export const defaultState: TrainState = {
  data: "moons",
  noise: 0.15,
  net: [16, 16],
  act: "leakyRelu",
  opt: "gd",
  lr: 0.1,
  batch: 40,
  seed: 0,
  seeds: 3,
  epochs: 100,
  tp: { kind: "every", steps: 100 },
  sym: "scaling",
  obj: "gradNormSq",
  state: "keep",
  with: ["plain", "teleported", "rate"],
  control: "2",
  by: "steps",
  y: "loss",
  logy: true,
};

export const presets: Presets<TrainState> = {
  moons: {
    title: "Moons: teleports, or twice the rate?",
    text: "A teleport every 100 steps, by scalings of the units, for a larger gradient. The third run has no teleport and twice the rate.",
    state: defaultState,
  },
  spirals: {
    title: "Spirals: a hard shape for a small network",
    text: "Watch the regions wind up. Other seeds end elsewhere: one pair of runs decides nothing, which is what the race of seeds is for.",
    state: {
      ...defaultState,
      data: "spirals",
      noise: 0.03,
      net: [32, 32],
      opt: "adam",
      lr: 0.01,
      epochs: 200,
      tp: { kind: "every", steps: 200 },
    },
  },
  digits: {
    title: "Digits, the papers' setting",
    text: "64-16-10 on digits of 8 by 8 pixels, batches of 20, teleports after two epochs. At a tuned rate no form of teleport helped beyond noise.",
    state: {
      ...defaultState,
      data: "digits",
      net: [16],
      batch: 20,
      epochs: 20,
      tp: { kind: "at", steps: [142, 143, 144, 145, 146, 147, 148, 149] },
      with: ["plain", "teleported"],
    },
  },
  random: {
    title: "A random move instead",
    text: "The same guard, a random scaling instead of the search for a larger gradient: what does the search add?",
    state: { ...defaultState, data: "circles", with: ["plain", "teleported", "random"] },
  },
  hidden: {
    title: "Eq. 8: exact on its batch only",
    text: "The action through the activation keeps the loss of the 20 digits that it is computed on. The meters show what it does to others: the guard lets their loss move by 1 %.",
    // A batch has to have no more examples than a layer has inputs, a bias counted in.
    state: {
      ...defaultState,
      data: "digits",
      net: [32],
      batch: 20,
      epochs: 10,
      sym: "hidden",
      state: "push",
      with: ["plain", "teleported"],
    },
  },
};

export function readTrain(query: string): ReadState<TrainState> {
  const { state = defaultState, rest, notices } = takePreset(presets, query);
  const read = readState(trainFields, rest, state);
  return { state: read.state, notices: [...notices, ...read.notices] };
}

export const printTrain = (state: TrainState): string => printState(trainFields, state, defaultState);

/** What a run depends on: all but what is compared and how it is shown. */
export function planOf(state: TrainState): Omit<TrainState, "with" | "by" | "y" | "logy"> {
  const { with: _, by: __, y: ___, logy: ____, ...plan } = state;
  return plan;
}

export const isPlanar = ({ data }: Pick<TrainState, "data">): boolean => data !== "digits";

/** What a network is saved as, and how the names of the files end. */
export const fileEndings = {
  weights: ".safetensors",
  onnx: ".onnx",
  checkpoint: "-checkpoint.safetensors",
} as const;

export type FileKind = keyof typeof fileEndings;
