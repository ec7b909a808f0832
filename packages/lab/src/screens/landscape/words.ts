// What methods and settings are called on the screen, and how the methods' curves look: by color, dash and words.
import { themeOf } from "isoloss-figures/base";
import { type FunctionName, type MethodName, methodNames, type SearchName } from "./state.js";

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
  hand: {
    title: "from the point",
    dash: [1, 5],
    text: "A teleport by hand: the optimizer alone, from the point on the orbit that you drag.",
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

/** All methods but the one by hand have the colors of the figures; that has the point's. */
export const lookOf = (method: MethodName, theme: "light" | "dark") => ({
  ...looks[method],
  color:
    method === "hand"
      ? themeOf(theme).ink
      : themeOf(theme).series(methodNames.filter((name) => name !== "hand").indexOf(method)),
});

export const functions: Readonly<Record<FunctionName, string>> = {
  rosenbrock: "Rosenbrock's valley",
  booth: "Booth's function",
  quadratic: "quadratic, ½ (x² + c y²)",
  own: "your own, r₁² + r₂²",
};

export const searches: readonly (readonly [SearchName, string])[] = [
  ["bestAngle", "best angle"],
  ["gradientAscent", "gradient ascent"],
  ["levelSet", "level set"],
];

/** The buttons that save and copy, in their order. */
export const exportNames = [
  "Copy link",
  "Copy as TypeScript",
  "Copy as experiment",
  "Save CSV",
  "Save plane as SVG",
  "Save curves as SVG",
] as const;
