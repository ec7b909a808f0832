// What the screen's export buttons do; each returns what to say.
import { dataCsv } from "../../export/csv.js";
import { copied, type FigureFormat, save, saveFigure } from "../../export/save.js";
import { typescriptOf } from "../../export/typescript.js";
import { experimentOf } from "../../export/yaml.js";
import type { Landscape, Theme } from "./controller.svelte.js";
import { pointOf } from "./hand.js";

export const exports = {
  "Copy link": () => copied("Link", location.href),
  "Copy as TypeScript": ({ state, orbit, hand }: Landscape) =>
    copied("Program", typescriptOf(state, orbit && hand !== undefined ? pointOf(orbit, hand) : undefined)),
  "Copy as experiment": async ({ state }: Landscape) => {
    const text = experimentOf(state);
    return text === undefined
      ? "An experiment reads no formulas: copy as TypeScript, or choose another function."
      : copied("Experiment", text);
  },
  "Save CSV": async ({ courses }: Landscape) => {
    save("data.csv", dataCsv(courses), "text/csv");
    return "data.csv saved.";
  },
  "Save plane as SVG": async (landscape: Landscape, theme: Theme, format: FigureFormat) => {
    const { state, courses } = landscape;
    const [{ planeSvg }, { grid, floor }] = await Promise.all([
      import("../../export/svg.js"),
      landscape.grid(),
    ]);
    return saveFigure("level-sets", planeSvg({ state, courses, theme }, grid, floor), format);
  },
  "Save curves as SVG": async ({ state, courses }: Landscape, theme: Theme, format: FigureFormat) => {
    const { curvesSvg } = await import("../../export/svg.js");
    return saveFigure("curves", curvesSvg({ state, courses, theme }), format);
  },
} as const satisfies Record<
  string,
  (landscape: Landscape, theme: Theme, format: FigureFormat) => Promise<string>
>;
