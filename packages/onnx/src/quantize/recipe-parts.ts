import type { QuantizationChoice } from "./choices.js";

/** A part of a recipe for a quantized file. */
export interface RecipePart {
  readonly name: string;
  /** Its name in the documents of earlier versions. */
  readonly formerly?: string;
  /** What it does, as a sentence. */
  readonly what: string;
}

/** The parts of recipes, the simplest first: what keeps the weights, what rounds them otherwise, what moves them. */
export const recipeParts: readonly RecipePart[] = [
  { name: "as it is", what: "The weights of the file, each rounded to the nearest integer." },
  {
    name: "dynamic",
    what: "Products round what they read by its range in each run, not by that on the calibration.",
  },
  {
    name: "biases corrected",
    what: "Each bias is shifted so that the outputs of its layer keep their means on the calibration.",
  },
  {
    name: "GPTQ",
    what: "Each rounding error is made up for by the weights behind it, by what a layer multiplies on the calibration.",
  },
  {
    name: "equal weight ranges",
    formerly: "ranges equalized",
    what: "Units are scaled, which keeps the function, so that the weights of each reach equally far.",
  },
  {
    name: "least weight noise",
    formerly: "weights alone",
    what: "Units are scaled to where rounding the weights is predicted to change the outputs least.",
  },
  {
    name: "least noise",
    formerly: "noise minimized",
    what: "Units are scaled to where all that is rounded is predicted to change the outputs least.",
  },
  {
    name: "biases absorbed",
    what: "Biases of units that are above 0 on all of the calibration move behind their ReLU, so that activations have smaller ranges.",
  },
  {
    name: "rotated",
    what: "Attention heads and residual streams are rotated, which keeps the function and spreads single large weights.",
  },
];

type Parts = Pick<QuantizationChoice, "candidate" | "activations" | "isCompensated" | "isBiasCorrected">;

/** The parts of a recipe, the simplest first; other weights that were given have no part. */
export function partsOf({
  candidate,
  activations,
  isCompensated,
  isBiasCorrected,
}: Parts): readonly RecipePart[] {
  const names = new Set([
    ...candidate.split(", "),
    ...(activations === "dynamic" ? ["dynamic"] : []),
    ...(isBiasCorrected ? ["biases corrected"] : []),
    ...(isCompensated ? ["GPTQ"] : []),
  ]);
  return recipeParts.filter(({ name, formerly = name }) => names.has(name) || names.has(formerly));
}

/** A number that is smaller for a simpler recipe: its most complex part decides, then the next one. Weights that were given are the most complex. */
export function complexityOf(choice: Parts): number {
  const moved = { ...choice, activations: "none", isCompensated: false, isBiasCorrected: false } as const;
  const isGiven = partsOf(moved).length === 0;
  const parts = partsOf(choice).map((part) => recipeParts.indexOf(part));
  return [...parts, ...(isGiven ? [recipeParts.length] : [])].reduce((sum, place) => sum + 2 ** place, 0);
}
