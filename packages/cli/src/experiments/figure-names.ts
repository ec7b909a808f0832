/** Figures that runs are drawn in: of each, and of those that a kind compares. */
export const runFigureNames = [
  "levelSets",
  "loss",
  "gradNormSq",
  "validation",
  "accuracy",
  "paths",
  "front",
  "conflicts",
  "test",
  "gains",
  "minima",
  "sweep",
] as const;

/** Figures that an experiment may ask for: `ratios` is of its comparison at tuned learning rates. */
export const figureNames = [...runFigureNames, "ratios"] as const;

export type FigureName = (typeof figureNames)[number];
