// What the screen's export buttons do; each returns what to say.
import type { FigureFormat } from "../../app/format.js";
import { openInModel } from "../../app/open-in-model.js";
import { copied, save, saveLines } from "../../app/save.js";
import { saveFigure } from "../save-figure.js";
import type { Theme, Train } from "./controller.svelte.js";
import { dataCsv, experimentOf, teleportsCsv, typescriptOf } from "./export.js";
import { type FileKind, fileEndings } from "./state.js";

/** The teleported network, or the first one. */
async function networkOf(train: Train, kind: FileKind) {
  const [first] = train.runs;
  if (first === undefined) throw new Error("There is no network yet.");
  const { name, status } = train.runs.find((run) => run.name === "teleported") ?? first;
  if (status === "diverged") throw new Error(`All seeds of ${name} diverged: there is no network to save.`);
  return { name, bytes: await train.file(name, kind) };
}

async function saveNetwork(train: Train, kind: FileKind): Promise<string> {
  const { name, bytes } = await networkOf(train, kind);
  const file = `${name}${fileEndings[kind]}`;
  save(file, bytes, "application/octet-stream");
  return `${file} saved.`;
}

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
    await saveLines("data.csv", dataCsv(runs));
    await saveLines("teleports.csv", teleportsCsv(runs));
    return "data.csv and teleports.csv saved.";
  },
  "Save curves as SVG": ({ state, runs }: Train, theme: Theme, format: FigureFormat) =>
    saveFigure("curves", format, "trainCurves", { state, runs, theme }),
  "Save weights": (train: Train) => saveNetwork(train, "weights"),
  "Save as ONNX": async (train: Train) => {
    const said = await saveNetwork(train, "onnx");
    return train.state.data === "own" ? `${said} It takes coordinates of mean 0 and deviation 1.` : said;
  },
  "Open in Model": async (train: Train) => {
    const { name, bytes } = await networkOf(train, "onnx");
    openInModel(bytes, `${name}.onnx`);
    return `${name}.onnx is opened on Model.`;
  },
  "Save checkpoint": (train: Train) => saveNetwork(train, "checkpoint"),
} as const satisfies Record<string, (train: Train, theme: Theme, format: FigureFormat) => Promise<string>>;

export const exportNames = Object.keys(exports) as (keyof typeof exports)[];
