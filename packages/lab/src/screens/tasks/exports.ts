// What the screen's export buttons do; each returns what to say.
import { copied, save } from "../../export/save.js";
import type { Tasks, Theme } from "./controller.svelte.js";
import { dataCsv, experimentOf, typescriptOf } from "./export.js";

export const exports = {
  "Copy link": () => copied("Link", location.href),
  "Copy as TypeScript": ({ state }: Tasks) => copied("Program", typescriptOf(state)),
  "Copy as experiment": ({ state }: Tasks) => copied("Experiment", experimentOf(state)),
  "Save CSV": async ({ shown }: Tasks) => {
    save("data.csv", dataCsv(shown), "text/csv");
    return "data.csv saved.";
  },
  "Save plane as SVG": async (tasks: Tasks, theme: Theme) => {
    const { state, shown: courses } = tasks;
    const [{ planeSvg }, grid] = await Promise.all([import("./figures.js"), tasks.grid()]);
    save("level-sets.svg", planeSvg({ state, courses, theme }, grid), "image/svg+xml");
    return "level-sets.svg saved.";
  },
  "Save front as SVG": async ({ state, shown: courses, front }: Tasks, theme: Theme) => {
    const { frontSvg } = await import("./figures.js");
    save("pareto-front.svg", frontSvg({ state, courses, theme }, front), "image/svg+xml");
    return "pareto-front.svg saved.";
  },
  "Save curves as SVG": async ({ state, shown: courses }: Tasks, theme: Theme) => {
    const { curvesSvg } = await import("./figures.js");
    save("curves.svg", curvesSvg({ state, courses, theme }), "image/svg+xml");
    return "curves.svg saved.";
  },
} as const satisfies Record<string, (tasks: Tasks, theme: Theme) => Promise<string>>;
