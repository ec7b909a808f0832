import { join, relative, resolve } from "node:path";
import { DataError } from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import type { ThemeName } from "isoloss-figures/base";
import { loadAllStored, type StoredResult } from "../experiments/jobs/stored.js";
import { type FigureName, runFigureNames } from "../experiments/kind.js";
import { type DrawnFigure, drawFigures, figuresFor } from "../experiments/report/figures.js";
import { toCsv } from "../formats/csv.js";
import { pngOf } from "../formats/png.js";
import { choice, json, type Values, value } from "../option-rows.js";
import { prepareFolder } from "../output.js";
import { finiteNumber, oneName } from "../parse.js";
import type { Result } from "./command.js";

const options = {
  out: value("<dir>", "folder for the figures", String, "figures"),
  figure: value<readonly FigureName[]>(
    "<name>",
    "only this figure; may be given several times",
    (text, before) => [...before, oneName(runFigureNames)(text)],
    [],
    "all that the runs have numbers for",
  ),
  theme: choice("<theme>", "auto follows the page that shows it", ["light", "dark", "auto"], "light"),
  scale: value("<n>", "pixels of a PNG for a px of the SVG, up to 10", finiteNumber, 2),
  json: json("the paths as a JSON document on stdout"),
};

type Settings = Values<typeof options>;

const help = `Figures
  levelSets               functions of two variables: contours, trajectories, teleports
  loss, gradNormSq        against steps, with the teleports; the loss also against seconds
  validation, accuracy    of networks, against steps and against seconds
  paths, front            the toy of two tasks: its paths, and where they end in the plane of losses
  sweep                   functions: the final loss against the teleports' learning rate and steps
  minima                  sharpness and curvature of minima against their validation loss
  conflicts, test         several tasks: cosines between their gradients, and results on the test data
  gains                   the gain of COST and its controls over the same method, seed by seed
Runs of one variant make one curve with its spread. The numbers are in data.csv and teleports.csv.

The document of --json: figures (paths of what was written).

Examples:
  isoloss plot runs/booth-*
  isoloss plot runs/classify-digits-* --figure loss --figure accuracy --theme dark --scale 3`;

/** `isoloss plot`: draws runs as SVG and PNG, and writes the numbers of the figures. */
async function run(paths: readonly string[], { out, figure, theme, scale }: Settings): Promise<Result> {
  const runs = await loadAllStored(paths);
  const written = await writeRunFigures(runs, {
    out: resolve(out),
    theme,
    scale,
    ...(figure.length > 0 ? { figures: figure } : {}),
  });
  const text = written.map((path) => relative(process.cwd(), path)).join("\n");
  return { document: { figures: written }, text: [text] };
}

export const plot = { options, help, run };

/**
 * Draws runs into a folder; returns the paths of what it wrote.
 *
 * @param options `figures`: default all that the runs have numbers for; `scale`: of the PNG
 * @throws DataError for a figure that the runs have no numbers for, or a folder that cannot be written to
 */
export async function writeRunFigures(
  runs: readonly StoredResult[],
  {
    out,
    figures,
    theme = "light",
    scale,
  }: {
    readonly out: string;
    readonly figures?: readonly FigureName[];
    readonly theme?: ThemeName;
    readonly scale?: number;
  },
): Promise<string[]> {
  const drawn = await drawEach(runs, figures, theme);
  // A PNG has no page to take colors from.
  const pictures = theme === "auto" ? await drawEach(runs, figures, "light") : drawn;
  await prepareFolder(out);
  const written: string[] = [];
  const write = async (name: string, content: string | Uint8Array) => {
    const path = join(out, name);
    await writeFileAtomic(path, content);
    written.push(path);
  };
  for (const [i, { name, svg }] of drawn.entries()) {
    await write(`${name}.svg`, svg);
    await write(`${name}.png`, await pngOf(pictures[i].svg, scale === undefined ? {} : { scale }));
  }
  const rowsOf = (key: "metrics" | "teleports") =>
    runs.flatMap(({ variant, seed, stored }) =>
      stored[key].map((record) => ({ run: variant, seed, ...record })),
    );
  await write("data.csv", toCsv(rowsOf("metrics")));
  const teleports = rowsOf("teleports");
  if (teleports.length > 0) await write("teleports.csv", toCsv(teleports));
  return written;
}

/** The requested figures; by default all that the runs have numbers for. */
async function drawEach(
  runs: readonly StoredResult[],
  asked: readonly FigureName[] | undefined,
  theme: ThemeName,
): Promise<DrawnFigure[]> {
  const drawn: DrawnFigure[] = [];
  for (const figure of asked ?? figuresFor(runs)) {
    const some = await drawFigures({ results: runs, figures: [figure], theme });
    if (asked && some.length === 0) throw new DataError(`The runs have no numbers for the figure ${figure}.`);
    drawn.push(...some);
  }
  return drawn;
}
