// What the screen's export buttons do; each returns what to say.
import type { FigureFormat } from "../../app/format.js";
import { copied, saveFigure, saveLines } from "../../export/save.js";
import type { Tasks, Theme } from "./controller.svelte.js";
import { dataCsv, experimentOf, typescriptOf } from "./export.js";

export const exports = {
  "Copy link": () => copied("Link", location.href),
  "Copy as TypeScript": ({ state }: Tasks) => copied("Program", typescriptOf(state)),
  "Copy as experiment": ({ state }: Tasks) => copied("Experiment", experimentOf(state)),
  "Save CSV": async ({ shown }: Tasks) => {
    await saveLines("data.csv", dataCsv(shown));
    return "data.csv saved.";
  },
  "Save plane as SVG": async (tasks: Tasks, theme: Theme, format: FigureFormat) => {
    const { state, shown: courses } = tasks;
    const [{ planeSvg }, grid] = await Promise.all([import("./figures.js"), tasks.grid()]);
    return saveFigure("level-sets", planeSvg({ state, courses, theme }, grid), format);
  },
  "Save front as SVG": async (
    { state, shown: courses, front }: Tasks,
    theme: Theme,
    format: FigureFormat,
  ) => {
    const { frontSvg } = await import("./figures.js");
    return saveFigure("pareto-front", frontSvg({ state, courses, theme }, front), format);
  },
  "Save curves as SVG": async ({ state, shown: courses }: Tasks, theme: Theme, format: FigureFormat) => {
    const { curvesSvg } = await import("./figures.js");
    return saveFigure("curves", curvesSvg({ state, courses, theme }), format);
  },
} as const satisfies Record<string, (tasks: Tasks, theme: Theme, format: FigureFormat) => Promise<string>>;
