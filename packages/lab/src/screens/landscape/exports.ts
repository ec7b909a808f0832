// What the screen's export buttons do; each returns what to say. Loaded with the first one that is pressed.
import type { FigureFormat } from "../../app/format.js";
import { copied, saveLines } from "../../app/save.js";
import { saveFigure } from "../save-figure.js";
import type { Landscape, Theme } from "./controller.svelte.js";
import { dataCsv, experimentOf, typescriptOf } from "./export.js";
import { pointOf } from "./hand.js";
import type { exportNames } from "./words.js";

export const exports = {
  "Copy link": () => copied("Link", location.href),
  "Copy as TypeScript": ({ state, orbit, hand }) => {
    const at = orbit && hand !== undefined ? pointOf(orbit, hand) : undefined;
    return copied("Program", typescriptOf(state, at));
  },
  "Copy as experiment": async ({ state }) => {
    const text = experimentOf(state);
    return text === undefined
      ? "An experiment reads no formulas: copy as TypeScript, or choose another function."
      : copied("Experiment", text);
  },
  "Save CSV": async ({ courses }) => {
    await saveLines("data.csv", dataCsv(courses));
    return "data.csv saved.";
  },
  "Save plane as SVG": async (landscape, theme, format) => {
    const { state } = landscape;
    // What the figure does not show is not copied.
    const courses = landscape.courses.map(({ method, x, y, jumps }) => ({ method, x, y, jumps }));
    const levels = await landscape.grid();
    return saveFigure("level-sets", format, "landscapePlane", { state, courses, theme, ...levels });
  },
  "Save curves as SVG": ({ state, courses: runs }, theme, format) => {
    const courses = runs.map(({ method, loss, gradNormSq, jumps }) => ({ method, loss, gradNormSq, jumps }));
    return saveFigure("curves", format, "landscapeCurves", { state, courses, theme });
  },
} as const satisfies Record<
  (typeof exportNames)[number],
  (landscape: Landscape, theme: Theme, format: FigureFormat) => Promise<string>
>;
