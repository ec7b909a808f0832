// What the runs and settings are called, and how the runs look.
import { themeOf } from "isoloss-figures/base";
import { type DataName, type RunName, runNames, type TrainState } from "./state.js";

const runs: Readonly<
  Record<RunName, { readonly title: string; readonly dash: readonly number[]; readonly text: string }>
> = {
  plain: { title: "plain", dash: [], text: "The optimizer alone." },
  teleported: { title: "teleported", dash: [], text: "The optimizer, with teleports." },
  random: {
    title: "random move",
    dash: [8, 4],
    text: "A control: one random element of the group instead of the search, under the same guard.",
  },
  rate: { title: "other rate", dash: [3, 3], text: "A control: no teleport, the rate times a factor." },
};

export function lookOf(name: RunName, { control }: Pick<TrainState, "control">, theme: "light" | "dark") {
  const look = runs[name];
  const title = name === "rate" ? `rate × ${control}` : look.title;
  return { ...look, title, color: themeOf(theme).series(runNames.indexOf(name)) };
}

export const dataTitles: Readonly<Record<DataName, string>> = {
  moons: "two moons",
  circles: "two circles",
  spirals: "two spirals",
  digits: "digits, 8 × 8 pixels",
  own: "points of your own",
};

export const activations = [
  ["relu", "ReLU"],
  ["leakyRelu", "leaky ReLU"],
  ["tanh", "tanh"],
] as const;

export const policies = [
  ["keep", "kept"],
  ["reset", "reset"],
  ["push", "moved along"],
  ["reuse", "reused in part"],
] as const;

/** What a chart says of a band where some of `all`, such as "3 seeds", diverged; `isOpen` where others did not at the same place. */
export const divergedNote = (
  title: string,
  diverged: number,
  all: string,
  isOpen: boolean,
): readonly string[] =>
  diverged === 0
    ? []
    : [`${title}: ${diverged} of ${all} diverged${isOpen ? ": there its band has no end" : ""}.`];
