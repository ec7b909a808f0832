// What the screen's export buttons do; each returns what to say.
import { copied, type FigureFormat, save, saveFigure } from "../../export/save.js";
import type { Theme, Train } from "./controller.svelte.js";
import { dataCsv, experimentOf, teleportsCsv, typescriptOf } from "./export.js";

export const exports = {
  "Copy link": async ({ state }: Train) => {
    const said = await copied("Link", location.href);
    return state.data === "own" ? `${said} The points of your own are not in it.` : said;
  },
  "Copy as TypeScript": ({ state, runs }: Train) => copied("Program", typescriptOf(state, runs)),
  "Copy as experiment": async ({ state, runs }: Train) => {
    const text = experimentOf(state, runs);
    return text === undefined
      ? "An experiment reads no planar data: choose digits, or copy as TypeScript."
      : copied("Experiment", text);
  },
  "Save CSV": async ({ runs }: Train) => {
    save("data.csv", dataCsv(runs), "text/csv");
    save("teleports.csv", teleportsCsv(runs), "text/csv");
    return "data.csv and teleports.csv saved.";
  },
  "Save curves as SVG": async ({ state, runs }: Train, theme: Theme, format: FigureFormat) => {
    const { curvesSvg } = await import("./figures.js");
    return saveFigure("curves", curvesSvg({ state, runs, theme }), format);
  },
  "Save weights": async (train: Train) => {
    const [first] = train.runs;
    if (first === undefined) return "There are no weights yet.";
    const { name } = train.runs.find((run) => run.name === "teleported") ?? first;
    save(`${name}.safetensors`, await train.weights(name), "application/octet-stream");
    return `${name}.safetensors saved.`;
  },
} as const satisfies Record<string, (train: Train, theme: Theme, format: FigureFormat) => Promise<string>>;
