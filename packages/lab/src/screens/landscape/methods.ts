// What the compared methods are called, and how their curves look: by color, dash and words.
import { themeOf } from "isoloss-figures/base";
import { type MethodName, methodNames } from "./state.js";

interface Look {
  readonly title: string;
  readonly dash: readonly number[];
  /** What the method is, for those who have not met it. */
  readonly text: string;
}

const looks: Readonly<Record<MethodName, Look>> = {
  plain: { title: "plain", dash: [], text: "The optimizer alone." },
  teleported: {
    title: "teleported",
    dash: [],
    text: "The optimizer, with teleports before the chosen steps.",
  },
  random: {
    title: "random angle",
    dash: [8, 4],
    text: "A control: one random angle instead of the search, under the same guard.",
  },
  rate: {
    title: "larger rate",
    dash: [3, 3],
    text: "A control: no teleport, the rate times the root of the teleports' mean gain.",
  },
  lbfgs: {
    title: "L-BFGS",
    dash: [10, 3, 2, 3],
    text: "Quasi-Newton steps with line searches, no teleport.",
  },
  cg: {
    title: "conjugate gradients",
    dash: [2, 4],
    text: "Conjugate directions with line searches, no teleport.",
  },
};

export const lookOf = (method: MethodName, theme: "light" | "dark") => ({
  ...looks[method],
  color: themeOf(theme).series(methodNames.indexOf(method)),
});
