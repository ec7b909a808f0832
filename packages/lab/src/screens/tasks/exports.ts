// What the screen's export buttons do; each returns what to say.
import type { FigureFormat } from "../../app/format.js";
import { copied, saveLines } from "../../app/save.js";
import { saveFigure } from "../save-figure.js";
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
    const grid = await tasks.grid();
    return saveFigure("level-sets", format, "tasksPlane", { state, courses, theme, grid });
  },
  "Save front as SVG": ({ state, shown: courses, front }: Tasks, theme: Theme, format: FigureFormat) =>
    saveFigure("pareto-front", format, "tasksFront", { state, courses, theme, front }),
  "Save curves as SVG": ({ state, shown: courses }: Tasks, theme: Theme, format: FigureFormat) =>
    saveFigure("curves", format, "tasksCurves", { state, courses, theme }),
} as const satisfies Record<string, (tasks: Tasks, theme: Theme, format: FigureFormat) => Promise<string>>;

export const exportNames = Object.keys(exports) as (keyof typeof exports)[];
