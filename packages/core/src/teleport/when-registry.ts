import { integerFrom, type Kind, listOf, nonNegative, optionTable } from "../options.js";
import type { Choice } from "../registry.js";
import {
  atSteps,
  every,
  everyOptions,
  inEpochs,
  inEpochsOptions,
  onPlateau,
  onPlateauOptions,
  onPredictedGain,
  onPredictedGainOptions,
} from "./when.js";

/** A schedule of teleports that a configuration chooses by a key, its name: `{ every: 100, from: 99 }`. */
interface WhenChoice extends Choice<(value: never, options: never) => unknown> {
  /** The value of the key; without it the value is the options. */
  readonly value?: Kind | undefined;
}

/** Every schedule of teleports by name. */
export const whens = {
  atSteps: {
    value: listOf(integerFrom(0), { least: 1 }),
    make: (steps: readonly number[]) => atSteps(steps),
    options: optionTable("atSteps", {}),
    summary: "at given steps: { atSteps: [5, 50] }",
  },
  every: {
    value: integerFrom(1),
    make: every,
    options: everyOptions,
    summary: "every k steps: { every: 100, from: 99 }",
  },
  inEpochs: {
    value: listOf(integerFrom(0), { least: 1 }),
    make: inEpochs,
    options: inEpochsOptions,
    summary: "before the first mini-batches of epochs: { inEpochs: [1], batches: 4 }",
  },
  onPlateau: {
    make: onPlateau,
    options: onPlateauOptions,
    summary: "when the loss stops falling: { onPlateau: { patience: 100 } }",
  },
  onPredictedGain: {
    value: nonNegative,
    make: onPredictedGain,
    options: onPredictedGainOptions,
    summary: "when a trial teleport gains enough: { onPredictedGain: 0.5, every: 100 }",
  },
} satisfies Record<string, WhenChoice>;
