// What the screen's export buttons do, loaded on use; each returns what to say.
import type { FigureFormat } from "../../app/format.js";
import type { Landscape, Theme } from "./controller.svelte.js";
import { pointOf } from "./hand.js";

const saving = () => import("../../export/save.js");
const figures = () => import("../../export/svg.js");
const copied = async (what: string, text: string) => (await saving()).copied(what, text);
const saveFigure = async (name: string, svg: string, format: FigureFormat) =>
  (await saving()).saveFigure(name, svg, format);

export const exports = {
  "Copy link": () => copied("Link", location.href),
  "Copy as TypeScript": async ({ state, orbit, hand }: Landscape) => {
    const at = orbit && hand !== undefined ? pointOf(orbit, hand) : undefined;
    return copied("Program", (await import("../../export/typescript.js")).typescriptOf(state, at));
  },
  "Copy as experiment": async ({ state }: Landscape) => {
    const text = (await import("../../export/yaml.js")).experimentOf(state);
    return text === undefined
      ? "An experiment reads no formulas: copy as TypeScript, or choose another function."
      : copied("Experiment", text);
  },
  "Save CSV": async ({ courses }: Landscape) => {
    const lines = (await import("../../export/csv.js")).dataCsv(courses);
    await (await saving()).saveLines("data.csv", lines);
    return "data.csv saved.";
  },
  "Save plane as SVG": async (landscape: Landscape, theme: Theme, format: FigureFormat) => {
    const { state, courses } = landscape;
    const { grid, floor } = await landscape.grid();
    const svg = (await figures()).planeSvg({ state, courses, theme }, grid, floor);
    return saveFigure("level-sets", svg, format);
  },
  "Save curves as SVG": async ({ state, courses }: Landscape, theme: Theme, format: FigureFormat) => {
    return saveFigure("curves", (await figures()).curvesSvg({ state, courses, theme }), format);
  },
} as const satisfies Record<
  string,
  (landscape: Landscape, theme: Theme, format: FigureFormat) => Promise<string>
>;
